"""Synthetic rooms as geometry: rays, materials, furniture that stands apart, and scans that see as a scanner does."""

import math

import numpy as np
import pytest

from sparsevision.datasets.points.classes import S3DIS13
from sparsevision.synthetic import room_furniture, room_home
from sparsevision.synthetic.room_classes import KINDS
from sparsevision.synthetic.room_materials import LOOKS, SIDE, Material, Palette, load_room_photos
from sparsevision.synthetic.room_openings import add_door, add_window
from sparsevision.synthetic.room_plan import Plan
from sparsevision.synthetic.room_sample import furnish_and_scan, sample_room
from sparsevision.synthetic.room_scanner import ScanSettings, scan_room, scanner_places
from sparsevision.synthetic.room_shapes import Ball, Box, Cylinder, Thing, cast_rays
from sparsevision.synthetic.room_small_things import ON_FLOOR, ON_TABLE
from sparsevision.synthetic.room_styles import STYLES, Room, make_room

pytest.importorskip("skimage")
GREY = Material(np.full((SIDE, SIDE, 3), 0.5, np.float32), (1.0, 1.0))
INSIDE = {
    Box: lambda places, half: (np.abs(places) <= half).all(1),
    Cylinder: lambda places, half: (np.hypot(*places[:, :2].T) <= half[0]) & (np.abs(places[:, 2]) <= half[2]),
    Ball: lambda places, half: ((places / half) ** 2).sum(1) <= 1,
}


@pytest.fixture(scope="module")
def photos():
    return load_room_photos()


@pytest.fixture
def palette(photos):
    return Palette(photos, "train", np.random.default_rng(0))


def directions(count, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("shape", [Box, Cylinder, Ball])
@pytest.mark.parametrize("origin", [(-2.0, -1.0, 1.5), (1.0, -1.5, 0.1), (0.35, 0.3, 3.0), (0.3, 0.2, -2.0)])
def test_rays_enter_where_small_steps_along_them_first_do(shape, origin):
    part = shape((0.3, 0.2, 0.1), (0.7, 0.7, 0.4) if shape is Cylinder else (0.7, 0.4, 0.5), GREY, yaw=0.6)
    toward = directions(800) * 0.5 + (np.asarray(part.centre) - origin) / np.linalg.norm(
        np.asarray(part.centre) - origin
    )
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    distance, face = part.cast(np.array(origin), toward)
    steps = np.arange(0, 5, 0.004)
    along = np.asarray(origin) + steps[:, None, None] * toward
    local = part.local(along.reshape(-1, 3) - part.centre)
    inside = INSIDE[shape](local, np.asarray(part.half)).reshape(len(steps), -1)
    first = np.where(inside.any(0), steps[inside.argmax(0)], np.inf)
    met = np.isfinite(first)
    assert 50 < met.sum() < 750
    assert np.isfinite(distance[met]).all()
    assert (np.abs(first[met] - distance[met]) < 0.0041).all()
    assert (np.isfinite(distance) & ~met).mean() < 0.02  # corners cut within one step
    at = part.local(np.asarray(origin) + distance[met, None] * toward[met] - part.centre)
    normals, _ = part.skin(at, face[met])
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)
    assert ((part.world(normals) * toward[met]).sum(1) < 1e-9).all()


def test_the_nearest_thing_hides_what_stands_behind_it():
    near = Thing("box", (Box((2, 0, 0), (0.1, 0.5, 0.5), GREY),))
    far = Thing("wall", (Box((4, 0, 0), (0.1, 5, 5), GREY), Box((-4, 0, 0), (0.1, 5, 5), GREY)))
    rays = np.array([[1.0, 0, 0], [1, 0.5, 0] / np.sqrt(1.25), [-1, 0, 0], [0, 0, 1]])
    hits = cast_rays([far, near], np.zeros(3), rays)
    assert hits.thing.tolist() == [1, 0, 0, -1]
    assert hits.part.tolist() == [0, 0, 1, -1]
    assert np.allclose(hits.distance, [1.9, 3.9 * np.sqrt(1.25), 3.9, np.inf])


def test_training_and_testing_share_no_tint_and_no_piece_of_a_photograph(photos):
    train, test = (Palette(photos, split, np.random.default_rng(0)) for split in ("train", "test"))
    drawn = {name: [each.draw((0.2, 0.8)) for _ in range(300)] for name, each in (("train", train), ("test", test))}
    slices = {name: {int((value - 0.2) / 0.1) for value in values} for name, values in drawn.items()}
    assert slices == {"train": {0, 2, 4}, "test": {1, 3, 5}}
    ramp = {"ramp": np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 100, 0).repeat(3, 2)}
    pieces = [Palette(ramp, split, np.random.default_rng(1)).crop(("ramp",)) for split in ("train", "test")]
    assert pieces[0].max() < 120 / 255 <= pieces[1].min()


def test_every_look_can_be_painted(palette):
    for name in LOOKS:
        tile = palette.material(name).tile
        assert tile.shape == (SIDE, SIDE, 3)
        assert tile.dtype == np.float32
        assert 0 <= tile.min() <= tile.max() <= 1


def test_a_tile_repeats_and_stands_upright():
    tile = np.zeros((SIDE, SIDE, 3), np.float32)
    tile[0, -1] = 1  # top right
    across = np.array([[0.999, 0.499], [2.999, 1.499], [0.0, 0.0]])
    assert Material(tile, (2.0, 1.0)).colours(across)[:, 0].tolist() == [1, 1, 0]


PIECES = {
    "table": lambda palette: room_furniture.table(palette, width=1.4, depth=0.8),
    "desk": lambda palette: room_furniture.desk(palette, width=1.4),
    "office_chair": room_furniture.office_chair,
    "sofa": lambda palette: room_furniture.sofa(palette, seats=2),
    "bookcase": lambda palette: room_furniture.bookcase(palette, width=0.9),
    "bed": room_home.bed,
    "toilet": room_home.toilet,
    "refrigerator": room_home.refrigerator,
} | {builder.__name__: builder for builder in (*ON_FLOOR, *ON_TABLE)}


@pytest.mark.parametrize("name", PIECES)
def test_furniture_stands_on_the_floor_and_is_known(palette, name):
    piece = PIECES[name](palette)
    bounds = np.stack([part.bounds() for part in piece.parts])
    assert -1e-9 <= bounds[:, 0, 2].min() < 0.13
    assert piece.kind in KINDS
    assert 0.05 < max(piece.size) < 2.3


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_stands_in_anything_else(photos, style, seed):
    room = make_room(style, photos=photos, split="train", rng=np.random.default_rng(seed))
    assert len(room.things) > 12
    names, bounds = zip(*((thing.kind, part.bounds()) for thing in room.things for part in thing.parts), strict=True)
    owner = np.repeat(np.arange(len(room.things)), [len(thing.parts) for thing in room.things])
    low, high = np.stack(bounds).swapaxes(0, 1)
    deep = (np.minimum(high[:, None], high) - np.maximum(low[:, None], low)).min(2)
    rows = np.argwhere((deep > 0.002) & (owner[:, None] < owner))
    assert {(names[a], names[b]) for a, b in rows.tolist()} <= {("wall", "wall")}  # where they meet at a corner


def test_a_hole_is_cut_for_doors_and_windows_and_they_fill_it(photos):
    plan = Plan(5.0, 4.0, 2.7, Palette(photos, "train", np.random.default_rng(0)))
    add_door(plan, 0)
    add_window(plan, 2, curtains=True)
    assert [len(openings) for openings in plan.openings] == [1, 0, 1, 0]
    room = Room("empty", (5.0, 4.0, 2.7), (*plan.shell(), *plan.things))
    rays = directions(20_000)
    hits = cast_rays(room.things, np.array([2.5, 2.0, 1.4]), rays)
    assert np.isfinite(hits.distance).all()
    kinds = np.array([thing.kind for thing in room.things])[hits.thing]
    assert {"door", "window", "curtain", "wall", "floor", "ceiling"} == set(kinds)
    at = np.array([2.5, 2.0, 1.4]) + hits.distance[:, None] * rays
    assert at[kinds == "wall"][:, 1].min() > -0.2  # nothing leaves the room through the door
    assert np.median(at[kinds == "door"][:, 1]) == pytest.approx(-0.1, abs=0.03)


def test_points_lie_on_what_they_are_labelled_as(photos):
    room = make_room("office", photos=photos, split="train", rng=np.random.default_rng(5))
    scan = scan_room(room, ScanSettings(points=20_000, noise=0.003), rng=np.random.default_rng(5))
    assert 0.9 < len(scan.points) / 20_000 < 1.1
    for number, thing in enumerate(room.things):
        low, high = thing.bounds()
        own = scan.points[scan.thing == number]
        assert ((own > low - 0.02) & (own < high + 0.02)).all()
    floor = scan.points[scan.thing == 0]
    assert room.things[0].kind == "floor"
    assert 0.0005 < floor[:, 2].std() < 0.004


def test_density_falls_with_the_square_of_the_distance():
    floor = Thing("floor", (Box((0, 0, -0.5), (20, 20, 0.5), GREY),))
    room = Room("plain", (8.0, 8.0, 3.0), (floor,))
    scan = scan_room(room, ScanSettings(points=40_000, positions=1), rng=np.random.default_rng(0))
    place = scanner_places(room, ScanSettings(positions=1), np.random.default_rng(0))[0]
    away = np.hypot(*(scan.points - place)[:, :2].T)
    edges = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
    counted = np.histogram(away, edges)[0] / (math.pi * np.diff(edges**2))
    sines = place[2] / np.hypot(edges, place[2])  # equal solid angles: counts go with the sine of the elevation
    expected = -np.diff(sines) / np.diff(edges**2)
    assert np.allclose(counted / counted[0], expected / expected[0], rtol=0.12)


def test_nothing_is_seen_through_things_and_scanners_stand_free(photos):
    room = make_room("conferenceRoom", photos=photos, split="train", rng=np.random.default_rng(2))
    settings = ScanSettings(points=6000, positions=4)
    places = scanner_places(room, settings, np.random.default_rng(2))
    bounds = np.stack([thing.bounds() for thing in room.things])
    assert not ((places[:, None] > bounds[:, 0]) & (places[:, None] < bounds[:, 1])).all(2).any()
    assert np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(4, 1)].min() > 1
    scan = scan_room(room, settings, rng=np.random.default_rng(2))
    behind = scan.points[(scan.points > room.size).any(1) | (scan.points < 0).any(1)]
    assert (np.abs(behind - np.clip(behind, 0, room.size)) < 0.2).all()


def test_neighbours_on_the_grid_are_joined_to_faces_that_look_inward():
    room, scan = furnish_and_scan("bedroom", split="train", key=(0,), settings=ScanSettings(points=6000, positions=1))
    corners = scan.points[scan.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = ((np.array(room.size) / 2 - corners.mean(1)) * normals).sum(1) > 0
    assert inward.mean() > 0.9
    assert len(np.unique(scan.triangles)) > 0.9 * len(scan.points)
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() < 0.9


def test_one_room_as_arrays():
    first, again, other = sample_room(points=4000), sample_room(points=4000), sample_room(points=4000, seed=1)
    assert first.points.dtype == np.float32
    assert first.points.shape == first.colours.shape == (len(first.labels), 3)
    assert (first.points == again.points).all()
    assert (first.colours == again.colours).all()
    assert len(other.points) != len(first.points) or (other.points != first.points).any()
    assert {S3DIS13.classes[label] for label in np.unique(first.labels)} >= {"wall", "floor", "table", "chair", "board"}
    for instance in np.unique(first.instances):
        assert len(set(first.labels[first.instances == instance].tolist())) == 1
