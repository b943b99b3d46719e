from sparsevision.layers.promptable.mobile_sam import MobileSAM
