"""Views of a scene from a field, without a Runner."""

import numpy as np
import pytest
import torch

from sparsevision.apis import ViewInferencer
from sparsevision.apis.example import build_example
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.methods.spin_nerf import SPInNeRF
from sparsevision.utils import UserError

HEIGHT, WIDTH = 16, 20


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    root = tmp_path_factory.mktemp("scene")
    rows = []
    for view in range(3):
        write_png(root / "images" / f"v{view}.png", np.full((HEIGHT, WIDTH, 3), 40 * view, np.uint8))
        pose = np.array([[0, 1, 0, 0.1 * view], [-1, 0, 0, 0], [0, 0, 1, 0]], dtype=np.float64)
        rows.append(np.concatenate([np.concatenate([pose, [[HEIGHT], [WIDTH], [20.0]]], axis=1).ravel(), [1.0, 6.0]]))
    np.save(root / "poses_bounds.npy", np.stack(rows))
    return load_scene(root, factor=1)


def model_of(**options):
    torch.manual_seed(0)
    field = {"type": "VanillaNeRF", "depth": 2, "width": 16, "skip_after": None} | options
    return SPInNeRF(renderer={"type": "Renderer", "fine": field, "num_samples": 8, "num_fine_samples": 0})


def test_views_by_index_and_along_a_path(scene):
    render = ViewInferencer(model_of(objectness=True))
    views = list(render(scene))
    assert len(views) == 3
    assert views[0].image.shape == (HEIGHT, WIDTH, 3)
    assert views[0].image.dtype == np.uint8
    assert np.isfinite(views[0].disparity).all()
    assert np.array_equal(views[0].mask, views[0].objectness > 0.5)
    (one,) = render(scene, [2])
    assert np.array_equal(one.image, views[2].image)
    (same,) = render.along(scene, scene.poses[2:])
    assert np.array_equal(same.image, views[2].image)


def test_a_field_without_objectness_has_no_masks(scene):
    (view,) = ViewInferencer(model_of())(scene, [0])
    assert view.objectness is None
    with pytest.raises(UserError, match="no objectness"):
        _ = view.mask


def test_other_methods_are_refused():
    with pytest.raises(UserError, match="is no radiance field"):
        ViewInferencer(build_example("tiny_cpcm_res16unet_0p1pct_40e_rooms", size=(8, 8), count=1).model)
