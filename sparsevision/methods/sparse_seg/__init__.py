"""Any mmseg encoder-decoder, trained from a few labelled pixels."""

from sparsevision.methods.sparse_seg.losses import partial_cross_entropy
from sparsevision.methods.sparse_seg.losses_boxes import box_projection
from sparsevision.methods.sparse_seg.losses_confidence import (
    entropy_minimisation,
    entropy_weight,
    ramp_up_cosine,
    uncertainty_aware_loss,
)
from sparsevision.methods.sparse_seg.losses_consistency import downsampled, structure_consistency
from sparsevision.methods.sparse_seg.losses_features import feature_guided_loss
from sparsevision.methods.sparse_seg.losses_pairwise import local_saliency_coherence
from sparsevision.methods.sparse_seg.losses_pseudo import structure_loss
from sparsevision.methods.sparse_seg.method import SparseSegmentor
from sparsevision.methods.sparse_seg.network import EncoderDecoder
from sparsevision.methods.sparse_seg.tta import AverageMasks

__all__ = [
    "AverageMasks",
    "EncoderDecoder",
    "SparseSegmentor",
    "box_projection",
    "downsampled",
    "entropy_minimisation",
    "entropy_weight",
    "feature_guided_loss",
    "local_saliency_coherence",
    "partial_cross_entropy",
    "ramp_up_cosine",
    "structure_consistency",
    "structure_loss",
    "uncertainty_aware_loss",
]
