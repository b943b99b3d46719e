"""Random moves of a picture that its mask follows: mirror, shift, crop (CRNet; He et al., AAAI 2023)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT_SHARE = 0.15  # of a side
CROP_SHARE = 0.7  # of a side

Move = Callable[[Tensor], Tensor]


def random_move(*, generator: torch.Generator | None = None) -> Move:
    """One of three moves, each as likely, to be applied to images and maps (B, C, H, W) alike.

    Mirror left and right; shift by up to 15 % of either side, the rim repeated where nothing came from; cut out 70 %
    of either side and enlarge it to the full size.

    Args:
        generator: source of randomness; None is torch's global one, which a checkpoint carries along.
    """
    kind = int(torch.randint(3, (), generator=generator))
    across, down = torch.rand(2, generator=generator).tolist()
    if kind == 0:
        return mirrored
    if kind == 1:
        return lambda maps: shifted(maps, across=2 * across - 1, down=2 * down - 1)
    return lambda maps: cropped(maps, across=across, down=down)


def mirrored(maps: Tensor) -> Tensor:
    """maps (B, C, H, W), left and right exchanged."""
    return maps.flip(3)


def shifted(maps: Tensor, *, across: float, down: float) -> Tensor:
    """maps (B, C, H, W) moved by `across` and `down`, both in [-1, 1], times 15 % of the side; the rim is repeated."""
    rows, columns = (
        round(share * SHIFT_SHARE * side) for share, side in zip((down, across), maps.shape[2:], strict=True)
    )
    height, width = maps.shape[2:]
    padded = F.pad(maps, (max(columns, 0), max(-columns, 0), max(rows, 0), max(-rows, 0)), mode="replicate")
    top, left = max(-rows, 0), max(-columns, 0)
    return padded[..., top : top + height, left : left + width]


def cropped(maps: Tensor, *, across: float, down: float) -> Tensor:
    """A window of 70 % of each side, its place given by `across` and `down` in [0, 1], enlarged to the old size."""
    height, width = maps.shape[2:]
    rows, columns = max(1, int(height * CROP_SHARE)), max(1, int(width * CROP_SHARE))
    top, left = round(down * (height - rows)), round(across * (width - columns))
    window = maps[..., top : top + rows, left : left + columns]
    return F.interpolate(window, size=(height, width), mode="bilinear", align_corners=True)
