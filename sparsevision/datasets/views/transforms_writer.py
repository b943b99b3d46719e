"""Write `transforms.json`, the list of views of nerfstudio, see `transforms_json`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.datasets.views.poses import invert
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.datasets.views.transforms_json import LENS
from sparsevision.utils import UserError, atomic_write

CAMERA = ("w", "h", "fl_x", "fl_y", "cx", "cy", *LENS)
Files = Sequence[Path | None]


def write_transforms(
    scene: ViewScene, path: str | Path, *, mask_files: Files | None = None, depth_files: Files | None = None
) -> None:
    """Write a scene's views in the units and axes of its original world; `load_transforms` gives the same scene again.

    Files are named relative to the folder of `path`. Test views are listed in test_filenames and val_filenames. Each
    frame holds `near` and `far` besides, which nerfstudio does not read.

    Args:
        scene: the scene.
        path: of the file to write.
        mask_files: of each view, as nerfstudio has them (0 at the object), instead of the scene's own.
        depth_files: of each view, instead of the scene's own.

    Raises:
        UserError: the file cannot be written.
    """
    path = Path(path)
    masks = scene.mask_files if mask_files is None else mask_files
    depths = scene.depth_files if depth_files is None else depth_files
    files = {"file_path": scene.image_files, "mask_path": masks, "depth_file_path": depths}
    frames = [_frame(scene, view, pose, path.parent, files) for view, pose in enumerate(original_poses(scene))]
    shared = {key: frames[0][key] for key in CAMERA if len({frame[key] for frame in frames}) == 1}
    top = {"camera_model": "OPENCV", **shared, **_splits(scene, frames)}
    if any(depths):
        top["depth_unit_scale_factor"] = scene.depth_unit
    frames = [{key: value for key, value in frame.items() if key not in shared} for frame in frames]
    try:
        with atomic_write(path) as stream:
            stream.write((json.dumps(top | {"frames": frames}, indent=1) + "\n").encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}).") from error


def original_poses(scene: ViewScene) -> np.ndarray:
    """The scene's poses (V, 3, 4) in its original world, before scaling and recentring."""
    back = invert(scene.world_to_scene)
    rotation = back[:, :3] * scene.scale
    centres = scene.poses[:, :, 3] @ back[:, :3].T + back[:, 3]
    return np.concatenate((rotation @ scene.poses[:, :, :3], centres[:, :, None]), axis=2)


def _frame(scene: ViewScene, view: int, pose: np.ndarray, folder: Path, files: dict[str, Files]) -> dict[str, Any]:
    camera = scene.camera(view)
    near, far = scene.bounds[view] / scene.scale
    named = {key: own[view] for key, own in files.items() if own}
    numbers = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)
    return {
        **{key: _relative(file, folder) for key, file in named.items() if file is not None},
        "transform_matrix": [*pose.tolist(), [0.0, 0.0, 0.0, 1.0]],
        "near": float(near),
        "far": float(far),
        **dict(zip(CAMERA, (*numbers, *(camera.distortion or (0.0,) * len(LENS))), strict=True)),
    }


def _splits(scene: ViewScene, frames: list[dict[str, Any]]) -> dict[str, list[str]]:
    names = [frame["file_path"] for frame in frames]
    test, train = names[: scene.num_test], names[scene.num_test :]
    return {"train_filenames": train, "val_filenames": test, "test_filenames": test} if test else {}


def _relative(file: Path, folder: Path) -> str:
    return Path(os.path.relpath(file, folder)).as_posix()
