"""From the raw files of published point-cloud sets to prepared sets (`sparsevision.datasets.points.scene`)."""
