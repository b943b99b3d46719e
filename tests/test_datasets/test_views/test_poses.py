"""Pose algebra and patch ranges against the reference's numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.views.patches import patch_range
from sparsevision.datasets.views.poses import (
    average_pose,
    closest_to_mean,
    invert,
    recenter_poses,
    spherify_poses,
    spiral_poses,
)

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "spin_nerf" / "core.json"


@pytest.fixture(scope="module")
def golden() -> dict:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_recentred_poses_equal_the_reference(golden):
    entry = golden["recenter_poses"]
    poses = np.array(entry["poses"])
    np.testing.assert_allclose(average_pose(poses), entry["average"], atol=1e-6)
    np.testing.assert_allclose(recenter_poses(poses), entry["out"], atol=1e-6)


def test_the_mean_of_recentred_poses_is_the_identity(golden):
    poses = recenter_poses(np.array(golden["recenter_poses"]["poses"]))
    np.testing.assert_allclose(average_pose(poses)[:, :4], np.eye(3, 4), atol=1e-12)


def test_poses_on_a_sphere_equal_the_reference(golden):
    entry = golden["spherify_poses"]
    poses, path, bounds = spherify_poses(np.array(entry["poses"]), np.array(entry["bounds"]))
    np.testing.assert_allclose(poses, entry["out"], atol=1e-6)
    np.testing.assert_allclose(path[0], entry["path0"], atol=1e-6)
    np.testing.assert_allclose(bounds, entry["bounds_out"], atol=1e-6)
    assert path.shape == (120, 3, 5)


def test_a_spiral_looks_at_one_point():
    poses = np.tile(np.eye(3, 4), (5, 1, 1))
    poses[:, :2, 3] = [(-1, 0), (1, 0), (0, 1), (0, -1), (0.1, 0)]
    path = spiral_poses(poses, np.array([[1.0, 4.0]]), frames=12)
    focus = np.array((0.02, 0, -1 / (0.25 / 0.9 + 0.75 / 20)))  # the mean camera is at x = 0.02
    towards = focus - path[:, :, 3]
    np.testing.assert_allclose(np.cross(towards, path[:, :, 2]), 0, atol=1e-12)
    assert closest_to_mean(poses) == 4


def test_a_motion_and_its_inverse_cancel(golden):
    pose = np.array(golden["recenter_poses"]["poses"])[0, :, :4]
    back = invert(pose)
    np.testing.assert_allclose(pose[:, :3] @ back[:, 3] + pose[:, 3], 0, atol=1e-9)
    np.testing.assert_allclose(pose[:, :3] @ back[:, :3], np.eye(3), atol=1e-9)


def test_patches_equal_the_reference(golden):
    for entry in golden["lpips_patch"]:
        mask = np.zeros(entry["image_hw"], np.int8)
        rows, columns = entry["mask_rows"], entry["mask_cols"]
        mask[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = -1
        found = patch_range(mask, stride=entry["stride"], patch_factor=entry["patch_factor"])
        assert [found.height, found.width] == entry["patch_hw"]
        assert list(found.rows) == entry["row_range"]
        assert list(found.columns) == entry["col_range"]


def test_a_patch_at_the_border_can_be_kept_inside():
    mask = np.zeros((64, 64), bool)
    mask[62:, 62:] = True
    assert patch_range(mask, patch_factor=4).rows == (31, 31)
    assert patch_range(mask, patch_factor=4, inside=True).columns == (24, 24)
    assert patch_range(np.zeros((8, 8), bool)) is None
