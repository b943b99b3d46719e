"""Voxels of a cloud and the rows that two views share, against the published numbers and against plain loops."""

import numpy as np
import pytest

from sparsevision.datasets.points.correspond import match_survivors, match_views
from sparsevision.datasets.points.voxelise import Voxels, voxel_coordinates, voxelize
from sparsevision.utils import UserError


def golden_view(golden: dict[str, np.ndarray], view: int) -> Voxels:
    return voxelize(golden["points"], matrix=golden[f"view{view}_transform"][:3, :3])


def plain_voxels(points: np.ndarray, matrix: np.ndarray) -> tuple[list[tuple[int, ...]], list[int], list[int]]:
    """The rule in a loop: coordinates of the voxels, their raw points, the row of each raw point."""
    cells = np.floor(points.astype(np.float64) @ matrix.T)
    rows: dict[tuple[int, ...], int] = {}
    first, inverse = [], []
    for index, cell in enumerate(map(tuple, (cells - cells.min(axis=0)).astype(int).tolist())):
        if cell not in rows:
            rows[cell] = len(rows)
            first.append(index)
        inverse.append(rows[cell])
    return list(rows), first, inverse


@pytest.mark.parametrize("view", [1, 2])
def test_published_view(golden, view):
    voxels = golden_view(golden, view)
    np.testing.assert_array_equal(voxels.coords, golden[f"view{view}_coords"])
    np.testing.assert_array_equal(voxels.alive, golden[f"view{view}_alive"])
    np.testing.assert_array_equal(golden["colours"][voxels.representative], golden[f"view{view}_colours"])
    np.testing.assert_array_equal(golden["labels"][voxels.representative], golden[f"view{view}_labels"])


@pytest.mark.parametrize("view", [1, 2])
def test_the_last_column_of_a_published_view_is_the_shift_to_zero(golden, view):
    transform = golden[f"view{view}_transform"]
    points = golden["points"].astype(np.float64)
    least = np.floor(points @ transform[:3, :3].T).min(axis=0)
    np.testing.assert_array_equal(transform[:, 3], [*-least, 1])
    np.testing.assert_array_equal(transform[3], [0, 0, 0, 1])


@pytest.mark.parametrize("view", [1, 2])
def test_published_dropout(golden, view):
    kept = golden_view(golden, view).keep(golden[f"view{view}_dropout_keep"])
    np.testing.assert_array_equal(kept.alive, golden[f"view{view}_alive_after_dropout"])
    np.testing.assert_array_equal(kept.coords, golden[f"view{view}_coords"][golden[f"view{view}_dropout_keep"]])


def test_published_correspondence(golden):
    views = [golden_view(golden, view).keep(golden[f"view{view}_dropout_keep"]) for view in (1, 2)]
    rows1, rows2 = match_views(*views)
    np.testing.assert_array_equal(rows1, golden["correspondence1"])
    np.testing.assert_array_equal(rows2, golden["correspondence2"])


def test_published_correspondence_of_alive_vectors(golden):
    rows1, rows2 = match_survivors(golden["view1_alive_after_dropout"], golden["view2_alive_after_dropout"])
    np.testing.assert_array_equal(rows1, golden["correspondence1"])
    np.testing.assert_array_equal(rows2, golden["correspondence2"])


def test_published_plain_voxels(golden):
    voxels = voxelize(golden["points"], voxel_size=0.05)
    np.testing.assert_array_equal(voxels.coords, golden["plain_coords"])
    np.testing.assert_array_equal(voxels.alive, golden["plain_alive"])
    np.testing.assert_array_equal(voxels.inverse, golden["plain_inverse"])


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_loop(seed):
    rng = np.random.default_rng(seed)
    points, matrix = rng.standard_normal((300, 3)).astype(np.float32), rng.standard_normal((3, 3)) * 3
    cells, first, inverse = plain_voxels(points, matrix)
    voxels = voxelize(points, matrix=matrix)
    assert voxels.coords.tolist() == [list(cell) for cell in cells]
    assert voxels.representative.tolist() == first
    assert voxels.inverse.tolist() == inverse


def test_wide_clouds_have_no_overflowing_key():
    side = 2.0**30 - 1  # a product of three sides passes 2**63, and 16 * 2**60 would wrap to 0
    far = np.array([[0, 0, 0], [16, 0, 0], [0, side, side], [16, 0, 0]])
    voxels = voxelize(far, voxel_size=1.0)
    assert voxels.representative.tolist() == [0, 1, 2]
    assert voxels.inverse.tolist() == [0, 1, 2, 1]


def test_one_point_is_one_voxel_at_the_origin():
    voxels = voxelize(np.array([[-3.2, 8.0, 1e3]]), voxel_size=0.02)
    assert voxels.coords.tolist() == [[0, 0, 0]]
    assert voxels.coords.dtype == np.int32


def test_labelled_points_represent_their_voxels(cloud):
    plain = voxelize(cloud.points, voxel_size=0.4)
    preserving = voxelize(cloud.points, voxel_size=0.4, labelled=cloud.labelled)
    voxels_with_label = np.unique(plain.inverse[cloud.labelled])
    assert cloud.labelled[plain.representative].sum() < len(voxels_with_label)
    assert cloud.labelled[preserving.representative].sum() == len(voxels_with_label)
    assert (np.diff(preserving.representative) > 0).all()
    np.testing.assert_array_equal(preserving.inverse[preserving.representative], np.arange(len(preserving)))
    assert {*map(tuple, plain.coords.tolist())} == {*map(tuple, preserving.coords.tolist())}


def test_first_of_two_labelled_points_wins():
    points = np.array([[0.1, 0, 0], [5.0, 0, 0], [0.2, 0, 0], [0.3, 0, 0]])
    voxels = voxelize(points, voxel_size=1.0, labelled=np.array([False, False, True, True]))
    assert voxels.representative.tolist() == [1, 2]
    assert voxels.inverse.tolist() == [1, 0, 1, 1]


def test_without_any_label_nothing_changes(cloud):
    none = voxelize(cloud.points, voxel_size=0.4, labelled=np.zeros(len(cloud), dtype=bool))
    np.testing.assert_array_equal(none.representative, voxelize(cloud.points, voxel_size=0.4).representative)


def test_points_outside_take_no_part(cloud):
    inside = cloud.points[:, 0] < 2
    voxels = voxelize(cloud.points, voxel_size=0.3, inside=inside, labelled=cloud.labelled)
    alone = voxelize(cloud.points[inside], voxel_size=0.3, labelled=cloud.labelled[inside])
    np.testing.assert_array_equal(voxels.coords, alone.coords)
    np.testing.assert_array_equal(voxels.inverse[inside], alone.inverse)
    assert (voxels.inverse[~inside] == -1).all()
    assert not voxels.alive[~inside].any()


def test_kept_rows_renumber_the_inverse_map(cloud):
    voxels = voxelize(cloud.points, voxel_size=0.5)
    rows = np.arange(1, len(voxels), 3)
    kept = voxels.keep(rows).keep(np.arange(0, len(rows), 2))
    for row, old in enumerate(rows[::2]):
        np.testing.assert_array_equal(np.flatnonzero(kept.inverse == row), np.flatnonzero(voxels.inverse == old))
    assert (kept.inverse == -1).sum() == (~np.isin(voxels.inverse, rows[::2])).sum()


def test_any_shared_point_finds_every_pair(golden):
    view1, view2 = (golden_view(golden, view).keep(golden[f"view{view}_dropout_keep"]) for view in (1, 2))
    rows1, rows2 = match_views(view1, view2, any_shared_point=True)
    expected = {(a, b) for a, b in zip(view1.inverse.tolist(), view2.inverse.tolist(), strict=True) if min(a, b) >= 0}
    assert list(zip(rows1.tolist(), rows2.tolist(), strict=True)) == sorted(expected)
    assert {*zip(*(rows.tolist() for rows in match_views(view1, view2)), strict=True)} < expected


def test_any_shared_point_matches_all_of_two_whole_views(golden):
    view1, view2 = golden_view(golden, 1), golden_view(golden, 2)
    assert len(np.unique(match_views(view1, view2)[1])) < len(view2)
    assert len(np.unique(match_views(view1, view2, any_shared_point=True)[1])) == len(view2)


@pytest.mark.parametrize("any_shared_point", [False, True])
def test_views_without_a_common_point_have_no_pair(cloud, any_shared_point):
    left = cloud.points[:, 0] < 3
    views = [voxelize(cloud.points, voxel_size=0.3, inside=inside) for inside in (left, ~left)]
    rows1, rows2 = match_views(*views, any_shared_point=any_shared_point)
    assert len(rows1) == len(rows2) == 0


def test_views_of_two_clouds_are_refused(cloud):
    with pytest.raises(UserError, match="same cloud"):
        match_views(voxelize(cloud.points, voxel_size=1), voxelize(cloud.points[:-1], voxel_size=1))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((0, 3)), "no point"),
        (np.array([[0, 0, 0], [1, np.nan, 2], [0, 0, np.inf]]), "2 of 3 points .* point 1"),
        (np.zeros((4, 2)), r"shape \(n, 3\)"),
        (np.array([[0, 0, 0], [1e12, 0, 0]]), "voxels long"),
    ],
)
def test_bad_points_are_explained(points, message):
    with pytest.raises(UserError, match=message):
        voxelize(points, voxel_size=0.02)
    with pytest.raises(UserError, match=message):
        voxel_coordinates(points, np.eye(3) * 50)


@pytest.mark.parametrize("voxel_size", [0, -1.0, np.nan])
def test_bad_voxel_size_is_explained(voxel_size):
    with pytest.raises(UserError, match="voxel_size"):
        voxelize(np.zeros((1, 3)), voxel_size=voxel_size)


def test_bad_matrix_and_flags_are_explained(cloud):
    with pytest.raises(UserError, match="matrix"):
        voxelize(cloud.points, matrix=np.eye(4))
    with pytest.raises(UserError, match="inside"):
        voxelize(cloud.points, voxel_size=1, inside=np.ones(3, dtype=bool))
    with pytest.raises(TypeError, match="voxel_size or matrix"):
        voxelize(cloud.points)
