"""The removal room: same files for the same seed, the benchmark's layout, and truth that agrees with the pictures."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tool_runner import run_tool

from sparsevision.annotation import load_annotations
from sparsevision.datasets.image_io import read_grey, read_image
from sparsevision.datasets.views.colmap.files import read_model
from sparsevision.datasets.views.colmap.model import OPENGL_AXES
from sparsevision.evaluation.functional.views import mask_iou
from sparsevision.layers.promptable import MobileSAM
from sparsevision.synthetic.removal_room import PRINTS, make_removal_room, printed
from sparsevision.synthetic.removal_room_points import find_points, quaternion_of
from sparsevision.synthetic.removal_room_render import Studio, View, make_lamps
from sparsevision.synthetic.removal_room_set import (
    LLFF_NEAR,
    SMALL,
    RemovalRoomSettings,
    clicks_on,
    make_views,
    write_removal_room,
)
from sparsevision.synthetic.room_materials import load_room_photos
from sparsevision.synthetic.room_shapes import cast_rays
from sparsevision.utils import UserError

pytest.importorskip("skimage")

TEST_NAMES = [f"image{number:03d}" for number in range(SMALL.test)]
TRAIN_NAMES = [f"image{number:03d}" for number in range(SMALL.test, SMALL.test + SMALL.train)]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("removal") / "room"
    assert write_removal_room(root, SMALL)
    return root


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio.of(make_removal_room(load_room_photos(), rng=np.random.default_rng([SMALL.seed, 0])))


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def stems(folder: Path, end: str = ".png") -> list[str]:
    return sorted(path.stem for path in folder.glob(f"*{end}"))


def cameras(root: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poses (V,3,4) with columns right, up, back, centre; sizes (V,3); bounds (V,2)."""
    rows = np.load(root / "poses_bounds.npy")
    matrices = rows[:, :15].reshape(-1, 3, 5)
    poses = np.stack([matrices[..., 1], -matrices[..., 0], matrices[..., 2], matrices[..., 3]], axis=2)
    return poses, matrices[..., 4], rows[:, 15:]


def test_same_seed_same_bytes_another_seed_another_room(made, tmp_path):
    assert write_removal_room(made, SMALL) is False
    write_removal_room(tmp_path / "again", SMALL)
    assert digest(tmp_path / "again") == digest(made)
    with pytest.raises(UserError, match="holds another set"):
        write_removal_room(made, replace(SMALL, seed=1))
    write_removal_room(tmp_path / "other", replace(SMALL, seed=1))
    pictures = [read_image(root / "images_2" / f"{TEST_NAMES[0]}.png") for root in (made, tmp_path / "other")]
    assert np.abs(np.subtract(*pictures, dtype=float)).mean() > 10


def test_the_benchmarks_layout(made):
    assert stems(made / "images") == stems(made / "images_2") == TEST_NAMES + TRAIN_NAMES
    assert stems(made / "images_2" / "label") == TRAIN_NAMES
    assert stems(made / "images_2" / "test_label") == [f"out_{number:05d}" for number in range(1, SMALL.test + 1)]
    assert read_image(made / "images" / "image000.png").shape == (94, 126, 3)
    assert read_image(made / "images_2" / "image000.png").shape == (47, 63, 3)
    for folder in ("label", "test_label"):
        for path in (made / "images_2" / folder).glob("*.png"):
            assert set(np.unique(read_grey(path))) == {0, 1}
    _, sizes, bounds = cameras(made)
    assert (sizes == (94, 126, 0.9 * 126)).all()
    scale = 1 / (LLFF_NEAR * bounds.min())
    for name, (near, far) in zip(TEST_NAMES + TRAIN_NAMES, bounds, strict=True):
        disparity = np.load(made / "truth" / "disparity" / f"{name}.npy")
        np.testing.assert_allclose(
            (disparity.min(), disparity.max()), (1 / (scale * far), 1 / (scale * near)), rtol=1e-6
        )


def test_truth_of_the_views_with_the_target(made):
    """Off the mask the empty picture is the picture; on it, it is another one, and farther away."""
    for name in TRAIN_NAMES:
        picture, empty = (read_image(made / folder / f"{name}.png") for folder in ("images_2", "truth/empty"))
        full, bare = (np.load(made / "truth" / kind / f"{name}.npy") for kind in ("disparity", "empty_disparity"))
        mask = read_grey(made / "truth" / "mask" / f"{name}.png") > 0
        assert np.array_equal(mask, read_grey(made / "images_2" / "label" / f"{name}.png") > 0)
        change = np.abs(picture.astype(int) - empty).max(2)
        assert change[mask].mean() > 30
        assert (change == 0).mean() > 0.5
        nearer = full > bare
        assert (nearer & mask).sum() / (nearer | mask).sum() > 0.85  # the mask is of areas, the depth of centres
        assert np.array_equal(full[~nearer], bare[~nearer])
        assert full.dtype == np.float32


def test_test_labels_show_where_the_target_would_be(made):
    for number, name in enumerate(TEST_NAMES, start=1):
        label = read_grey(made / "images_2" / "test_label" / f"out_{number:05d}.png") > 0
        assert 0.01 < label.mean() < 0.2
        assert np.array_equal(label, read_grey(made / "truth" / "mask" / f"{name}.png") > 0)
    assert not (made / "truth" / "empty" / f"{TEST_NAMES[0]}.png").exists()


def test_two_views_agree_about_the_places_that_their_disparities_give(made):
    """Lift one view's pixels by its disparity, look at them from another view: the same disparity lies there."""
    poses, sizes, bounds = cameras(made)
    scale = 1 / (LLFF_NEAR * bounds.min())
    first, second = (np.load(made / "truth" / "disparity" / f"{name}.npy") for name in TRAIN_NAMES[:2])
    focal = sizes[0, 2] / 2
    rows, columns = np.mgrid[:47, :63]
    local = np.stack([(columns + 0.5 - 31.5) / focal, -(rows + 0.5 - 23.5) / focal, -np.ones((47, 63))], axis=2)
    here, there = poses[SMALL.test], poses[SMALL.test + 1]
    places = (local / (first * scale)[..., None]) @ here[:, :3].T + here[:, 3]
    seen = (places - there[:, 3]) @ there[:, :3]
    x, y = (np.floor(seen[..., 0] / -seen[..., 2] * focal + 31.5), np.floor(seen[..., 1] / seen[..., 2] * focal + 23.5))
    inside = (x >= 0) & (x < 63) & (y >= 0) & (y < 47)
    found = second[y[inside].astype(int), x[inside].astype(int)]
    error = np.abs(1 / (-seen[..., 2][inside] * scale) / found - 1)
    assert np.median(error) < 0.01
    assert (error < 0.05).mean() > 0.85


def test_the_colmap_model_is_of_true_points(made):
    poses, _, bounds = cameras(made)
    model = read_model(made)
    by_name = model.by_name()
    assert [image.name for image in by_name] == [f"{name}.png" for name in TEST_NAMES + TRAIN_NAMES]
    assert [image.id for image in by_name] != sorted(model.images)  # names pair them, ids do not
    for image, pose, (near, far) in zip(by_name, poses, bounds, strict=True):
        np.testing.assert_allclose(image.pose, pose, atol=1e-9)
        rows = model.points.rows(image.point_ids)
        depth = image.depths(model.points.xyz[rows])
        assert ((depth > 0.99 * near) & (depth < 1.01 * far)).mean() > 0.9
        local = (model.points.xyz[rows] - pose[:, 3]) @ pose[:, :3]
        where = local[:, :2] * (1, -1) / -local[:, 2:] * (0.9 * 126) + (63, 47)
        assert 0.05 < np.abs(where - image.xy).mean() < 1
    assert (model.points.track_lengths >= 3).all()
    assert model.points.track_lengths.sum() == sum(len(image.xy) for image in by_name)


def test_the_clicks_are_on_and_off_the_target(made):
    ((name, clicks),) = load_annotations(made / "clicks.json").items()
    mask = read_grey(made / "images_2" / "label" / f"{name}.png") > 0
    assert name == TRAIN_NAMES[0]
    assert clicks.positive.tolist() == [True, True, False]
    assert [bool(mask[int(y), int(x)]) for x, y in clicks.xy] == clicks.positive.tolist()


def test_the_target_throws_a_shadow_and_hides_something(studio):
    named = make_views(SMALL, np.random.default_rng(0))
    pictures = studio.photograph(named[-1].view, samples=2)
    beside = pictures.coverage == 0
    darker = pictures.empty.astype(int).sum(2) - pictures.full.astype(int).sum(2)
    assert (darker[beside] >= 0).all()
    assert (darker[beside] > 10).sum() > 20
    assert set(np.unique(pictures.coverage)) > {0.0, 0.5, 1.0}
    assert len(make_lamps([studio.room.things])) == len(studio.lamps)


def test_without_its_shadow_the_target_changes_nothing_beside_itself(studio):
    named = make_views(SMALL, np.random.default_rng(0))
    pictures = Studio.of(studio.room, target_shadow=False).photograph(named[-1].view, samples=2)
    beside = pictures.coverage == 0
    assert np.array_equal(pictures.empty[beside], pictures.full[beside])
    assert not np.array_equal(pictures.empty, pictures.full)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_other_things_stand_beside_the_target_or_where_it_hides_parts_of_them(seed):
    hidden = {}
    for behind in (False, True):
        rng = np.random.default_rng([seed, 0])
        room = make_removal_room(load_room_photos(), rng=rng, things_behind=behind)
        hidden[behind] = 0
        for one in make_views(SMALL, np.random.default_rng([seed, 1])):
            origin, directions = one.view.pose[:, 3], one.view.directions()
            first, target = (cast_rays(things, origin, directions) for things in (room.things, [room.target]))
            hidden[behind] += (first.thing[np.isfinite(target.distance)] > 0).sum()  # the first thing is the room
    assert hidden[False] == 0
    assert hidden[True] > 100


def test_every_point_is_seen_from_three_views(studio):
    named = make_views(SMALL, np.random.default_rng(0))
    views, target = [one.view for one in named], [one.target for one in named]
    found = find_points(studio.room, views, target, points=20, rng=np.random.default_rng(0))
    assert len(found.xyz) > 60
    assert found.seen.sum(0).min() >= 3
    low, high = studio.room.target.bounds()
    on_target = ((found.xyz > low - 1e-6) & (found.xyz < high + 1e-6) & (found.xyz[:, 2:] > 1e-3)).all(1)
    assert on_target.any()
    assert not found.seen[: SMALL.test, on_target].any()


def test_cameras_for_testing_stand_apart():
    named = make_views(RemovalRoomSettings(), np.random.default_rng(0))
    centres = {target: np.stack([one.view.pose[:, 3] for one in named if one.target == target]) for target in (0, 1)}
    away = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2)
    assert (len(centres[0]), len(centres[1])) == (12, 24)
    assert away.min() > 0.01
    assert away.min(1).max() < 0.2


def test_pixels_and_directions_belong_together():
    view = View(10, 14, 12.0, np.eye(4)[:3])
    places = view.directions() * 3
    rows, columns = np.mgrid[:10, :14].reshape(2, -1)
    np.testing.assert_allclose(view.project(places), np.stack([columns + 0.5, rows + 0.5], axis=1))
    assert (view.depths(places) <= 3).all()


def test_quaternions():
    rng = np.random.default_rng(0)
    for _ in range(20):
        rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        rotation *= np.sign(np.linalg.det(rotation))
        w, x, y, z = quaternion_of(rotation)
        again = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        np.testing.assert_allclose(again, rotation, atol=1e-12)
    np.testing.assert_allclose(np.abs(quaternion_of(np.diag(OPENGL_AXES))), [0, 1, 0, 0])


def test_printed_photographs_keep_their_colours_or_take_one():
    top, bottom, left, right = PRINTS["coffee"]
    photo = load_room_photos()["coffee"][top:bottom, left:right]
    own, tinted = printed(photo, 0.2, 0.1), printed(photo, 0.2, 0.1, colour=np.array([0.8, 0.2, 0.2]))
    np.testing.assert_allclose(own.tile.mean((0, 1)), photo.mean((0, 1)) / 255, atol=0.02)
    assert tinted.tile[..., 0].mean() > 2 * tinted.tile[..., 1].mean()
    assert printed(photo, 1, 1, share=0.2).tile.std() < own.tile.std()


def test_sam_finds_the_target_from_the_clicks(studio, weights):
    pytest.importorskip("segment_anything")
    sam = MobileSAM(checkpoint=weights("mobile_sam")).eval()
    view = make_views(RemovalRoomSettings(), np.random.default_rng([SMALL.seed, 1]))[12].view
    pictures = studio.photograph(View(94, 126, view.focal / 2, view.pose), samples=2)
    mask = pictures.coverage >= 0.5
    clicks = clicks_on(mask)
    answer = sam.predict(sam.set_image(pictures.full), points=clicks.xy, labels=clicks.positive, multimask=False)
    assert mask_iou(answer.upsample().numpy() > 0, mask) > 0.95


@pytest.mark.parametrize("wrong", [{"train": 0}, {"height": 10}, {"factor": 0}, {"points": 0}, {"test": 1, "train": 1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UserError, match="Expected train, test"):
        replace(SMALL, **wrong)


def test_the_tool(tmp_path):
    out = tmp_path / "room"
    arguments = ["removal_room", "--out", str(out), "--seed", "3", "--small", "--train", "3", "--test", "2"]
    run = run_tool("make_synthetic.py", *arguments)
    assert "wrote 3 views with the thing to be removed and 2 without it" in run.out
    assert len(stems(out / "images_2")) == 5
