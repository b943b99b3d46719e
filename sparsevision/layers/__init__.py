"""What two methods or more are built of."""

from sparsevision.layers.ms_deform_attn import MultiScaleDeformableAttention, multi_scale_deformable_attention

__all__ = ["MultiScaleDeformableAttention", "multi_scale_deformable_attention"]
