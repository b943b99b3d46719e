"""Region masking of CPCM (Liu et al., ICCV 2023): which voxels of a view lose their features.

Boxes of a G x G x G grid are drawn at random, empty ones among them, and every voxel inside is masked. Coordinates
stay, so that a masked view has the kernel maps of the view that it came from.
"""

from typing import Literal

import torch
from torch import Tensor

Cells = Literal["values", "metres"]
Mode = Literal["grid", "geometric", "random"]


def region_mask(coords: Tensor, *, grid_size: int, selected: Tensor, cells: Cells = "values") -> tuple[Tensor, Tensor]:
    """Mask the voxels of one sample that lie in the selected boxes.

    Args:
        coords: (n, 3) int, voxel coordinates of one sample.
        grid_size: cells per axis, G.
        selected: (k,) int, different box numbers ix * G^2 + iy * G + iz.
        cells: "values" cuts each axis as released, see `cells_of_equal_values`; "metres" in equal lengths, see
            `cells_of_equal_metres`.

    Returns:
        masked (n,) bool, and box (n,) int64: the position in `selected` of the box that masks the voxel, else -1.

    Raises:
        ValueError: a grid without cells, a box outside the grid or named twice, or another word for `cells`.
    """
    find_cells = {"values": cells_of_equal_values, "metres": cells_of_equal_metres}.get(cells)
    if find_cells is None:
        raise ValueError(f"cells: expected 'values' or 'metres', got {cells!r}")
    place = _place_of_boxes(grid_size, torch.as_tensor(selected, device=coords.device))
    x, y, z = (cell := find_cells(coords, grid_size=grid_size)).unbind(dim=1)
    inside = (cell >= 0).all(dim=1)
    number = ((x * grid_size + y) * grid_size + z).where(inside, 0)
    box = place[number].where(inside, -1)
    return box >= 0, box


def cells_of_equal_values(coords: Tensor, *, grid_size: int) -> Tensor:
    """Cell of each voxel on each axis, where cells hold equally many of the coordinate values that occur.

    As released, cell k is the half-open range (pivot k, pivot k+1]. The smallest value of an axis is in no cell, nor
    are the up to G - 1 largest that the division leaves over; an axis with fewer than G values has no cell at all.

    Args:
        coords: (n, 3) int.
        grid_size: cells per axis, G.

    Returns:
        (n, 3) int64 in [0, G), -1 where the voxel is in no cell.
    """
    cells = [torch.searchsorted(value_pivots(axis, grid_size=grid_size), axis) - 1 for axis in coords.T.contiguous()]
    cell = torch.stack(cells, dim=1)
    return cell.where((cell >= 0) & (cell < grid_size), -1)


def value_pivots(axis: Tensor, *, grid_size: int) -> Tensor:
    """Cuts between the cells of one axis: every (number of values // G)-th of the sorted different values.

    Args:
        axis: (n,) int, the coordinates of all voxels on this axis.
        grid_size: cells per axis, G.

    Returns:
        (G + 1,) ascending, with repetitions where values are few; empty without voxels.
    """
    values = axis.unique(sorted=True)
    if not len(values):
        return values
    step = len(values) // grid_size
    return values[(torch.arange(grid_size + 1, device=axis.device) * step).clamp(max=len(values) - 1)]


def cells_of_equal_metres(coords: Tensor, *, grid_size: int) -> Tensor:
    """Cell of each voxel on each axis, where the G cells of an axis are equally long; every voxel is in one.

    Not in the paper: it is how the boxes would look if they were to have one size in the room.

    Args:
        coords: (n, 3) int.
        grid_size: cells per axis, G.

    Returns:
        (n, 3) int64 in [0, G).
    """
    if not len(coords):
        return coords.long()
    from_start = coords.long() - coords.amin(dim=0)
    return from_start * grid_size // (from_start.amax(dim=0) + 1)


def choose_boxes(*, grid_size: int, ratio: float, generator: torch.Generator | None = None) -> Tensor:
    """Draw floor(G^3 * ratio) of the G^3 boxes, in random order and whether or not there is a voxel in them.

    Args:
        grid_size: cells per axis, G.
        ratio: share of the boxes, 0 to 1.
        generator: on the CPU, so that one seed gives the same boxes on every device.

    Returns:
        (k,) int64 on the CPU.
    """
    return _choose(grid_size**3, ratio, generator)


def mask_batch(
    coords: Tensor,
    *,
    mode: Mode = "grid",
    grid_size: int = 4,
    ratio: float = 0.75,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Mask a whole batch, each sample by its own draw, in ascending order of the samples.

    Args:
        coords: (N, 4) int [sample, x, y, z], rows in any order.
        mode: "grid" boxes with equally many coordinate values, as released; "geometric" boxes of equal metres;
            "random" floor(n * ratio) single voxels of each sample.
        grid_size: cells per axis; not used by "random".
        ratio: share of boxes, or of voxels, that is masked.
        generator: on the CPU.

    Returns:
        masked (N,) bool and box (N,) int64: which of the boxes drawn for this sample masks the voxel, -1 for none;
        all -1 in mode "random".

    Raises:
        ValueError: another mode, a ratio outside 0 to 1, a grid without cells.
    """
    if mode not in ("grid", "geometric", "random"):
        raise ValueError(f"mode: expected 'grid', 'geometric' or 'random', got {mode!r}")
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio: expected 0 to 1, got {ratio}")
    masked = torch.zeros(len(coords), dtype=torch.bool, device=coords.device)
    box = torch.full((len(coords),), -1, dtype=torch.int64, device=coords.device)
    for sample in coords[:, 0].unique().tolist():
        rows = (coords[:, 0] == sample).nonzero().squeeze(1)
        if mode == "random":
            masked[rows[_choose(len(rows), ratio, generator).to(rows.device)]] = True
            continue
        masked[rows], box[rows] = region_mask(
            coords[rows, 1:],
            grid_size=grid_size,
            selected=choose_boxes(grid_size=grid_size, ratio=ratio, generator=generator),
            cells="values" if mode == "grid" else "metres",
        )
    return masked, box


def hide_masked(feats: Tensor, masked: Tensor, *, token: Tensor | None = None) -> Tensor:
    """A copy of the features without what the masked voxels knew; the input is not touched.

    Args:
        feats: (N, C), centred, so that 0 is mid-grey.
        masked: (N,) bool.
        token: (C,) what stands in their place; None: zeros, as released.
    """
    if token is None:
        return feats.masked_fill(masked[:, None], 0.0)
    return torch.where(masked[:, None], token.to(feats.dtype), feats)


def _place_of_boxes(grid_size: int, selected: Tensor) -> Tensor:
    """(G^3,) position of each box in `selected`, -1 for boxes that are not in it."""
    if grid_size < 1:
        raise ValueError(f"grid_size: expected 1 or more, got {grid_size}")
    boxes = grid_size**3
    if ((selected < 0) | (selected >= boxes)).any():
        raise ValueError(f"selected: box numbers of a grid of {grid_size} go from 0 to {boxes - 1}")
    if len(selected.unique()) != len(selected):
        raise ValueError("selected: a box is named twice")
    place = torch.full((boxes,), -1, dtype=torch.int64, device=selected.device)
    place[selected.long()] = torch.arange(len(selected), device=selected.device)
    return place


def _choose(number: int, ratio: float, generator: torch.Generator | None) -> Tensor:
    return torch.randperm(number, generator=generator)[: int(number * ratio)]
