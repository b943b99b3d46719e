"""Read `transforms.json`, the list of views of nerfstudio and instant-ngp.

Poses are camera to world with OpenGL axes; lens and size stand at the top or in each frame. Masks are nerfstudio's: 0
where a pixel is to be left out (here: the object), anything else where it is kept.
"""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.datasets.image_io import image_size
from sparsevision.datasets.views.colmap import find_model, read_model
from sparsevision.datasets.views.disparities import read_raw_depth
from sparsevision.datasets.views.files import find_by_name
from sparsevision.datasets.views.images import common_size, folder_of_factor
from sparsevision.datasets.views.llff import scene_of_cameras
from sparsevision.datasets.views.pose_bounds import NEAR_FAR_PERCENTILES, PoseBounds, pose_bounds_of_model
from sparsevision.datasets.views.scene import Intrinsics, ViewScene
from sparsevision.utils import UserError

FILE = "transforms.json"
LENS = ("k1", "k2", "p1", "p2")
NOT_SUPPORTED = ("k3", "k4", "k5", "k6")
PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE")
DEPTH_UNIT = 0.001
NUMBERS = {
    *("w", "h", "fl_x", "fl_y", "cx", "cy", "camera_angle_x", "camera_angle_y", "near", "far", "applied_scale"),
    *("depth_unit_scale_factor", *LENS, *NOT_SUPPORTED),
}
TEXTS = {"file_path", "mask_path", "depth_file_path", "camera_model"}
ROTATION_TOLERANCE = 1e-3
Frame = dict[str, Any]


def load_transforms(
    folder: str | Path, *, factor: float = 1, bounds: tuple[float, float] | None = None, num_test: int | None = None
) -> ViewScene:
    """Load the scene of a `transforms.json`, scaled and recentred as `load_llff` does.

    Views are in the order of their file names, those of `test_filenames` first. Depth bounds are the frames' `near`
    and `far` (as `write_transforms` writes them), or those that a COLMAP model beside the file gives, or the
    percentiles 0.1 and 99.9 of the depth files.

    Args:
        folder: of the file; or the file.
        factor: images of the sibling folder `<images>_<factor>` are used, made if it is missing; masks and depths are
            resized when they are read.
        bounds: near and far in the file's units for all views, instead.
        num_test: first views without the object, instead of `test_filenames`.

    Raises:
        UserError: the file is no such list, a frame lacks a pose, an image or a lens, the lens is none that is known,
            or there is nothing to tell the bounds from.
    """
    path = Path(folder) / FILE if Path(folder).is_dir() else Path(folder)
    top = _read(path)
    frames = sorted(top["frames"], key=lambda frame: (not _is_test(top, frame), Path(frame["file_path"]).name))
    large = [_file(path, frame, "file_path") for frame in frames]
    files = _small_files(path, [file for file in large if file], factor)
    cameras = _cameras(path, top, frames, large, files)
    depth_files = tuple(_file(path, frame, "depth_file_path") for frame in frames)
    unit = float(top.get("depth_unit_scale_factor", DEPTH_UNIT))
    poses = np.stack([_pose(path, frame) for frame in frames])
    limits = np.array([bounds] * len(frames)) if bounds else _bounds(path, top, frames, depth_files, unit)
    if not ((limits[:, 0] > 0) & (limits[:, 1] > limits[:, 0])).all():
        raise UserError(f"{path}: the depth bounds of a view are not 0 < near < far: {limits.tolist()[:3]} ...")
    scene = scene_of_cameras(
        PoseBounds(poses, limits),
        name=path.parent.resolve().name,
        root=path.parent,
        image_names=tuple(file.stem for file in files),
        image_files=tuple(files),
        intrinsics=cameras[0] if len(set(cameras)) == 1 else tuple(cameras),
        factor=factor,
        num_test=sum(_is_test(top, frame) for frame in frames) if num_test is None else num_test,
        mask_files=tuple(_file(path, frame, "mask_path") for frame in frames),
        depth_files=depth_files,
    )
    applied = _applied(path, top)
    scale = float(np.linalg.norm(applied[0, :3]))  # of the original world in the list's
    return replace(
        scene,
        scale=scene.scale * scale,
        depth_unit=unit / scale,
        world_to_scene=_after(scene.world_to_scene, applied),
    )


def _read(path: Path) -> Frame:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    try:
        top = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({error}); it may be cut off.") from error
    frames = top.get("frames") if isinstance(top, dict) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise UserError(f"{path}: expected an object with a list 'frames' of at least one view.")
    _check_kinds(path, top, "the list")
    for number, frame in enumerate(frames):
        if not frame.get("file_path"):
            raise UserError(f"{path}: frame {number}: 'file_path', the image, is missing.")
        _check_kinds(path, frame, f"frame {number}")
    return top


def _check_kinds(path: Path, record: Frame, where: str) -> None:
    """Numbers are finite numbers and texts texts."""
    for key, value in record.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if (key in NUMBERS and not number) or (key in TEXTS and not isinstance(value, str)):
            raise UserError(
                f"{path}: {where}: {key} is {value!r}; expected a {'number' if key in NUMBERS else 'text'}."
            )


def _is_test(top: Frame, frame: Frame) -> bool:
    names = top.get("test_filenames")
    return isinstance(names, list) and frame["file_path"] in names


def _file(path: Path, frame: Frame, key: str) -> Path | None:
    """A file that a frame names, relative to the list's folder; instant-ngp leaves the suffix of images away."""
    if not frame.get(key):
        return None
    file = path.parent / frame[key]
    found = file if file.is_file() else find_by_name(file.parent, file.name)
    if found is None:
        raise UserError(f"{path}: {key} '{frame[key]}': there is no such file ({file}).")
    return found


def _small_files(path: Path, files: list[Path], factor: float) -> list[Path]:
    if len({file.parent for file in files}) > 1:
        raise UserError(f"{path}: the images lie in several folders; put them into one.")
    if factor == 1:
        return files
    folder = folder_of_factor(files[0].parent.parent, factor, images=files[0].parent.name)
    small = [find_by_name(folder, file.stem) for file in files]
    missing = next((file.name for file, own in zip(files, small, strict=True) if own is None), None)
    if missing:
        raise UserError(f"{folder}: has no image called like '{missing}' of {path}. Remove the folder to have it made.")
    return [file for file in small if file]


def _cameras(
    path: Path, top: Frame, frames: list[Frame], large: list[Path | None], files: list[Path]
) -> list[Intrinsics]:
    height, width = common_size(files)
    found = [_camera(path, top | frame, file) for frame, file in zip(frames, large, strict=True)]
    return [camera.scaled(height, width) for camera in found]


def _camera(path: Path, frame: Frame, image: Path | None) -> Intrinsics:
    """The camera of a frame in which the list's shared values are filled in."""
    model = frame.get("camera_model", "OPENCV")
    odd = [name for name in NOT_SUPPORTED if frame.get(name)]
    if model not in PINHOLES or odd or frame.get("is_fisheye"):
        raise UserError(
            f"{path}: the lens '{model}'{' with ' + ', '.join(odd) if odd else ''} is not known; expected one of "
            f"{', '.join(PINHOLES)} with k1, k2, p1, p2. Undistort the images first."
        )
    height, width = (frame.get("h"), frame.get("w")) if {"h", "w"} <= set(frame) else image_size(image or path)
    focal = frame.get("fl_x") or _focal_of_angle(frame, float(width), "camera_angle_x")
    if not focal:
        raise UserError(f"{path}: '{frame['file_path']}': neither fl_x nor camera_angle_x is given.")
    numbers = {
        "fx": focal,
        "fy": frame.get("fl_y") or _focal_of_angle(frame, float(height), "camera_angle_y") or focal,
        "cx": frame.get("cx", width / 2),
        "cy": frame.get("cy", height / 2),
    }
    lens = tuple(float(frame.get(name, 0.0)) for name in LENS)
    try:
        return Intrinsics(height=int(height), width=int(width), distortion=lens if any(lens) else (), **numbers)
    except UserError as error:
        raise UserError(f"{path}: '{frame['file_path']}': {error}") from error


def _focal_of_angle(frame: Frame, size: float, key: str) -> float | None:
    return 0.5 * size / math.tan(0.5 * frame[key]) if frame.get(key) else None


def _pose(path: Path, frame: Frame) -> np.ndarray:
    pose = _matrix(frame.get("transform_matrix"))
    rotation = pose[:3, :3] if pose.shape in ((4, 4), (3, 4)) else np.zeros((3, 3))
    if not np.isfinite(pose).all() or np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE:
        raise UserError(
            f"{path}: '{frame['file_path']}': transform_matrix is no pose; expected 4x4 numbers, the upper left 3x3 a "
            "rotation."
        )
    return pose[:3]


def _bounds(
    path: Path, top: Frame, frames: list[Frame], depth_files: tuple[Path | None, ...], unit: float
) -> np.ndarray:
    if all("near" in frame and "far" in frame for frame in frames):
        return np.array([(frame["near"], frame["far"]) for frame in frames], dtype=np.float64)
    if find_model(path.parent) is not None:
        names = [Path(frame["file_path"]).stem for frame in frames]
        scale = np.linalg.norm(_applied(path, top)[0, :3])
        return pose_bounds_of_model(read_model(path.parent), names).bounds * scale
    if all(depth_files):
        return np.stack([_depth_bounds(file, unit) for file in depth_files if file])
    raise UserError(
        f"{path}: nothing tells how far the scene is; expected 'near' and 'far' in each frame, a COLMAP model beside "
        "the file, or depth_file_path in each frame. Or give bounds=(near, far) in the file's units."
    )


def _depth_bounds(file: Path, unit: float) -> np.ndarray:
    depth = read_raw_depth(file, unit)
    if not (depth > 0).any():
        raise UserError(f"{file}: knows no depth, all is 0. Remove its frame, or give bounds=(near, far).")
    return np.percentile(depth[depth > 0], NEAR_FAR_PERCENTILES)


def _applied(path: Path, top: Frame) -> np.ndarray:
    """What nerfstudio did to the original world, (3, 4)."""
    applied = _matrix(top.get("applied_transform", np.eye(3, 4)))
    scale = float(top.get("applied_scale", 1.0))
    if applied.shape not in ((3, 4), (4, 4)) or not np.isfinite(applied).all() or scale <= 0:
        raise UserError(f"{path}: applied_transform or applied_scale: expected 3x4 numbers and a positive one.")
    return applied[:3] * scale


def _matrix(value: object) -> np.ndarray:
    """Nested lists of numbers as an array; an empty one for anything else."""
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros(0)


def _after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The affine map (3, 4) that applies `first` and then `second`."""
    return np.concatenate((second[:, :3] @ first[:, :3], second[:, :3] @ first[:, 3:] + second[:, 3:]), axis=1)
