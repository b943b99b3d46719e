"""The motion brush: what is not painted is frozen, in the flow, in the latents and in the pixels.

A brush is (H, W), true or 1 = frozen. Source: Shi et al., Motion-I2V, section 3.3, and the rules of the released demo.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.regions import nearest_pixel, squared_distance
from sparsevision.utils import UserError


def brush_from_painting(painting: ArrayLike, *, size: tuple[int, int]) -> np.ndarray:
    """Freeze what is not painted: (H, W) bool, true = frozen; nothing is frozen when nothing is painted.

    Args:
        painting: (h, w) in [0, 1], 1 = painted with the brush; resized bilinearly and cut at 0.5.
        size: (H, W) of the clip.

    Raises:
        UserError: not such a picture.
    """
    picture = np.asarray(painting, dtype=np.float32)
    if picture.ndim != 2 or not picture.size or picture.min() < 0 or picture.max() > 1:
        raise UserError(f"painting: expected (h, w) with values from 0 to 1, 1 = painted, got shape {picture.shape}.")
    scaled = F.interpolate(torch.from_numpy(picture)[None, None], size, mode="bilinear", align_corners=False)
    painted = scaled[0, 0].numpy() > 0.5
    return ~painted if painted.any() else np.zeros(size, dtype=bool)


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


def freeze_flow(flow: Tensor, brush: ArrayLike) -> Tensor:
    """flow (..., 2, H, W) with exact zeros where the brush is frozen."""
    frozen = torch.from_numpy(checked_brush(brush, tuple(flow.shape[-2:]))).to(flow.device)
    return flow.masked_fill(frozen, 0)


def latent_brush(brush: ArrayLike, *, size: tuple[int, int]) -> Tensor:
    """The brush (H, W) on the latents' grid (h, w), bool: that of the top left pixel of each cell.

    Raises:
        UserError: the image is not a whole multiple of the latents.
    """
    array = np.asarray(brush.cpu() if isinstance(brush, Tensor) else brush)
    if array.ndim != 2 or array.shape[0] % size[0] or array.shape[1] % size[1]:
        raise UserError(f"brush: shape {array.shape} is not a whole multiple of the latents (h, w) = {tuple(size)}.")
    frozen = checked_brush(array, array.shape)
    return torch.from_numpy(frozen[:: array.shape[0] // size[0], :: array.shape[1] // size[1]].copy())


def paste_frozen(video: Tensor, reference: Tensor, brush: ArrayLike, *, feather: float = 0.0) -> Tensor:
    """The video with the reference frame's own pixels where the brush is frozen.

    Args:
        video: (B,3,F,H,W).
        reference: (B,3,H,W), in the same range.
        brush: (H, W), 1 = frozen.
        feather: pixels outside the frozen region over which the reference fades into the video; 0 for a hard edge.

    Raises:
        UserError: a brush or a reference of another size.
    """
    size = tuple(video.shape[-2:])
    if tuple(reference.shape) != (video.shape[0], video.shape[1], *size):
        raise UserError(f"reference: shape {tuple(reference.shape)} does not fit the video {tuple(video.shape)}.")
    frozen = checked_brush(brush, size)
    share = torch.from_numpy(_feathered(frozen, feather)).to(video)
    still = reference[:, :, None].expand_as(video)
    mixed = share * still + (1 - share) * video
    return torch.where(torch.from_numpy(frozen).to(video.device), still, mixed)


def _feathered(frozen: np.ndarray, feather: float) -> np.ndarray:
    """(H, W) float32: 1 in the frozen region, falling to 0 over `feather` pixels outside it."""
    if not feather or not frozen.any():
        return frozen.astype(np.float32)
    return np.clip(1 - distance_transform_edt(~frozen) / (feather + 1), 0, 1).astype(np.float32)
