"""Each random change of a cloud: published numbers, ranges, and what it must leave alone."""

import numpy as np
import pytest

from sparsevision.datasets.points import augment
from sparsevision.utils import UserError


def new_rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def coords() -> np.ndarray:
    """200 voxels whose least coordinate is 0 on each axis."""
    coords = new_rng(3).integers(40, size=(200, 3), dtype=np.int32)
    return coords - coords.min(axis=0)


@pytest.fixture
def colours() -> np.ndarray:
    return new_rng(4).uniform(60, 180, size=(200, 3)).astype(np.float32)


def test_published_elastic_distortion(golden):
    once = augment.elastic_distortion(
        golden["elastic_points"], golden["elastic_noise1"], granularity=0.2, magnitude=0.4
    )
    np.testing.assert_allclose(once, golden["elastic_out1"], rtol=0, atol=1e-6)
    twice = augment.elastic_distortion(once, golden["elastic_noise2"], granularity=0.8, magnitude=1.6)
    np.testing.assert_allclose(twice, golden["elastic_out2"], rtol=0, atol=1e-6)


def test_drawn_noise_fits_the_points(golden):
    noise = augment.draw_elastic_noise(golden["elastic_points"], granularity=0.2, rng=new_rng())
    assert noise.shape == golden["elastic_noise1"].shape
    assert abs(noise.mean()) < 0.2
    assert abs(noise.std() - 1) < 0.2


def test_no_noise_moves_nothing(golden):
    points, noise = golden["elastic_points"], np.zeros_like(golden["elastic_noise1"])
    np.testing.assert_array_equal(augment.elastic_distortion(points, noise, granularity=0.2, magnitude=9), points)


def test_a_flat_cloud_and_a_single_point_can_be_distorted():
    for points in (np.zeros((1, 3)), np.array([[0, 0, 0], [3.0, 0, 0]])):
        noise = augment.draw_elastic_noise(points, granularity=0.2, rng=new_rng())
        moved = augment.elastic_distortion(points, noise, granularity=0.2, magnitude=0.4)
        assert np.isfinite(moved).all()
        assert (moved != points).all()


def test_noise_of_another_cloud_is_refused(golden):
    with pytest.raises(UserError, match=r"expected shape \(4, 4, 3, 3\)"):
        augment.elastic_distortion(golden["elastic_points"], golden["elastic_noise1"], granularity=0.8, magnitude=1.6)


def test_a_stray_point_does_not_fill_the_memory():
    with pytest.raises(UserError, match="far away"):
        augment.draw_elastic_noise(np.array([[0, 0, 0], [1e6, 1e6, 1e6]]), granularity=0.2, rng=new_rng())


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.full((2, 3), np.nan)])
def test_empty_and_nan_clouds_are_refused(points):
    with pytest.raises(UserError, match="points: "):
        augment.draw_elastic_noise(points, granularity=0.2, rng=new_rng())
    with pytest.raises(UserError, match="points: "):
        augment.crop_around_centre(points, half_side=4, shift=(0.2, 0.2, 0.05), rng=new_rng())


def test_crop_keeps_a_cube_near_the_middle():
    points = new_rng().uniform(0, 20, size=(20000, 3))
    for seed in range(20):
        inside = augment.crop_around_centre(points, half_side=4, shift=(0.2, 0.2, 0.05), rng=new_rng(seed))
        low, high = points[inside].min(axis=0), points[inside].max(axis=0)
        np.testing.assert_allclose(high - low, 8, atol=0.2)
        assert (np.abs((low + high) / 2 - 10) < np.array([0.2, 0.2, 0.05]) * 20 + 0.2).all()


def test_crop_keeps_small_clouds_whole():
    points = new_rng().uniform(0, 3.9, size=(100, 3))
    assert augment.crop_around_centre(points, half_side=4, shift=(0.2, 0.2, 0.05), rng=new_rng()).all()


def test_crop_cuts_clouds_longer_than_half_a_side():
    points = new_rng().uniform(0, [6, 1, 1], size=(1000, 3))
    crops = [augment.crop_around_centre(points, half_side=4, shift=(0.2, 0.2, 0.05), rng=new_rng(s)) for s in range(20)]
    assert not all(inside.all() for inside in crops)


def test_crop_that_would_hold_no_point_keeps_all():
    points = np.array([[0, 0, 0], [100.0, 100, 100]])
    assert augment.crop_around_centre(points, half_side=4, shift=(0, 0, 0), rng=new_rng()).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_quarter_turn_leads_one_axis_to_the_next(axis):
    turned = augment.rotation_about_axis(axis, np.pi / 2) @ np.eye(3)[(axis + 1) % 3]
    np.testing.assert_allclose(turned, np.eye(3)[(axis + 2) % 3], atol=1e-15)


def test_rotations_are_rotations_in_every_order():
    matrices = [augment.random_rotation(largest_angles=(0.5, 0.5, 3), rng=new_rng(seed)) for seed in range(50)]
    for matrix in matrices:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-14)
        assert np.linalg.det(matrix) > 0
    angles = (0.3, -0.4, 2.0)
    x, y, z = (augment.rotation_about_axis(axis, angle) for axis, angle in enumerate(angles))
    orders = [x @ y @ z, x @ z @ y, y @ x @ z, y @ z @ x, z @ x @ y, z @ y @ x]
    drawn = [augment.random_rotation(largest_angles=angles, rng=FixedAngles(seed)) for seed in range(100)]
    seen = {next(i for i, order in enumerate(orders) if np.allclose(order, matrix)) for matrix in drawn}
    assert seen == set(range(6))


class FixedAngles:
    """A generator whose angles are always the largest; only the order is random."""

    def __init__(self, seed: int):
        self._rng = new_rng(seed)

    def uniform(self, low: float, high: float) -> float:
        return high

    def permutation(self, count: int) -> np.ndarray:
        return self._rng.permutation(count)


def test_rotation_keeps_to_its_largest_angles():
    tilts, turns = [], []
    for seed in range(300):
        matrix = augment.random_rotation(largest_angles=(0.05, 0.05, np.pi), rng=new_rng(seed))
        tilts.append(np.arccos(matrix[2, 2]))
        turns.append(np.arctan2(matrix[1, 0], matrix[0, 0]))
    assert 0.05 < max(tilts) < 0.1  # the tilts add up where the turn stands between them
    assert max(turns) > 3
    assert min(turns) < -3


def test_affine_scales_to_voxels():
    sizes = [
        np.cbrt(
            np.linalg.det(
                augment.random_affine(voxel_size=0.05, largest_angles=(0.1, 0.1, 3), scale=(0.9, 1.1), rng=new_rng(s))
            )
        )
        for s in range(200)
    ]
    assert 0.9 <= min(sizes) * 0.05 < 0.92
    assert 1.08 < max(sizes) * 0.05 <= 1.1


def test_dropout_keeps_the_published_number_in_order(golden):
    for view in (1, 2):
        rows = augment.dropout_rows(len(golden[f"view{view}_coords"]), ratio=0.2, rng=new_rng())
        assert len(rows) == len(golden[f"view{view}_dropout_keep"])
        assert (np.diff(rows) > 0).all()


def test_dropout_spares_rows_and_never_drops_all():
    spared = np.arange(1000) % 10 == 0
    rows = augment.dropout_rows(1000, ratio=0.5, rng=new_rng(), spared=spared)
    assert set(np.flatnonzero(spared)) <= set(rows)
    assert 500 <= len(rows) <= 600
    assert (np.diff(rows) > 0).all()
    assert augment.dropout_rows(1, ratio=0.9, rng=new_rng()).tolist() == [0]


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1), (0, 1, 2)])
def test_flip_twice_is_the_identity(coords, axes):
    once = augment.flip(coords, axes)
    assert (once != coords).any(axis=0).nonzero()[0].tolist() == list(axes)
    assert once.min() == 0
    np.testing.assert_array_equal(augment.flip(once, axes), coords)


def test_random_flip_mirrors_each_axis_half_of_the_time(coords):
    flipped = [(augment.random_flip(coords, axes=(0, 1), rng=new_rng(s)) != coords).any(axis=0) for s in range(400)]
    assert (np.abs(np.mean(flipped, axis=0) - [0.5, 0.5, 0]) < [0.1, 0.1, 1e-9]).all()


def test_shift_is_the_same_for_all_voxels(coords):
    shifts = [augment.random_shift(coords, limit=100, rng=new_rng(seed)) - coords for seed in range(500)]
    assert all((shift == shift[0]).all() for shift in shifts)
    drawn = np.array([shift[0] for shift in shifts])
    assert drawn.dtype == np.int32
    assert drawn.min() == 0
    assert drawn.max() == 99


def test_published_auto_contrast(golden):
    out = augment.auto_contrast(golden["contrast_in"], blend=0.3)
    np.testing.assert_allclose(out, golden["contrast_out"], rtol=0, atol=1e-3)


def test_auto_contrast_stretches_to_the_whole_range(colours):
    stretched = augment.auto_contrast(colours, blend=1.0)
    np.testing.assert_allclose(stretched.min(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(stretched.max(axis=0), 255, atol=1e-4)
    np.testing.assert_allclose(augment.auto_contrast(colours, blend=0.0), colours, atol=1e-4)


def test_auto_contrast_leaves_a_constant_channel(colours):
    colours[:, 1] = 90
    out = augment.auto_contrast(colours, blend=0.7)
    assert (out[:, 1] == 90).all()
    assert np.isfinite(out).all()


def test_translation_is_one_value_a_channel(colours):
    moves = [augment.translate_colours(colours, ratio=0.1, rng=new_rng(seed)) - colours for seed in range(200)]
    assert max(np.ptp(move, axis=0).max() for move in moves) < 1e-3
    drawn = np.array([move[0] for move in moves])
    assert 24 < np.abs(drawn).max() <= 25.5
    assert (drawn[:, 0] != drawn[:, 1]).all()


def test_jitter_is_noise_of_the_given_width(colours):
    noise = augment.jitter_colours(colours, std=0.05, rng=new_rng()) - colours
    assert abs(noise.std() / (0.05 * 255) - 1) < 0.1
    assert len(np.unique(noise)) > 500


@pytest.mark.parametrize("change", [augment.translate_colours, augment.jitter_colours])
def test_changed_colours_stay_in_range(change):
    extremes = np.tile(np.float32([[0, 255, 0], [255, 0, 255]]), (100, 1))
    setting = {"ratio": 0.1} if change is augment.translate_colours else {"std": 0.05}
    for seed in range(5):
        out = change(extremes, **setting, rng=new_rng(seed))
        assert out.dtype == np.float32
        assert 0 <= out.min() < 13
        assert 242 < out.max() <= 255
        assert (out == 255).any()


def test_network_input_is_centred():
    out = augment.centre_colours(np.array([[0, 127.5, 255]]))
    assert out.dtype == np.float32
    assert out.tolist() == [[-0.5, 0.0, 0.5]]


def random_changes(points, coords, colours, rng):
    noise = augment.draw_elastic_noise(points, granularity=0.5, rng=rng)
    return [
        augment.elastic_distortion(points, noise, granularity=0.5, magnitude=0.4),
        augment.crop_around_centre(points, half_side=1, shift=(0.2, 0.2, 0.05), rng=rng),
        augment.random_affine(voxel_size=0.05, largest_angles=(0.1, 0.1, 3), scale=(0.9, 1.1), rng=rng),
        augment.dropout_rows(len(coords), ratio=0.2, rng=rng),
        augment.random_flip(coords, axes=(0, 1), rng=rng),
        augment.random_shift(coords, limit=100, rng=rng),
        augment.translate_colours(colours, ratio=0.1, rng=rng),
        augment.jitter_colours(colours, std=0.05, rng=rng),
        augment.auto_contrast(colours, blend=0.5),
    ]


def test_same_seed_same_result_and_inputs_stay(coords, colours):
    given = [new_rng(1).uniform(0, 5, size=(200, 3)), coords, colours]
    before = [array.copy() for array in given]
    runs = [random_changes(*given, new_rng(seed)) for seed in (5, 5, 6)]
    for same, again in zip(runs[0], runs[1], strict=True):
        np.testing.assert_array_equal(same, again)
    assert any(not np.array_equal(a, b) for a, b in zip(runs[0], runs[2], strict=True))
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)
