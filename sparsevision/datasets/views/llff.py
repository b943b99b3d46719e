"""Load a scene in LLFF's layout: `poses_bounds.npy`, `images`, `images_<factor>` and perhaps a COLMAP model."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from mmengine.logging import print_log

from sparsevision.datasets.views.colmap import Model, find_model, read_model
from sparsevision.datasets.views.files import list_images
from sparsevision.datasets.views.images import common_size, folder_of_factor
from sparsevision.datasets.views.pairing import pair_cameras
from sparsevision.datasets.views.pose_bounds import PoseBounds, pose_bounds_of_model, read_pose_bounds
from sparsevision.datasets.views.poses import (
    average_pose,
    closest_to_mean,
    invert,
    recenter_poses,
    spiral_poses,
)
from sparsevision.datasets.views.scene import Intrinsics, ViewScene
from sparsevision.utils import UserError

Preset = Literal["published", "fixed"]
BOUND_FACTOR = 0.75  # the smallest bound becomes 1 / 0.75
NEAR_FACTOR = 0.9


def load_llff(
    folder: str | Path, *, factor: float, preset: Preset = "published", num_test: int | None = None
) -> ViewScene:
    """Load the cameras of a scene, scaled so that the nearest bound is 4/3, in the frame of their mean (LLFF, NeRF).

    Rows of the pose file are paired with the image files in the order of their names. Without a pose file the COLMAP
    model gives the poses, by names. Images of the factor that are not there are made.

    Args:
        folder: the scene.
        factor: `images_<factor>` is used; 1 for `images`.
        preset: "published" divides the focal length by the factor and takes one camera without distortion, its
            principal point in the middle, and rounds the bounds to float32 (which decides about key points that lie
            on them); "fixed" scales the focal length by the sizes of the images, and takes each view's fx, fy,
            principal point and distortion from the COLMAP model where there is one.
        num_test: views without the object, the first in the order of names; None: see `count_test_labels`.

    Raises:
        UserError: files are missing, damaged, of several sizes, or do not fit together.
    """
    if preset not in ("published", "fixed"):
        raise UserError(f"preset: expected 'published' or 'fixed', got {preset!r}.")
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder of a scene.")
    files = list_images(folder_of_factor(root, factor))
    names = tuple(path.stem for path in files)
    cameras = _pose_bounds(root, names, files[0].parent)
    if preset == "published":
        cameras = replace(cameras, bounds=cameras.bounds.astype(np.float32).astype(np.float64))
    _tell_of_pickles(root)
    height, width = common_size(files)
    focal = float(cameras.poses[0, 2, 4] / factor)
    scene = scene_of_cameras(
        cameras,
        name=root.resolve().name,
        root=root,
        image_names=names,
        image_files=tuple(files),
        intrinsics=Intrinsics.simple(height, width, focal),
        factor=factor,
        num_test=count_test_labels(files[0].parent, len(files)) if num_test is None else num_test,
    )
    return scene if preset == "published" else replace(scene, intrinsics=_measured_cameras(scene, cameras))


def scene_of_cameras(cameras: PoseBounds, **fields) -> ViewScene:
    """A `ViewScene` of cameras in any world: scaled, recentred, with near, far and a path for videos.

    `fields` are those of `ViewScene` that the cameras do not decide.
    """
    scale = 1 / (cameras.bounds.min() * BOUND_FACTOR)
    poses, bounds = cameras.poses[:, :, :4].copy(), cameras.bounds * scale
    poses[:, :, 3] *= scale
    to_mean = invert(average_pose(poses))
    recentred = recenter_poses(poses)
    return ViewScene(
        poses=recentred,
        bounds=bounds,
        near=float(bounds.min() * NEAR_FACTOR),
        far=float(bounds.max()),
        scale=float(scale),
        world_to_scene=to_mean * (scale, scale, scale, 1.0),
        reference=closest_to_mean(recentred),
        render_poses=spiral_poses(recentred, bounds),
        **fields,
    )


def count_test_labels(image_folder: Path, views: int) -> int:
    """How many first views are without the object: as many as `test_label` has files; 0 without that folder.

    Raises:
        UserError: `test_label` has as many files as there are views, or more.
    """
    if not (image_folder / "test_label").is_dir():
        return 0
    count = len(list_images(image_folder / "test_label"))
    if count >= views:
        raise UserError(f"{image_folder / 'test_label'}: {count} files for {views} views; none is left to train on.")
    return count


def _pose_bounds(root: Path, names: tuple[str, ...], images: Path) -> PoseBounds:
    path = root / "poses_bounds.npy"
    if not path.is_file():
        if find_model(root) is None:
            raise UserError(
                f"{path}: there is no such file, and no COLMAP model in {root / 'sparse/0'} to make it from."
            )
        print_log(f"{path}: is not there; the cameras are taken from {find_model(root)}", logger="current")
        return pose_bounds_of_model(read_model(root), names)
    cameras = read_pose_bounds(path)
    if len(cameras.poses) != len(names):
        raise UserError(
            f"{path}: {len(cameras.poses)} poses for the {len(names)} images of {images}; rows and files are paired in "
            "the order of the files' names. Remove the images without a pose, or make the file again from COLMAP "
            "(tools/dataset_converters/spin_nerf.py)."
        )
    return cameras


def _measured_cameras(scene: ViewScene, cameras: PoseBounds) -> Intrinsics | tuple[Intrinsics, ...]:
    """What COLMAP measured; without its model the pose file's focal lengths, scaled by the size."""
    own = scene.camera(0)
    if find_model(scene.root) is None:
        large = cameras.poses[:, :, 4]
        views = tuple(Intrinsics.simple(*(int(size) for size in hwf[:2]), float(hwf[2])) for hwf in large)
    else:
        views = _model_cameras(scene, read_model(scene.root))
    scaled = tuple(view.scaled(own.height, own.width) for view in views)
    return scaled[0] if len(set(scaled)) == 1 else scaled


def _model_cameras(scene: ViewScene, model: Model) -> tuple[Intrinsics, ...]:
    images = pair_cameras(scene, model)
    missing = [name for name, image in zip(scene.image_names, images, strict=True) if image is None]
    if missing:
        raise UserError(f"{scene.root}: the COLMAP model has no image called '{missing[0]}', so its lens is not known.")
    return tuple(model.cameras[image.camera_id].intrinsics for image in images if image is not None)


def _tell_of_pickles(root: Path) -> None:
    if (root / "colmap_depth.npy").is_file():
        print_log(
            f"{root / 'colmap_depth.npy'}: is not read, since it holds pickled Python objects; the depths of key "
            "points are taken from the COLMAP model.",
            logger="current",
        )
