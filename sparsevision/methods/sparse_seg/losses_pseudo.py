"""Loss against soft pseudo labels: what another model believes about every pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsevision.methods.sparse_seg.losses import full_precision


def structure_loss(
    logits: Tensor,
    target: Tensor,
    *,
    weighted: bool = True,
    kernel: int = 31,
    boost: float = 5.0,
    drop: tuple[float, float] | None = None,
) -> Tensor:
    """Cross-entropy plus intersection over union, both weighted towards the outline; mean over images.

    w = 1 + boost * |mean of y over kernel x kernel - y| (zeros outside the image), m = 0 where `drop` applies, else 1:
    sum(w m bce) / sum(w m)  +  1 - (sum(w m p y) + 1) / (sum(w m (p + y - p y)) + 1).

    Source: pixel position aware loss of F3Net (Wei et al., AAAI 2020); `drop` of WS-SAM (He et al., NeurIPS 2023), .3
    to .7.

    Args:
        logits: (B, 1, H, W); p is their sigmoid.
        target: (B, 1, H, W), y: foreground probability of the pseudo label in [0, 1].
        weighted: False is what F3Net and all after it released: `reduce='none'` means the mean, so the first term is
            the plain mean of m * bce over all pixels of the batch. The second term stays weighted.
        kernel: side of the averaging window in pixels, odd; 31 is made for sides of about 350.
        boost: see the formula.
        drop: pixels with y strictly between these two are left out. None: all count.

    Returns:
        Scalar. An image of which nothing is left adds nothing.

    Raises:
        ValueError: the shapes differ or have more than one channel, or the kernel is even.
    """
    if logits.shape != target.shape or logits.ndim != 4 or logits.shape[1] != 1:
        raise ValueError(
            f"expected logits and target (B, 1, H, W), got {tuple(logits.shape)} and {tuple(target.shape)}"
        )
    if kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, got {kernel}")
    logits = full_precision(logits)
    target = target.to(logits.dtype)
    kept = torch.ones_like(target) if drop is None else ((target <= drop[0]) | (target >= drop[1])).to(target)
    outline = 1 + boost * (F.avg_pool2d(target, kernel, 1, kernel // 2) - target).abs()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    overlap = _weighted_overlap_loss(logits.sigmoid(), target, outline * kept)
    if not weighted:
        return (kept * entropy).mean() + overlap.mean()
    weights = (outline * kept).sum((1, 2, 3))
    cross_entropy = (outline * kept * entropy).sum((1, 2, 3)) / weights.clamp(min=1)
    return (cross_entropy + overlap).mean()


def _weighted_overlap_loss(probability: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """1 - (intersection + 1) / (union + 1) of each image; inputs (B, 1, H, W), the answer (B,)."""
    both = (weights * probability * target).sum((1, 2, 3))
    either = (weights * (probability + target)).sum((1, 2, 3)) - both
    return 1 - (both + 1) / (either + 1)
