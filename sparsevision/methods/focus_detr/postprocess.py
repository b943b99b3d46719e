"""From logits and boxes of queries to the detections of an image."""

import torch
from torch import Tensor

from sparsevision.methods.focus_detr.boxes import in_pixels


def detections(
    logits: Tensor, boxes: Tensor, *, size: tuple[int, int], top: int = 300, padding: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """The `top` best pairs of query and class of one image; there is neither threshold nor suppression.

    Args:
        logits: (Q,K).
        boxes: (Q,4) centres and sizes in [0,1].
        size: (height, width) of the image in whose pixels the boxes shall be.
        top: detections at most.
        padding: (Q,) bool, queries that do not exist.

    Returns:
        Boxes (D,4) as x1, y1, x2, y2 within the image, labels (D,), scores (D,) by falling score. Boxes that are empty
        once they are cut at the border are left out.
    """
    height, width = size
    scores = logits.float().sigmoid()
    if padding is not None:
        scores = scores[~padding]
        boxes = boxes[~padding]
    best = scores.flatten().topk(min(top, scores.numel()))
    num_classes = logits.shape[1]
    queries = best.indices // num_classes
    corners = in_pixels(boxes[queries].float(), size)
    corners = torch.minimum(corners.clamp(min=0), corners.new_tensor([width, height, width, height]))
    solid = (corners[:, 2:] > corners[:, :2]).all(dim=1)
    return corners[solid], (best.indices % num_classes)[solid], best.values[solid]
