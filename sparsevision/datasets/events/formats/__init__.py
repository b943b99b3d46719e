"""File formats of event recordings, one file each; `sparsevision.datasets.events.reader` chooses among them."""
