"""From the raw files of published sets of posed photographs to scenes that `load_scene` reads."""
