"""Point clouds: voxels, views, augmentation and the rows that two views share."""
