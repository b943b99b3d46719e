"""Region masking against the released functions' masks, and against the rule written out voxel by voxel."""

import time

import numpy as np
import pytest
import torch

from sparsevision.methods.cpcm import choose_boxes, hide_masked, mask_batch, region_mask
from sparsevision.methods.cpcm.region_mask import cells_of_equal_metres, cells_of_equal_values, value_pivots


def by_the_rule(coords, grid_size, selected):
    """Boxes one after the other, p[k] < c <= p[k+1] on each axis; the box that masks each voxel, or -1."""
    pivots = []
    for axis in coords.T:
        values = sorted(set(axis.tolist()))
        step = len(values) // grid_size
        pivots.append([values[min(k * step, len(values) - 1)] for k in range(grid_size + 1)])
    box = np.full(len(coords), -1)
    for place, number in enumerate(selected):
        cell = (number // grid_size**2, number // grid_size % grid_size, number % grid_size)
        for row, voxel in enumerate(coords.tolist()):
            inside = (p[k] < c <= p[k + 1] for c, p, k in zip(voxel, pivots, cell, strict=True))
            if all(inside):
                box[row] = place
    return box


def random_voxels(count, size, *, seed=0, low=0):
    generator = torch.Generator().manual_seed(seed)
    axes = [torch.randint(low, low + extent, (count,), generator=generator) for extent in size]
    return torch.stack(axes, dim=1).unique(dim=0).int()


@pytest.mark.parametrize("case", range(7))
def test_golden_masks(golden, case):
    arrays, facts = golden["region_mask"], golden["numbers"]["region_mask"][case]
    coords, selected = (torch.from_numpy(arrays[f"case{case}_{name}"]) for name in ("coords", "selected"))
    masked, box = region_mask(coords, grid_size=facts["grid"], selected=selected)
    assert facts["case"] == case
    assert len(coords) == facts["points"]
    assert len(selected) == len(choose_boxes(grid_size=facts["grid"], ratio=0.75)) == facts["num_selected"]
    assert masked.dtype == torch.bool
    assert (masked.numpy() == arrays[f"case{case}_masked"]).all()
    assert (box.numpy() == arrays[f"case{case}_box"]).all()
    assert int(masked.sum()) == facts["masked"]


@pytest.mark.parametrize("case", range(7))
def test_golden_pivots(golden, case):
    coords = torch.from_numpy(golden["region_mask"][f"case{case}_coords"])
    facts = golden["numbers"]["region_mask"][case]
    ours = torch.stack([value_pivots(axis, grid_size=facts["grid"]) for axis in coords.T])
    np.testing.assert_array_equal(ours.numpy(), golden["region_mask"][f"case{case}_pivots"])
    assert bool((ours.diff(dim=1) == 0).any()) == facts["duplicate_pivots"]
    assert [len(axis.unique()) for axis in coords.T] == facts["unique_per_axis"]


@pytest.mark.parametrize("seed", range(20))
def test_the_rule_voxel_by_voxel(seed):
    """Sizes below, at and above the grid; negative coordinates too."""
    rng = np.random.default_rng(seed)
    grid_size = int(rng.integers(1, 6))
    coords = random_voxels(80, rng.integers(1, 14, 3).tolist(), seed=seed, low=-5)
    selected = rng.permutation(grid_size**3)[: int(0.75 * grid_size**3)]
    masked, box = region_mask(coords, grid_size=grid_size, selected=torch.from_numpy(selected))
    assert (box.numpy() == by_the_rule(coords.numpy(), grid_size, selected.tolist())).all()
    assert torch.equal(masked, box >= 0)


def test_an_axis_with_fewer_values_than_cells_masks_nothing():
    coords = random_voxels(300, (3, 20, 20))
    masked, box = region_mask(coords, grid_size=4, selected=torch.arange(64))
    assert not masked.any()
    assert (box == -1).all()


def test_the_smallest_plane_and_the_remainder_are_never_masked():
    coords = torch.stack(torch.meshgrid(*[torch.arange(11)] * 3, indexing="ij"), -1).flatten(0, 2)
    masked, _ = region_mask(coords, grid_size=4, selected=torch.arange(64))
    reachable = ((coords > 0) & (coords <= 8)).all(dim=1)
    assert torch.equal(masked, reachable)


def test_as_many_values_as_cells_leave_the_last_cell_empty():
    coords = torch.stack(torch.meshgrid(*[torch.arange(4)] * 3, indexing="ij"), -1).flatten(0, 2)
    assert value_pivots(coords[:, 0], grid_size=4).tolist() == [0, 1, 2, 3, 3]
    assert sorted(cells_of_equal_values(coords, grid_size=4)[:, 0].unique().tolist()) == [-1, 0, 1, 2]
    last = torch.tensor([63])
    assert not region_mask(coords, grid_size=4, selected=last)[0].any()


def test_empty_boxes_count_among_the_chosen():
    """Voxels on the diagonal fill 4 of the 64 boxes, yet 48 boxes are drawn of all."""
    coords = torch.arange(17)[:, None].expand(-1, 3)
    chosen = choose_boxes(grid_size=4, ratio=0.75, generator=torch.Generator().manual_seed(3))
    assert len(chosen) == len(chosen.unique()) == 48
    _, box = region_mask(coords, grid_size=4, selected=chosen)
    occupied = {0, 21, 42, 63}
    assert {int(chosen[place]) for place in box.unique() if place >= 0} == occupied & set(chosen.tolist())


@pytest.mark.parametrize(("grid_size", "count"), [(2, 6), (4, 48), (5, 93), (8, 384)])
def test_number_of_boxes_and_seed(grid_size, count):
    draws = [
        choose_boxes(grid_size=grid_size, ratio=0.75, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert len(draws[0]) == count
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_cells_of_equal_metres_reach_every_voxel():
    """Ten values of which six crowd at one end: equal metres cut between 7 and 8, equal numbers cut between 3 and 4."""
    axis = torch.tensor([0, 1, 2, 3, 4, 5, 6, 9, 12, 15])
    coords = axis[:, None].expand(-1, 3)
    assert cells_of_equal_metres(coords, grid_size=2)[:, 0].tolist() == [0] * 7 + [1] * 3
    masked, _ = region_mask(coords, grid_size=2, selected=torch.arange(8), cells="metres")
    assert masked.all()


def test_cells_of_equal_metres_have_one_width():
    coords = torch.arange(-7, 17)[:, None].expand(-1, 3)
    cells = cells_of_equal_metres(coords, grid_size=4)
    assert cells[:, 1].bincount().tolist() == [6, 6, 6, 6]


def two_rooms():
    rooms = [random_voxels(500, (30, 20, 9), seed=5), random_voxels(200, (12, 40, 10), seed=6, low=100)]
    return torch.cat([torch.nn.functional.pad(room, (1, 0), value=sample) for sample, room in enumerate(rooms)])


@pytest.mark.parametrize("mode", ["grid", "geometric"])
def test_each_sample_has_its_own_boxes(mode):
    coords = two_rooms()
    masked, box = mask_batch(coords, mode=mode, grid_size=4, ratio=0.75, generator=torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    for sample in (0, 1):
        rows = coords[:, 0] == sample
        chosen = choose_boxes(grid_size=4, ratio=0.75, generator=generator)
        cells = {"grid": "values", "geometric": "metres"}[mode]
        alone, alone_box = region_mask(coords[rows, 1:], grid_size=4, selected=chosen, cells=cells)
        assert torch.equal(masked[rows], alone)
        assert torch.equal(box[rows], alone_box)


@pytest.mark.parametrize("mode", ["grid", "geometric"])
def test_rows_need_no_order(mode):
    coords = two_rooms()
    shuffle = torch.randperm(len(coords), generator=torch.Generator().manual_seed(0))
    sorted_mask, shuffled_mask = (
        mask_batch(part, mode=mode, generator=torch.Generator().manual_seed(1))[0] for part in (coords, coords[shuffle])
    )
    assert sorted_mask.any()
    assert torch.equal(sorted_mask[shuffle], shuffled_mask)


def test_random_mode_masks_the_share_of_each_sample():
    coords = two_rooms()
    before = coords.clone()
    masked, box = mask_batch(coords, mode="random", ratio=0.75, generator=torch.Generator().manual_seed(0))
    for sample in (0, 1):
        rows = coords[:, 0] == sample
        assert int(masked[rows].sum()) == int(rows.sum() * 0.75)
    assert (box == -1).all()
    assert torch.equal(coords, before)


def test_hiding_leaves_the_input_alone():
    """The released random mode wrote into features that the second forward had used."""
    feats = torch.ones(4, 3, requires_grad=True)
    masked = torch.tensor([True, False, True, False])
    hidden = hide_masked(feats, masked)
    assert hidden.tolist() == [[0.0] * 3, [1.0] * 3, [0.0] * 3, [1.0] * 3]
    assert (feats == 1).all()
    hidden.sum().backward()
    assert feats.grad[:, 0].tolist() == [0, 1, 0, 1]


def test_a_token_replaces_hidden_features_and_learns():
    token = torch.tensor([0.1, 0.2, 0.3], requires_grad=True)
    hidden = hide_masked(torch.ones(4, 3), torch.tensor([True, False, True, False]), token=token)
    assert torch.allclose(hidden[0], token)
    hidden.sum().backward()
    assert token.grad.tolist() == [2, 2, 2]


@pytest.mark.parametrize("mode", ["grid", "geometric", "random"])
@pytest.mark.parametrize("count", [0, 1])
def test_no_voxel_and_one_voxel(mode, count):
    masked, box = mask_batch(torch.zeros(count, 4, dtype=torch.int32), mode=mode, grid_size=4, ratio=0.75)
    assert masked.shape == box.shape == (count,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid_size": 0, "selected": torch.tensor([0])}, "grid_size"),
        ({"grid_size": 2, "selected": torch.tensor([8])}, r"selected.*0 to 7"),
        ({"grid_size": 2, "selected": torch.tensor([1, 1])}, "twice"),
        ({"grid_size": 2, "selected": torch.tensor([1]), "cells": "feet"}, "feet"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        region_mask(torch.zeros(3, 3, dtype=torch.int32), **arguments)


def test_wrong_mode_and_ratio():
    with pytest.raises(ValueError, match="chequered"):
        mask_batch(torch.zeros(3, 4, dtype=torch.int32), mode="chequered")
    with pytest.raises(ValueError, match="ratio"):
        mask_batch(torch.zeros(3, 4, dtype=torch.int32), ratio=1.5)


@pytest.mark.usefixtures("one_thread")
def test_time_of_the_whole_mask():
    """Under 20 ms of one processor for 40,000 voxels and grid 8: boxes drawn, cells found, features hidden."""
    coords = torch.nn.functional.pad(random_voxels(46_000, (120, 100, 45)), (1, 0))[:40_000]
    assert len(coords) == 40_000
    feats = torch.rand(len(coords), 3)
    times = []
    for _ in range(10):
        start = time.thread_time()
        masked, _ = mask_batch(coords, grid_size=8, ratio=0.75)
        hide_masked(feats, masked)
        times.append(time.thread_time() - start)
    assert min(times) < 0.020
