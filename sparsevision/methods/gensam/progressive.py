"""Progressive mask generation: re-weight the image, decide when to stop, choose the pass (GenSAM, arXiv 2312.07374)."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from sparsevision.methods.gensam.heatmap import as_tensor, upsample_heatmap

Array = TypeVar("Array", Tensor, np.ndarray)
STOP_CHANGE = 0.003


def reweight_image(current: Array, original: Array, heatmap: Tensor | np.ndarray, alpha: float) -> Array:
    """a · I ⊙ up(h) + (1-a) · current: what is cold in the heatmap grows darker for the next CLIP pass.

    Args:
        current, original: images (H,W,3), tensors or arrays; give `current` twice for the variant without the
            original (`clip_input_ema=False`).
        heatmap: (H,W) or (H,W,1) in [0,1], or patch values (side²,) or (side²,1), which are brought to that size.
        alpha: weight of the re-weighted image, 0.3 in the paper.

    Returns:
        (H,W,3) float, not rounded, of the kind that came in.
    """
    height, width = current.shape[:2]
    weight = as_tensor(heatmap)
    if weight.shape[:2] != (height, width) or weight.numel() != height * width:
        weight = upsample_heatmap(weight.float(), (height, width))
    weight = weight.reshape(height, width, 1)
    if isinstance(current, np.ndarray):
        weight, original = weight.cpu().numpy(), np.asarray(original)
    else:
        weight, original = weight.to(current.device), as_tensor(original).to(current.device)
    return alpha * (original * weight) + (1 - alpha) * current


def select_pass(logits: Tensor | np.ndarray | Sequence[Tensor | np.ndarray]) -> int:
    """Index of the pass whose mask (logits > 0) differs from the mean mask in the fewest pixels; the first of equals.

    logits: (passes,H,W), or a sequence of (H,W).
    """
    stacked = isinstance(logits, Tensor | np.ndarray)
    logits = (as_tensor(logits) if stacked else torch.stack([as_tensor(each) for each in logits])).float()
    return disagreement(list(logits > 0), logits.mean(dim=0) > 0)[0]


def disagreement(masks: Sequence[Tensor], fused: Tensor) -> tuple[int, list[int]]:
    """The first of the masks (H,W) nearest to the fused mask, and for each the number of pixels where they differ."""
    counts = [int((mask != fused).sum()) for mask in masks]
    return counts.index(min(counts)), counts


def should_stop(changes: Sequence[float], *, tolerance: float = STOP_CHANGE) -> bool:
    """Whether the masks have settled.

    changes: for passes 1, 2, ... the mean over pixels of |sigmoid(logits_i) - sigmoid(logits_{i-1})|. True from pass
    2 on when the last change and its difference from the one before are both below `tolerance`; the pass is kept.
    """
    return len(changes) >= 2 and changes[-1] < tolerance and abs(changes[-1] - changes[-2]) < tolerance


class EarlyStop:
    """`should_stop` on a stream of logits (H,W): called once per pass, says whether that pass is the last."""

    def __init__(self) -> None:
        self._previous: Tensor | None = None
        self._changes: list[float] = []

    def __call__(self, logits: Tensor) -> bool:
        probability = logits.sigmoid()
        if self._previous is not None:
            self._changes.append(float((probability - self._previous).abs().mean()))
        self._previous = probability
        return should_stop(self._changes)
