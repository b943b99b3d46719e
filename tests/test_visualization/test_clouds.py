"""Pictures of clouds: what is near hides what is far, large triangles have no holes, one looks into rooms."""

import numpy as np
import pytest

from sparsevision.utils import UserError
from sparsevision.visualization.clouds import (
    ceiling_height,
    draw_cloud,
    draw_segmented_cloud,
    faces_inward,
    front_walls,
    label_colours,
    point_spacing,
    side_azimuth,
)
from sparsevision.visualization.splatting import Pixels, camera_around, edge_shade, look, without_gaps

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
SIZE = (60, 80)


def square(z: float, side: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A square in the plane, its front upward."""
    points = np.array([[0, 0, z], [side, 0, z], [side, side, z], [0, side, z]], dtype=float)
    return points, np.array([[0, 1, 2], [0, 2, 3]])


def room(ceiling: bool = True, walls: bool = True, count: int = 4000) -> np.ndarray:
    """Random points of a room of 4 x 3 x 2.5 metres."""
    rng = np.random.default_rng(0)
    plane = rng.random((count, 2)) * (4, 3)
    parts = [np.column_stack([plane, np.zeros(count)])]
    if ceiling:
        parts.append(np.column_stack([plane, np.full(count, 2.5)]))
    if walls:
        height, along = rng.random(count) * 2.5, rng.random(count)
        parts += [np.column_stack([along * 4, np.full(count, y), height]) for y in (0, 3)]
        parts += [np.column_stack([np.full(count, x), along * 3, height]) for x in (0, 4)]
    return np.concatenate(parts)


def top_camera(points: np.ndarray):
    return camera_around(points, azimuth=-90, elevation=89, size=SIZE)


def test_the_nearer_of_two_squares_is_seen_and_fills_every_pixel():
    low, faces = square(0.0)
    high, _ = square(0.5)
    points = np.concatenate([high, low])
    pixels = look(points, top_camera(points), faces=np.concatenate([faces, faces + 4]), spacing=np.ones(8))
    rows, columns = np.flatnonzero(pixels.covered.any(axis=1)), np.flatnonzero(pixels.covered.any(axis=0))
    block = pixels.covered[rows[0] + 1 : rows[-1], columns[0] + 3 : columns[-1] - 2]
    assert block.mean() > 0.99
    inner = pixels.rows[SIZE[0] // 2 - 15 : SIZE[0] // 2 + 15, SIZE[1] // 2 - 15 : SIZE[1] // 2 + 15]
    assert (inner < 4).all()
    np.testing.assert_allclose(pixels.weights[pixels.covered].sum(axis=1), 1, atol=1e-5)


def test_colours_are_mixed_between_corners_and_classes_are_not():
    points, faces = square(0.0)
    pixels = look(points, top_camera(points), faces=faces, spacing=np.ones(4))
    colours = np.array([RED, BLUE, BLUE, RED])
    mixed, classes = (pixels.paint(colours, blend=blend)[SIZE[0] // 2] for blend in (True, False))
    assert len(np.unique(mixed[:, 0])) > 20
    assert set(np.unique(classes[pixels.covered[SIZE[0] // 2]][:, 0])) == {0, 255}


def test_left_and_right_are_not_exchanged():
    """From the south, x grows to the right."""
    points = np.array([[0, 0, 0], [1, 0, 0]], dtype=float)
    camera = camera_around(points, azimuth=-90, elevation=30, size=SIZE)
    (west, east), _ = camera.project(points)
    assert west[0] < east[0]
    north, south = camera.project(np.array([[0, 1, 0], [0, 0, 0]], dtype=float))[0]
    assert north[1] < south[1]


@pytest.mark.parametrize("azimuth", [-90, 20, 200])
def test_everything_is_in_the_picture(azimuth):
    points = room()
    places, depth = camera_around(points, azimuth=azimuth, elevation=50, size=SIZE).project(points)
    assert (places >= 0).all()
    assert (places <= (SIZE[1], SIZE[0])).all()
    assert (depth > 0).all()
    assert np.ptp(places, axis=0).max() > 0.7 * SIZE[0]


def test_what_turns_its_back_is_left_out():
    points, faces = square(0.0)
    seen = [
        look(points, top_camera(points), faces=turned, spacing=np.ones(4), one_sided=True).covered.any()
        for turned in (faces, faces[:, ::-1])
    ]
    assert seen == [True, False]


def test_a_point_is_a_disc_of_its_spacing():
    points = np.array([[0, 0, 0], [1, 1, 0]], dtype=float)
    camera = top_camera(points)
    small, large = (look(points, camera, spacing=np.full(2, size)).covered.sum() for size in (0.1, 0.2))
    assert 3 < large / small < 5


def test_gaps_between_points_are_filled_and_larger_holes_stay():
    depth = np.ones((40, 40), np.float32)
    depth[10:12, 10:12] = depth[20:35, 20:35] = np.inf
    rows = np.repeat(np.arange(1600).reshape(40, 40, 1), 3, axis=2)
    filled = without_gaps(Pixels(rows, np.ones((40, 40, 3), np.float32), depth), 2)
    assert filled.covered[10:12, 10:12].all()
    assert not filled.covered[24:31, 24:31].any()
    assert abs(filled.rows[10, 10, 0] - rows[10, 10, 0]) in (1, 40)


def test_steps_of_depth_get_a_dark_edge_on_the_far_side():
    depth = np.ones((9, 9), np.float32)
    depth[:, 5:] = 2
    shade = edge_shade(depth)
    assert (shade[2:-2, :5] == 1).all()
    assert (shade[:, 5] < 0.9).all()


def test_ceilings_are_found_and_walls_are_none():
    assert 1.75 < ceiling_height(room()) < 2.5
    assert ceiling_height(room(ceiling=False)) == np.inf
    assert ceiling_height(room(walls=False) * (1, 1, 0.4)) == np.inf


def test_one_looks_into_a_room_from_above():
    """The floor alone is seen; with the ceiling left in, that is seen more."""
    points = room(walls=False)
    colours = np.where(points[:, 2:] > 1, RED, GREEN)
    for cut, seen, hidden in ((None, 1, 0), (np.inf, 0, 1)):
        picture = draw_cloud(points, colours, size=SIZE, cut_above=cut).astype(int)
        counts = [(picture[..., one] > picture[..., other] + 60).sum() for one, other in ((0, 1), (1, 0))]
        assert counts[seen] > 1.5 * counts[hidden]
        assert counts[0] == 0 or cut is not None


def test_walls_before_the_camera_are_left_out():
    points = room(ceiling=False)
    dropped = front_walls(points, -90)
    assert dropped[(points[:, 1] == 0) & (points[:, 2] > 0.5)].all()
    assert not dropped[(points[:, 1] == 3) | (points[:, 2] == 0)].any()
    assert not front_walls(room(walls=False), -90).any()


def test_the_inside_of_a_room_is_told_from_a_thing():
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    outward = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
                        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]])  # fmt: skip
    assert faces_inward(corners, outward[:, ::-1])
    assert not faces_inward(corners, outward)


def test_the_longer_side_is_seen():
    points = np.random.default_rng(0).random((500, 3)) * (10, 1, 1)
    assert -90 <= side_azimuth(points) <= -50


def test_spacing_of_a_grid():
    grid = np.stack(np.meshgrid(np.arange(10), np.arange(10), [0], indexing="ij"), axis=-1).reshape(-1, 3) * 0.5
    assert np.median(point_spacing(grid)) == pytest.approx(0.5)
    assert point_spacing(grid[:2]).shape == (2,)


def test_panels_and_legend_of_the_classes_that_are_there():
    points = room(ceiling=False)
    labels = (points[:, 2] > 0).astype(int)
    names = ("floor", "wall", "chair")
    options = {"names": names, "palette": [GREEN, RED, BLUE], "size": SIZE}
    picture = draw_segmented_cloud(points, np.full((len(points), 3), 127.5), {"predicted": labels}, **options)
    both = [(picture == colour).all(axis=-1).sum() for colour in (GREEN, RED, BLUE)]
    assert both[0] > 50
    assert both[1] > 50
    assert both[2] == 0
    assert picture.dtype == np.uint8


def test_unlabelled_points_are_grey():
    assert label_colours(np.array([0, 255]), [RED], ignore_index=255).tolist() == [list(RED), [205] * 3]


def test_the_same_cloud_gives_the_same_picture():
    points = room()
    colours = np.random.default_rng(1).integers(0, 256, points.shape)
    np.testing.assert_array_equal(draw_cloud(points, colours, size=SIZE), draw_cloud(points, colours, size=SIZE))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_clouds_of_few_points_are_drawn(count):
    points = np.vstack([np.eye(3)[:count], np.full((1, 3), np.nan)])
    assert (draw_cloud(points, np.zeros((count + 1, 3)), size=SIZE) < 128).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((4, 2))}, "points: expected"),
        ({"points": np.full((4, 3), np.inf)}, "no finite point"),
        ({"colours": np.zeros((3, 3))}, "colours: expected"),
        ({"labels": {"predicted": np.zeros(3, int)}}, "predicted: 3 labels for 4 points"),
        ({"labels": {"predicted": np.full(4, 7)}}, "class ids reach from 7 to 7"),
    ],
)
def test_refusals(change, message):
    arguments = {"points": np.eye(4)[:, :3], "colours": np.zeros((4, 3)), "labels": {}} | change
    with pytest.raises(UserError, match=message):
        draw_segmented_cloud(**arguments, names=("a", "b"), palette=[RED, GREEN], size=SIZE)
