"""Which rays a step of training sees, and what is known of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sparsevision.datasets.views.keypoints import KeyPoints
from sparsevision.datasets.views.ray_groups import KeypointRays, PatchRays, PixelRays, Pixels, make_groups
from sparsevision.datasets.views.rays import get_rays
from sparsevision.datasets.views.scene import Intrinsics, ViewScene
from sparsevision.utils import UserError

HEIGHT, WIDTH, FOCAL = 24, 32, 30.0


def scene_of(intrinsics=None, count: int = 3) -> ViewScene:
    poses = np.stack([np.eye(3, 4) for _ in range(count)])
    poses[:, 0, 3] = np.arange(count)
    names = tuple(f"v{view}" for view in range(count))
    return ViewScene(
        name="toy",
        root=Path("toy"),
        image_names=names,
        image_files=tuple(Path(f"toy/images/{name}.png") for name in names),
        poses=poses,
        intrinsics=intrinsics or Intrinsics.simple(HEIGHT, WIDTH, FOCAL),
        bounds=np.tile([1.3, 8.0], (count, 1)),
        near=1.2,
        far=8.0,
        scale=1.0,
        factor=1,
        world_to_scene=np.eye(3, 4),
        render_poses=poses,
    )


@pytest.fixture
def pixels() -> Pixels:
    """Every pixel has a colour of its own; the middle view's hole is the reference, the last view has no label."""
    rng = np.random.default_rng(0)
    labels = np.zeros((3, HEIGHT, WIDTH), np.int8)
    labels[0, 4:9, 6:12] = 1
    labels[1, 10:14, 20:25] = 1
    labels[2] = -1
    return Pixels(
        scene=scene_of(),
        views=(0, 1, 2),
        images=rng.integers(0, 256, (3, HEIGHT, WIDTH, 3), dtype=np.uint8),
        labels=labels,
        disparities=rng.random((3, HEIGHT, WIDTH)).astype(np.float32),
        reference=1,
    )


def pixel_of(pixels: Pixels, ray: torch.Tensor) -> tuple[int, int, int]:
    """View, row and column that a ray goes through."""
    x = round(float(ray[3]) * FOCAL + WIDTH / 2)
    y = round(-float(ray[4]) * FOCAL + HEIGHT / 2)
    return round(float(ray[0])), y, x


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("all", lambda labels: labels > -2),
        ("background", lambda labels: labels == 0),
        ("hole", lambda labels: labels != 0),
        ("labelled", lambda labels: labels >= 0),
        ("reference", lambda labels: (labels == 1) & (np.arange(3) == 1)[:, None, None]),
    ],
)
def test_pixels_are_of_their_kind_and_carry_what_is_known_of_them(pixels, where, expected):
    found = PixelRays(pixels, rays=200, where=where).draw(np.random.default_rng(1))
    allowed = expected(pixels.labels)
    seen = set()
    rows = (found[name] for name in ("rays", "colour", "label", "disparity"))
    for ray, colour, label, disparity in zip(*rows, strict=True):
        place = pixel_of(pixels, ray)
        seen.add(place)
        assert allowed[place]
        assert np.array_equal(np.round(colour.numpy() * 255), pixels.images[place])
        assert label == pixels.labels[place]
        assert disparity == pixels.disparities[place]
    assert len(seen) > min(20, allowed.sum() - 2)


def test_all_rays_of_a_view_are_those_of_its_camera(pixels):
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    found = pixels.rays(np.full(x.size, 2), np.stack([x.ravel(), y.ravel()], axis=-1))
    origins, directions = get_rays(HEIGHT, WIDTH, FOCAL, pixels.scene.poses[2])
    torch.testing.assert_close(found, torch.cat([origins, directions], dim=-1).view(-1, 6))


def test_views_with_cameras_of_their_own(pixels):
    cameras = tuple(Intrinsics.simple(HEIGHT, WIDTH, FOCAL * (1 + view)) for view in range(3))
    own = Pixels(
        scene=scene_of(cameras),
        views=(0, 1, 2),
        images=pixels.images,
        labels=pixels.labels,
        disparities=None,
        reference=None,
    )
    rays = own.rays(np.array([2, 0, 1]), np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    assert torch.allclose(rays[:, 3], -WIDTH / 2 / (FOCAL * torch.tensor([3.0, 1.0, 2.0])))


def test_a_kind_without_pixels_is_the_users_error(pixels):
    nowhere = Pixels(
        scene=pixels.scene,
        views=pixels.views,
        images=pixels.images,
        labels=np.zeros_like(pixels.labels),
        disparities=None,
        reference=1,
    )
    with pytest.raises(UserError, match="no pixel of the training views is of the kind 'hole'"):
        PixelRays(nowhere, rays=8, where="hole")
    with pytest.raises(UserError, match="no training view has a hole"):
        PatchRays(nowhere)
    with pytest.raises(UserError, match="where='holes'; expected one of all, background"):
        PixelRays(pixels, rays=8, where="holes")


def key_points() -> list[KeyPoints]:
    xy = np.array([[8.4, 5.9], [1.0, 1.0]], np.float32)
    return [KeyPoints(xy, np.array([2.0, 3.0]), np.array([1.0, 0.5])) for _ in range(3)]


def test_key_points_in_a_hole_are_left_out(pixels):
    found = KeypointRays(pixels, rays=100, key_points=key_points()).draw(np.random.default_rng(0))
    views = found["rays"][:, 0].round()
    assert set(views.tolist()) == {0.0, 1.0}, "the view without a label has no background"
    assert set(found["depth"][views == 0].tolist()) == {3.0}
    assert set(found["depth"][views == 1].tolist()) == {2.0, 3.0}
    assert set(found["weight"].tolist()) == {0.5, 1.0}
    everywhere = KeypointRays(pixels, rays=100, key_points=key_points(), background_only=False)
    assert len(set(everywhere.draw(np.random.default_rng(0))["rays"][:, 0].tolist())) == 3


def test_patches_lie_around_the_hole_and_match_their_colours(pixels):
    group = PatchRays(pixels, count=2, stride=1, divisor=4, aligned=False)
    found = group.draw(np.random.default_rng(0))
    assert found["rays"].shape == (2, 6, 8, 6)
    assert found["colour"].shape == (2, 6, 8, 3)
    for patch, colours, (view, top, left) in zip(found["rays"], found["colour"], found["place"].tolist(), strict=True):
        assert pixel_of(pixels, patch[0, 0]) == (view, top, left)
        assert pixel_of(pixels, patch[-1, -1]) == (view, top + 5, left + 7)
        assert np.array_equal(
            np.round(colours.numpy() * 255), pixels.images[view, top : top + 6, left : left + 8].astype(np.float32)
        )


def test_aligned_patches_go_through_the_middle_of_what_a_target_pixel_averages(pixels):
    plain, aligned = (
        PatchRays(pixels, count=1, stride=2, divisor=2, aligned=aligned).draw(np.random.default_rng(3))
        for aligned in (False, True)
    )
    shift = (aligned["rays"] - plain["rays"])[..., 3:5] * FOCAL
    assert torch.allclose(shift, torch.tensor([0.5, -0.5]).expand_as(shift), atol=1e-5)
    view, top, left = plain["place"][0].tolist()
    corner = pixels.images[view, 2 * top : 2 * top + 2, 2 * left : 2 * left + 2].reshape(4, 3).mean(axis=0)
    assert np.allclose(plain["colour"][0, 0, 0].numpy() * 255, corner, atol=0.51)


def test_few_places_come_again_on_a_raster(pixels):
    group = PatchRays(pixels, count=2, stride=1, divisor=4, raster=4)
    places = {tuple(place) for seed in range(30) for place in group.draw(np.random.default_rng(seed))["place"].tolist()}
    assert all(top % 4 == 0 and left % 4 == 0 for _, top, left in places)
    assert len(places) < 30


def test_groups_by_name(pixels):
    settings = {"background": {"rays": 8, "where": "background"}, "keypoints": {"rays": 4}, "patches": {"count": 1}}
    groups = make_groups(pixels, settings, key_points=key_points())
    assert [type(group) for group in groups.values()] == [PixelRays, KeypointRays, PatchRays]
    with pytest.raises(UserError, match="groups: background="):
        make_groups(pixels, {"background": {"ray": 8}}, key_points=None)
