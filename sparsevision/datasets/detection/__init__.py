"""Detection data: COCO-format sets, sets whose boxes are thinned out, and the sample that travels with an image."""
