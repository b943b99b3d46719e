"""Any mmseg encoder-decoder, trained from a few labelled pixels."""

from sparsevision.methods.sparse_seg.losses import partial_cross_entropy
from sparsevision.methods.sparse_seg.method import SparseSegmentor
from sparsevision.methods.sparse_seg.network import EncoderDecoder
from sparsevision.methods.sparse_seg.tta import AverageMasks

__all__ = ["AverageMasks", "EncoderDecoder", "SparseSegmentor", "partial_cross_entropy"]
