"""A scene in the Runner: steps of rays, and whole views with what is known of them."""

import numpy as np
import pytest
import torch
from test_ray_groups import FOCAL, HEIGHT, WIDTH

from sparsevision.datasets import RayPreprocessor, SceneRays, SceneViews
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.seeded import SampleIndex
from sparsevision.datasets.views.rays import get_rays
from sparsevision.utils import UserError

COUNT, TESTED = 6, 2


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Six views in a row, the first two without the object; the others have a square on their left side."""
    root = tmp_path_factory.mktemp("scene")
    rng = np.random.default_rng(0)
    rows = []
    for view in range(COUNT):
        image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        write_png(root / "images" / f"v{view}.png", image)
        write_png(root / "inpainted" / f"v{view}.png", 255 - image)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[8:14, 4 : 8 + view] = 1
        folder, name = ("test_label", f"out_{view + 1:05d}") if view < TESTED else ("label", f"v{view}")
        write_png(root / "images" / folder / f"{name}.png", mask)
        # rotation columns [down, right, back] of LLFF, centre, size and focal length
        pose = np.array([[0, 1, 0, 0.1 * view], [-1, 0, 0, 0], [0, 0, 1, 0]], dtype=np.float64)
        pose = np.concatenate([pose, [[HEIGHT], [WIDTH], [FOCAL]]], axis=1)
        rows.append(np.concatenate([pose.ravel(), [1.0, 6.0]]))
    np.save(root / "poses_bounds.npy", np.stack(rows))
    return root


def rays_of(root, **options):
    settings = {"groups": {"background": {"rays": 16, "where": "background"}}, "factor": 1} | options
    return SceneRays(data_root=str(root), **settings)


def test_a_step_depends_on_its_place_in_the_stream_alone(root):
    dataset = rays_of(root)
    first, again, other = (dataset[SampleIndex(0, draw, 3)]["inputs"] for draw in (5, 5, 6))
    assert torch.equal(first["background_rays"], again["background_rays"])
    assert not torch.equal(first["background_rays"], other["background_rays"])
    assert set(first) == {"near_far", "extent", "background_rays", "background_colour", "background_label"}
    assert first["near_far"].tolist() == pytest.approx([dataset.scene.near, dataset.scene.far])


def test_only_views_with_the_object_are_learnt_from(root):
    dataset = rays_of(root, groups={"colours": {"rays": 400, "where": "all"}})
    centres = dataset.scene.poses[:, 0, 3]
    seen = dataset[0]["inputs"]["colours_rays"][:, 0].numpy()
    nearest = np.abs(seen[:, None] - centres).argmin(axis=1)
    assert set(nearest) == set(range(TESTED, COUNT))


def test_all_that_cameras_see_lies_within_the_extent(root):
    dataset = rays_of(root)
    extent, scene = dataset.extent, dataset.scene
    assert extent.shape == (COUNT * 8, 3)
    origins, directions = get_rays(HEIGHT, WIDTH, FOCAL, scene.poses[0])
    for depth in (scene.near, scene.far):
        points = (origins + depth * directions).reshape(-1, 3)
        assert (points >= extent.amin(0) - 1e-5).all()
        assert (points <= extent.amax(0) + 1e-5).all()


def test_masks_grow_and_inpainted_images_take_the_place_of_others(root):
    groups = {"hole": {"rays": 300, "where": "reference"}}
    plain = rays_of(root, groups=groups, reference=3)[0]["inputs"]
    other = rays_of(root, groups=groups, reference=3, images=str(root / "inpainted"), dilate=1)[0]["inputs"]
    columns = [(part["hole_rays"][:, 3] * FOCAL + WIDTH / 2).round() for part in (plain, other)]
    assert (columns[0].min(), columns[0].max()) == (4, 10)
    assert (columns[1].min(), columns[1].max()) == (2, 12)
    assert not torch.equal(plain["hole_colour"].unique(), other["hole_colour"].unique())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": "every"}, "views='every'; expected one of train, test, all"),
        ({"data_root": "nowhere"}, r"nowhere: there is no such folder\. Make it"),
        ({"reference": 0, "groups": {"reference": {"rays": 4, "where": "reference"}}}, "reference view 0"),
        ({"labels": "masks"}, "no view has a label"),
        ({"groups": {"keypoints": {"rays": 4}}}, r"has no COLMAP model .*groups.keypoints=None"),
    ],
)
def test_what_cannot_be_used_is_told(root, options, message):
    with pytest.raises(UserError, match=message):
        rays_of(options.pop("data_root", root), prepare="Make it.", **options)


def test_a_group_can_be_left_out(root):
    dataset = rays_of(root, groups={"colours": {"rays": 4, "where": "all"}, "keypoints": None})
    assert list(dataset.groups) == ["colours"]


@pytest.mark.parametrize(("views", "expected"), [("train", COUNT - TESTED), ("test", TESTED), ("all", COUNT)])
def test_views_come_whole_with_their_truth(root, views, expected):
    dataset = SceneViews(data_root=str(root), factor=1, views=views, masks="label")
    assert len(dataset) == expected
    item = dataset[expected - 1]
    sample = item["data_samples"]
    assert item["inputs"]["rays"].shape == (HEIGHT, WIDTH, 6)
    assert sample.gt_view.shape == (3, HEIGHT, WIDTH)
    last = {"train": COUNT - 1, "test": TESTED - 1, "all": COUNT - 1}[views]
    assert sample.view == sample.sample_id == f"v{last}"
    assert int(sample.gt_mask.sum()) == 6 * (4 + last)


def test_a_batch_is_one_step():
    preprocessor = RayPreprocessor()
    step = {"background_rays": torch.zeros(4, 6), "near_far": torch.tensor([1.0, 2.0])}
    batch = preprocessor({"inputs": {name: [value] for name, value in step.items()}, "data_samples": [None]})
    assert torch.equal(batch["inputs"]["background_rays"], step["background_rays"])
    with pytest.raises(UserError, match="batch_size=1"):
        preprocessor({"inputs": {name: [value, value] for name, value in step.items()}})
    with pytest.raises(UserError, match="RayPreprocessor expects"):
        preprocessor({"inputs": {"image": [torch.zeros(3)]}})
