"""Pictures and flow at another size, as tensors; see `ResizeClip` for clips of a data set."""

import torch
from torch import Tensor
from torch.nn import functional as F


def resize_pictures(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """(N,C,H,W) -> (N,C,h,w) float32: means over areas where both sides shrink, else bilinear."""
    height, width = pictures.shape[-2:]
    if size[0] <= height and size[1] <= width:
        return F.interpolate(pictures.float(), size, mode="area")
    return F.interpolate(pictures.float(), size, mode="bilinear", align_corners=False)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """(B,F,2,H,W) in pixels -> (B,F,2,h,w) in pixels of the new size."""
    if tuple(flow.shape[-2:]) == tuple(size):
        return flow
    scale = torch.tensor([size[1] / flow.shape[-1], size[0] / flow.shape[-2]], device=flow.device)
    return (resize_pictures(flow.flatten(0, 1), size) * scale.view(2, 1, 1)).unflatten(0, flow.shape[:2])


def resize_clip(video: Tensor, size: tuple[int, int]) -> Tensor:
    """(B,C,F,H,W) -> (B,C,F,h,w)."""
    frames = resize_pictures(video.transpose(1, 2).flatten(0, 1), size)
    return frames.unflatten(0, (len(video), video.shape[2])).transpose(1, 2)


def nearest_brush(frozen: Tensor, size: tuple[int, int]) -> Tensor:
    """(B,1,1,H,W) bool -> (B,h,w) bool, of the pixel that lies nearest."""
    return F.interpolate(frozen[:, 0].float(), size, mode="nearest-exact")[:, 0] > 0
