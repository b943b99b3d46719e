"""Event cameras: recordings, representations, data sets of event frames."""
