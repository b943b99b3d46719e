"""The motion brush: what is not painted is frozen, in the flow, in the latents and in the pixels.

A brush is (H, W), true or 1 = frozen; `datasets.video.brush` makes one of a painting. Source: Shi et al., Motion-I2V,
section 3.3.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from sparsevision.methods.motion_i2v.regions import nearest_pixel, squared_distance
from sparsevision.utils import UserError


def checked_brush(brush: ArrayLike, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, true = frozen.

    Raises:
        UserError: another size, or values other than 0 and 1.
    """
    array = np.asarray(brush.cpu() if isinstance(brush, Tensor) else brush)
    if array.shape != tuple(size):
        raise UserError(
            f"brush: it has shape {array.shape}, the image is (height, width) = {tuple(size)}; "
            "brush_from_painting resizes a painting."
        )
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise UserError("brush: expected 0 (may move) and 1 (frozen) alone; cut it at a threshold first.")
    return array.astype(bool)


def freeze_anchors(
    anchors: ArrayLike, *, radius: float, size: tuple[int, int], brush: ArrayLike | None = None
) -> np.ndarray:
    """Freeze discs around points that shall stay, on top of a brush: (H, W) bool, true = frozen.

    A still track only tells the network; this is kept exactly, in the flow as in the pixels.

    Args:
        anchors: (n, 2) as (x, y) in the image.
        radius: of the discs in pixels; 0 is the pixel alone.
        size: (H, W) of the image.
        brush: what is frozen already.

    Raises:
        UserError: an anchor outside the image, or a brush of another size.
    """
    frozen = np.zeros(size, dtype=bool) if brush is None else checked_brush(brush, size).copy()
    height, width = size
    for x, y in np.asarray(anchors, dtype=np.float64).reshape(-1, 2):
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
            raise UserError(f"anchors: ({x:g}, {y:g}) lies outside the image {width} wide, {height} high.")
        column, row = nearest_pixel(np.array([x, y]), size)
        frozen |= squared_distance(np.array([column, row]), size) <= radius**2
    return frozen


def clip_brush(brush: ArrayLike, *, clips: int, size: tuple[int, int]) -> Tensor:
    """A brush (H, W) for all clips of a batch, or (B, H, W) for each its own, as (1 or B, 1, 1, H, W) bool.

    Raises:
        UserError: another size or number of clips, or values other than 0 and 1.
    """
    array = np.asarray(brush.cpu() if isinstance(brush, Tensor) else brush)
    if array.ndim != 3:
        return torch.from_numpy(checked_brush(array, size))[None, None, None]
    if len(array) != clips:
        raise UserError(f"brush: there are {len(array)} of them for {clips} clips; give one, or one for each.")
    return torch.from_numpy(np.stack([checked_brush(own, size) for own in array]))[:, None, None]


def freeze_flow(flow: Tensor, brush: ArrayLike) -> Tensor:
    """flow (B,F,2,H,W) with exact zeros where the brush, (H, W) or (B, H, W), is frozen."""
    frozen = clip_brush(brush, clips=len(flow), size=tuple(flow.shape[-2:]))
    return flow.masked_fill(frozen.to(flow.device), 0)


def latent_brush(brush: Tensor, *, size: tuple[int, int]) -> Tensor:
    """A brush (..., H, W) on the latents' grid (..., h, w): that of the top left pixel of each cell.

    Raises:
        UserError: the image is not a whole multiple of the latents.
    """
    height, width = brush.shape[-2:]
    if height % size[0] or width % size[1]:
        raise UserError(
            f"brush: (height, width) = {(height, width)} is no whole multiple of the latents (h, w) = {tuple(size)}."
        )
    return brush[..., :: height // size[0], :: width // size[1]]


def paste_frozen(video: Tensor, reference: Tensor, brush: ArrayLike, *, feather: float = 0.0) -> Tensor:
    """The video with the reference frame's own pixels where the brush is frozen.

    Args:
        video: (B,3,F,H,W).
        reference: (B,3,H,W), in the same range.
        brush: (H, W) or (B, H, W), 1 = frozen.
        feather: pixels outside the frozen region over which the reference fades into the video; 0 for a hard edge.

    Raises:
        UserError: a brush or a reference of another size.
    """
    size = tuple(video.shape[-2:])
    if tuple(reference.shape) != (video.shape[0], video.shape[1], *size):
        raise UserError(f"reference: shape {tuple(reference.shape)} does not fit the video {tuple(video.shape)}.")
    frozen = clip_brush(brush, clips=len(video), size=size)
    still = reference[:, :, None].expand_as(video)
    if feather:
        share = torch.stack([_feathered(own, feather) for own in frozen.flatten(0, 2)]).view(frozen.shape).to(video)
        video = share * still + (1 - share) * video
    return torch.where(frozen.to(video.device), still, video)


def _feathered(frozen: Tensor, feather: float) -> Tensor:
    """(H, W) float64: 1 in the frozen region, falling to 0 over `feather` pixels outside it."""
    if not frozen.any():
        return torch.zeros(frozen.shape, dtype=torch.float64)
    distance = torch.from_numpy(distance_transform_edt(~frozen.numpy()))
    return (1 - distance / (feather + 1)).clamp(0, 1)
