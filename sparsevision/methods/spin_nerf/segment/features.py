"""A mask carried from view to view by image features, as video segmentation by label propagation (DINO, ICCV 2021).

The views are read as a video that runs from the source view to the last, and from the source view back to the first.
"""

from collections import deque
from collections.abc import Callable, Iterable

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.utils import UserError

Encoder = Callable[[np.ndarray], Tensor]
ROWS_AT_ONCE = 16


def propagate_by_features(
    images: np.ndarray,
    mask: np.ndarray,
    source: int,
    *,
    encoder: Encoder,
    context: int = 7,
    radius: int = 12,
    top: int = 5,
    temperature: float = 0.1,
) -> np.ndarray:
    """The object's masks (V, H, W) bool in all views; the source view keeps its own.

    Args:
        images: (V, H, W, 3) uint8 RGB, neighbours in the list being neighbours in space.
        mask: (H, W) bool of the source view.
        source: its index.
        encoder: image (H, W, 3) uint8 to features (C, h, w) that cover it.
        context: how many of the latest frames give labels beside the source frame (DINO takes 7).
        radius: in feature cells, between a cell and those that it may take labels from.
        top: so many of the most similar cells give theirs.
        temperature: of the affinity exp(cosine / temperature).

    Raises:
        UserError: an empty mask, or one of another size than the images.
    """
    if mask.shape != images.shape[1:3] or not mask.any():
        raise UserError(
            f"the mask of view {source} is {mask.shape} with {mask.sum()} pixels set; expected {images.shape[1:3]} and "
            "at least one; check the clicks."
        )
    first = _features(encoder, images[source])
    labels = _label_cells(mask, first.shape[-2:])
    masks = np.zeros((len(images), *mask.shape), bool)
    masks[source] = mask
    for order in (range(source + 1, len(images)), range(source - 1, -1, -1)):
        frames = ((view, _features(encoder, images[view])) for view in order)
        for view, soft in _propagate(frames, first, labels, context, radius, top, temperature):
            masks[view] = _to_mask(soft, mask.shape)
    return masks


def _propagate(
    frames: Iterable[tuple[int, Tensor]],
    first: Tensor,
    labels: Tensor,
    context: int,
    radius: int,
    top: int,
    temperature: float,
) -> Iterable[tuple[int, Tensor]]:
    """Each frame's soft labels (2, h, w), from the source frame's and those of the `context` frames before it."""
    latest: deque[tuple[Tensor, Tensor]] = deque(maxlen=context)
    for view, features in frames:
        known = [(first, labels), *latest]
        soft = propagate_labels(
            features,
            torch.stack([frame for frame, _ in known]),
            torch.stack([label for _, label in known]),
            radius=radius,
            top=top,
            temperature=temperature,
        )
        latest.append((features, soft))
        yield view, soft


def propagate_labels(
    target: Tensor, known: Tensor, labels: Tensor, *, radius: int, top: int, temperature: float
) -> Tensor:
    """Soft labels of a frame from those of other frames (DINO's evaluation on DAVIS).

    Each cell takes the mean label, weighted by exp(cosine / temperature), of the `top` most similar cells of all known
    frames within a square of `radius` cells around its own place.

    Args:
        target: (C, h, w) features of unit length.
        known: (N, C, h, w) likewise.
        labels: (N, L, h, w).

    Returns:
        (L, h, w).
    """
    height, width = target.shape[-2:]
    rows = []
    for start in range(0, height, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, height)
        low, high = max(0, start - radius), min(height, stop + radius)
        strip = target[:, start:stop].flatten(1)
        near = known[:, :, low:high].flatten(2)
        cosine = torch.einsum("ct,ncs->tns", strip, near)
        allowed = _within(radius, range(start, stop), range(low, high), width).to(cosine.device)
        cosine = cosine.masked_fill(~allowed[:, None], -torch.inf).flatten(1)
        value, place = cosine.topk(min(top, cosine.shape[1]), dim=1)
        weight = torch.softmax(value / temperature, dim=1)
        label = labels[:, :, low:high].permute(1, 0, 2, 3).flatten(1)  # (L, N * cells)
        rows.append((label[:, place] * weight).sum(dim=2).unflatten(1, (stop - start, width)))
    return torch.cat(rows, dim=1)


def _within(radius: int, target_rows: range, known_rows: range, width: int) -> Tensor:
    """(target cells, known cells) bool: at most `radius` rows and columns apart."""
    columns = torch.arange(width)
    near_column = (columns[:, None] - columns).abs() <= radius
    near_row = (torch.tensor(target_rows)[:, None] - torch.tensor(known_rows)).abs() <= radius
    near = near_row[:, None, :, None] & near_column[None, :, None, :]
    return near.flatten(2).flatten(0, 1)


def _features(encoder: Encoder, image: np.ndarray) -> Tensor:
    return F.normalize(encoder(image).float(), dim=0)


def _label_cells(mask: np.ndarray, cells: tuple[int, int]) -> Tensor:
    """(2, h, w): the share of background and of object in each cell."""
    share = cv2.resize(mask.astype(np.float32), cells[::-1], interpolation=cv2.INTER_AREA)
    share = torch.from_numpy(share)
    return torch.stack([1 - share, share])


def _to_mask(soft: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Soft labels (2, h, w) -> (H, W) bool: upsampled, each class stretched to [0, 1], the larger one."""
    scores = F.interpolate(soft[None], size, mode="bilinear", align_corners=False)[0]
    low, high = scores.amin(dim=(1, 2), keepdim=True), scores.amax(dim=(1, 2), keepdim=True)
    scores = torch.where(high > 0, (scores - low) / (high - low).clamp(min=1e-12), scores)
    return (scores[1] > scores[0]).cpu().numpy()
