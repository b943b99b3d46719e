"""The scene in memory: sizes, splits and cameras."""

from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.views.scene import Intrinsics, ViewScene
from sparsevision.utils import UserError


def make_scene(count: int = 3, **changes) -> ViewScene:
    names = tuple(f"img_{index}" for index in range(count))
    fields = {
        "name": "room",
        "root": Path("room"),
        "image_names": names,
        "image_files": tuple(Path("room/images_4") / f"{name}.png" for name in names),
        "poses": np.tile(np.eye(3, 4), (count, 1, 1)),
        "intrinsics": Intrinsics.simple(20, 30, 25.0),
        "bounds": np.ones((count, 2)),
        "near": 0.9,
        "far": 1.0,
        "scale": 1.0,
        "world_to_scene": np.eye(3, 4),
        "render_poses": np.zeros((0, 3, 4)),
    }
    return ViewScene(**(fields | changes))


def test_a_camera_of_another_size_sees_the_same():
    camera = Intrinsics(height=100, width=200, fx=150, fy=160, cx=90, cy=60, distortion=(0.1, 0.0, 0.0, 0.0))
    half = camera.scaled(50, 100)
    assert (half.fx, half.fy, half.cx, half.cy) == (75, 80, 45, 30)
    assert half.distortion == camera.distortion
    assert Intrinsics.simple(20, 30, 25.0).cx == 15


@pytest.mark.parametrize("wrong", [{"fx": 0.0}, {"height": 0}, {"cx": float("nan")}, {"distortion": (0.1,)}])
def test_a_camera_that_is_none_is_refused(wrong):
    with pytest.raises(UserError):
        Intrinsics(**({"height": 2, "width": 2, "fx": 1.0, "fy": 1.0, "cx": 1.0, "cy": 1.0} | wrong))


def test_the_first_views_are_for_testing_and_hwf_stands_in_the_fifth_column():
    scene = make_scene(num_test=2)
    assert scene.test == (0, 1)
    assert scene.train == (2,)
    assert scene.hwf_poses.shape == (3, 3, 5)
    assert scene.hwf_poses[1, :, 4].tolist() == [20, 30, 25]
    assert scene.image_folder == Path("room/images_4")


def test_each_view_may_have_a_camera_of_its_own():
    cameras = tuple(Intrinsics.simple(20, 30, focal) for focal in (10.0, 20.0, 30.0))
    assert make_scene(intrinsics=cameras).camera(2).fx == 30


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"poses": np.zeros((2, 3, 4))}, "3 images but 2 poses"),
        ({"image_names": ("a", "a", "b")}, "same name"),
        ({"num_test": 3}, "num_test 3"),
    ],
)
def test_what_does_not_fit_together_is_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        make_scene(**wrong)
