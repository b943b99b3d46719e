"""Event representations against golden numbers, against slow formulas, and against doing the steps one by one."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

numba = pytest.importorskip("numba")

from sparsevision.datasets.events.representations import (  # noqa: E402
    KINDS,
    ev_segnet_image,
    event_grids,
    event_histogram,
    normalise_nonzero,
    temporal_voxel_grid,
    time_surface,
    trilinear_voxel_grid,
)
from sparsevision.datasets.events.reverse import reverse_events  # noqa: E402
from sparsevision.datasets.events.types import Events  # noqa: E402
from sparsevision.utils import UserError  # noqa: E402

GOLDEN = Path(__file__).parents[2] / "golden" / "ev_wsss" / "voxel.npz"
SIZE = {"height": 9, "width": 12}


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def some_events(count=400, *, seed=0, sensor=(12, 12), moved=False) -> Events:
    """Random events on a sensor; `moved`: at sub-pixel places, some of them outside."""
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(0, size, count).astype(np.uint16) for size in sensor[::-1])
    if moved:
        x, y = ((values + rng.uniform(-2.5, 1.5, count)).astype(np.float32) for values in (x, y))
    t = 10**9 + np.sort(rng.integers(0, 5000, count))
    return Events(x=x, y=y, t=t, p=rng.integers(0, 2, count).astype(np.uint8), sensor_size=sensor)


def some_map(sensor=(12, 12)):
    """A rectify map that moves pixels by fractions, some of them off the sensor."""
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(sensor[1]), np.arange(sensor[0])), axis=-1)
    return (grid + rng.uniform(-1.5, 1.5, grid.shape)).astype(np.float32)


def columns(events):
    return events.x, events.y, events.t, events.p


FUSED = {"num_grids": 3, "bins": 4, "rectify_map": some_map()}


class TestGoldenNumbers:
    """Of the released code, at the tolerances that come with them."""

    def sizes(self, golden):
        return dict(zip(("bins", "height", "width"), map(int, golden["size"]), strict=True))

    def test_trilinear_grid(self, golden):
        grid = trilinear_voxel_grid(*(golden[name] for name in "xytp"), **self.sizes(golden))
        assert grid.dtype == np.float32
        np.testing.assert_allclose(grid, golden["trilinear"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(normalise_nonzero(grid), golden["trilinear_normalised"], rtol=0, atol=1e-4)

    def test_trilinear_grid_at_the_edges(self, golden):
        events = [golden[f"edge_{name}"] for name in "xytp"]
        grid = trilinear_voxel_grid(*events, **self.sizes(golden))
        np.testing.assert_allclose(grid, golden["edge_trilinear"], rtol=0, atol=1e-6)
        fixed = trilinear_voxel_grid(*events, **self.sizes(golden), rounding="floor")
        assert np.abs(fixed - golden["edge_trilinear"]).max() > 0.1, "the edge case does not tell the roundings apart"

    @pytest.mark.parametrize("separate", [False, True])
    def test_temporal_grid(self, golden, separate):
        grid = temporal_voxel_grid(*golden["temporal_events"].T, **self.sizes(golden), separate_polarity=separate)
        wanted = golden["temporal_separate" if separate else "temporal_signed"]
        np.testing.assert_allclose(grid, wanted, rtol=0, atol=1e-4)


class TestAgainstTheFormula:
    """Each cell by its definition, in float64 and without any shortcut."""

    def test_trilinear_floor_is_the_tent_at_every_cell(self):
        events = some_events(moved=True)
        bins, cells = 4, np.indices((4, SIZE["height"], SIZE["width"]))
        tau = (bins - 1) * (events.t - events.t[0]) / (events.t[-1] - events.t[0])
        wanted = np.zeros(cells.shape[1:])
        for x, y, time, p in zip(events.x, events.y, tau, events.p, strict=True):
            tents = [np.maximum(0, 1 - np.abs(cells[axis] - at)) for axis, at in enumerate((time, y, x))]
            wanted += (2.0 * p - 1) * np.prod(tents, axis=0)
        grid = trilinear_voxel_grid(*columns(events), bins=bins, **SIZE, rounding="floor")
        np.testing.assert_allclose(grid, wanted, atol=2e-5)

    def test_trilinear_trunc_is_the_same_inside_and_negative_left_of_the_first_pixel(self):
        events = some_events(moved=True)
        inside = events[(events.x >= 0) & (events.y >= 0)]
        grids = [trilinear_voxel_grid(*columns(inside), bins=3, **SIZE, rounding=way) for way in ("trunc", "floor")]
        np.testing.assert_array_equal(*grids)
        one = [np.float32([-0.25]), np.float32([1]), np.array([7]), np.array([1])]
        row = trilinear_voxel_grid(*one, bins=1, **SIZE)[0, 1]
        np.testing.assert_allclose(row[:3], [0.75, -0.25, 0])
        np.testing.assert_allclose(trilinear_voxel_grid(*one, bins=1, **SIZE, rounding="floor")[0, 1, :3], [0.75, 0, 0])

    def test_trilinear_separate_polarity_splits_the_signed_grid(self):
        events, how = some_events(), {"num_grids": 2, "bins": 3, "rectify_map": some_map(), **SIZE}
        signed = event_grids(events, **how).reshape(2, 3, 9, 12)
        split = event_grids(events, **how, separate_polarity=True).reshape(2, 2, 3, 9, 12)
        np.testing.assert_allclose(split[:, 0] - split[:, 1], signed, atol=1e-5)
        assert (event_grids(events, **how, separate_polarity=True, rounding="floor") >= 0).all()

    def test_temporal(self):
        events = some_events()
        bins, shape = 4, (8, SIZE["height"], SIZE["width"])
        tau = (bins - 1) * (events.t - events.t[0]) / (events.t[-1] - events.t[0])
        wanted = np.zeros(shape)
        for x, y, time, p in zip(events.x, events.y, tau, events.p, strict=True):
            if y < SIZE["height"]:
                block = 0 if p else bins
                wanted[block : block + bins, y, x] += np.maximum(0, 1 - np.abs(np.arange(bins) - time))
        grid = temporal_voxel_grid(*columns(events), bins=bins, **SIZE, separate_polarity=True)
        np.testing.assert_allclose(grid, wanted, atol=1e-5)

    def test_histogram_time_surface_and_ev_segnet(self):
        events = some_events()
        shape = (2, SIZE["height"], SIZE["width"])
        counts, ages, moments = np.zeros(shape), np.zeros(shape), np.zeros((6, *shape[1:]))
        scaled = (events.t - events.t[0]) / (events.t[-1] - events.t[0])
        for p, y, x in np.ndindex(shape):
            own = (events.p == p) & (events.y == y) & (events.x == x)
            counts[p, y, x] = own.sum()
            if own.any():
                ages[p, y, x] = np.exp((events.t[own].max() - events.t[-1]) / 2000)
                spread = scaled[own].std(ddof=1) if own.sum() > 1 else 0
                moments[p::2, y, x] = own.sum(), scaled[own].mean(), spread
        np.testing.assert_array_equal(event_histogram(*columns(events), **SIZE), counts)
        np.testing.assert_allclose(time_surface(*columns(events), **SIZE, decay=2000), ages, atol=1e-6)
        np.testing.assert_allclose(ev_segnet_image(*columns(events), **SIZE), moments, atol=1e-5)

    def test_normalise_with_both_deviations(self):
        grid = np.float32([[0, 1, 2], [0, 0, 6]])
        np.testing.assert_allclose(normalise_nonzero(grid)[0], [0, -2 / 7**0.5, -1 / 7**0.5], rtol=1e-6)
        np.testing.assert_allclose(normalise_nonzero(grid, unbiased=False)[1, 2], 3 / (14 / 3) ** 0.5, rtol=1e-6)
        np.testing.assert_array_equal(normalise_nonzero(np.float32([0, 5])), [0, 0])
        np.testing.assert_array_equal(normalise_nonzero(np.zeros(3, np.float32)), np.zeros(3))


class TestOnePass:
    """The fused pass gives what its steps give one after another."""

    def grid_of(self, kind, events, *, bins=4):
        """The plain function of a kind, on the full sensor."""
        size = {"height": 12, "width": 12}
        plain = {
            "trilinear": lambda: trilinear_voxel_grid(*columns(events), bins=bins, **size),
            "temporal": lambda: temporal_voxel_grid(*columns(events), bins=bins, **size),
            "histogram": lambda: event_histogram(*columns(events), **size),
            "time_surface": lambda: time_surface(*columns(events), **size),
            "ev_segnet": lambda: ev_segnet_image(*columns(events), **size),
        }
        return plain[kind]()

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("reverse", [False, True])
    def test_rectify_reverse_split_crop_flip(self, kind, reverse):
        events = some_events(401)
        table = some_map()
        x, y = table[events.y, events.x].T
        moved = Events(x=x, y=y, t=events.t, p=events.p)
        if reverse:
            moved = reverse_events(moved)
        groups = [moved[index * 133 : (index + 1) * 133] for index in range(3)]
        steps = np.concatenate([self.grid_of(kind, group) for group in groups])[:, :7, ::-1]
        fused = event_grids(events, **FUSED, kind=kind, reverse=reverse, flip=True, height=7, width=12)
        np.testing.assert_array_equal(fused, steps)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_number_of_threads_changes_no_bit(self, kind, monkeypatch):
        monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
        events, before, found = some_events(4000), numba.get_num_threads(), []
        try:
            for threads in (1, numba.config.NUMBA_NUM_THREADS):
                numba.set_num_threads(threads)
                found.append(event_grids(events, **FUSED, **SIZE, kind=kind))
        finally:
            numba.set_num_threads(before)
        found.append(event_grids(events, **FUSED, **SIZE, kind=kind, threads=3))
        assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()

    def test_threads_survive_a_fork(self):
        events = some_events(4000)
        here = event_grids(events, **FUSED, **SIZE, threads=2)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, event_grids(events, **FUSED, **SIZE, threads=2).tobytes()[:32])
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert os.read(reading, 32) == here.tobytes()[:32]
        os.close(reading), os.close(writing)

    def test_the_newest_events_that_remain_over_are_left_out(self):
        events = some_events(101)
        how = {"num_grids": 4, "bins": 2, **SIZE}
        np.testing.assert_array_equal(event_grids(events, **how), event_grids(events[:100], **how))
        backwards = event_grids(events, **how, reverse=True)
        np.testing.assert_array_equal(backwards, event_grids(events[1:], **how, reverse=True))

    def test_each_grid_is_normalised_by_itself(self):
        events = some_events()
        plain = event_grids(events, num_grids=2, bins=3, **SIZE)
        done = event_grids(events, num_grids=2, bins=3, **SIZE, normalise=normalise_nonzero)
        np.testing.assert_array_equal(done[3:], normalise_nonzero(plain[3:]))

    def test_integers_of_any_type_and_floats_give_the_same(self):
        events, how = some_events(), {"num_grids": 2, "bins": 3, **SIZE}
        wanted = event_grids(events, **how)
        for kind in (np.int16, np.int64, np.float32, np.float64):
            x, y, p = (values.astype(kind) for values in (events.x, events.y, events.p))
            other = Events(x=x, y=y, t=events.t.astype(np.uint64), p=p)
            np.testing.assert_array_equal(event_grids(other, **how), wanted)


class TestReversal:
    """p <- 1 - p, the order turned, t <- t_last - t."""

    def test_twice_is_nothing(self):
        events = some_events()
        again = reverse_events(reverse_events(events))
        for before, after in zip(columns(events), columns(again), strict=True):
            np.testing.assert_array_equal(before - (events.t[0] if before is events.t else 0), after)

    def test_once(self):
        events = Events(x=np.array([1, 2, 3]), y=np.array([4, 5, 6]), t=np.array([10, 20, 50]), p=np.uint8([1, 0, 0]))
        there = reverse_events(events)
        assert there.x.tolist() == [3, 2, 1]
        assert there.y.tolist() == [6, 5, 4]
        assert there.t.tolist() == [0, 30, 40]
        assert there.p.tolist() == [1, 1, 0]
        assert len(reverse_events(events[:0])) == 0

    def test_the_grid_of_reversed_events_has_bins_and_signs_turned(self):
        events = some_events(moved=True)
        how = {"num_grids": 1, "bins": 5, **SIZE}
        np.testing.assert_allclose(
            event_grids(events, **how, reverse=True), -event_grids(events, **how)[::-1], atol=1e-4
        )


class TestHardCases:
    """One event, one moment, places that are no numbers."""

    @pytest.mark.parametrize("rounding", ["trunc", "floor"])
    def test_equal_times_are_in_the_first_bin(self, rounding):
        x = y = np.array([3, 3, 4], np.uint16)
        events = x, y, np.array([9, 9, 9]), np.array([1, 1, 0])
        for grid in (
            trilinear_voxel_grid(*events, bins=3, **SIZE, rounding=rounding),
            temporal_voxel_grid(*events, bins=3, **SIZE),
        ):
            assert grid[0, 3, 3] == 2
            assert grid[0, 4, 4] == -1
            assert not grid[1:].any()

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_event(self, kind):
        one = Events(x=np.uint16([2]), y=np.uint16([1]), t=np.array([5]), p=np.uint8([1]))
        grid = event_grids(one, num_grids=1, bins=1, kind=kind, **SIZE)
        assert np.isfinite(grid).all()
        assert grid[:, 1, 2].max() == 1
        assert np.count_nonzero(grid) == 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_places_outside_and_no_numbers_are_left_out(self, kind):
        x = np.float32([np.nan, np.inf, -np.inf, 1e30, 5, -1e30, 3, 400])
        y = np.float32([3, 3, 3, 3, np.nan, 3, -70, 3])
        events = Events(x=x, y=y, t=np.arange(8), p=np.ones(8, np.uint8))
        assert not event_grids(events, num_grids=2, bins=3, kind=kind, **SIZE).any()

    def test_no_events_are_an_empty_grid_in_floor(self):
        none = np.zeros(0)
        grid = trilinear_voxel_grid(none, none, none, none, bins=2, **SIZE, rounding="floor")
        assert grid.shape == (2, 9, 12)
        assert not grid.any()


class TestErrors:
    """Said in words."""

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"x": np.zeros(3, np.uint16)}, "one length"),
            ({"t": np.array([5, 7, 6, 8])}, r"backwards at event 2: 6 us after 7 us"),
            ({"t": np.zeros(4, np.float64)}, "integer microseconds"),
            ({"p": np.array([1, -1, 1, 1])}, r"from -1 to 1; pass p > 0"),
            ({"p": np.array([0.5, 1, 1, 1])}, "from 0.5 to 1"),
            ({"y": np.array(list("abcd"))}, "y of events must be pixels"),
            ({"bins": 0}, "bins=0; expected a whole number of at least 1"),
            ({"height": 1.5}, "height=1.5"),
            ({"rounding": "round"}, "expected 'trunc' .* or 'floor'"),
        ],
    )
    def test_arrays_and_sizes(self, change, words):
        call = {name: np.arange(4) for name in "xyt"} | {"p": np.ones(4, np.uint8), "bins": 2, **SIZE} | change
        with pytest.raises(UserError, match=words):
            trilinear_voxel_grid(**call)

    def test_no_events(self):
        none = np.zeros(0, np.int64)
        with pytest.raises(UserError, match="no events to make a grid of"):
            trilinear_voxel_grid(none, none, none, none, bins=2, **SIZE)
        with pytest.raises(UserError, match="3 events are too few for 5 grids"):
            event_grids(some_events(3), num_grids=5, bins=2, **SIZE)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"kind": "trilinar"}, "Did you mean 'trilinear'"),
            ({"kind": "time_surface", "decay": 0}, "decay=0; expected microseconds above 0"),
            ({"num_grids": 0}, "num_grids=0"),
            ({"rectify_map": np.zeros((12, 12))}, r"must be \(height, width, 2\)"),
            ({"rectify_map": some_map((10, 12))}, r"for a sensor of \(10, 12\) .* the events for \(12, 12\)"),
        ],
    )
    def test_options(self, options, words):
        with pytest.raises(UserError, match=words):
            event_grids(some_events(), **{"num_grids": 2, "bins": 2, **SIZE, **options})

    def test_rectify_maps_of_another_sensor_or_for_moved_events(self):
        unknown = Events(*columns(some_events(sensor=(12, 30))))
        with pytest.raises(UserError, match="column 29 lies outside of the rectify map"):
            event_grids(unknown, num_grids=2, bins=2, **SIZE, rectify_map=some_map())
        with pytest.raises(UserError, match="rectified already"):
            event_grids(some_events(moved=True), num_grids=2, bins=2, **SIZE, rectify_map=some_map())
