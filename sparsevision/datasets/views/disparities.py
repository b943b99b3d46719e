"""Disparities (1 / z of the scaled scene) of the views: as floats, or as the release's 8-bit pictures."""

from pathlib import Path

import cv2
import numpy as np
from mmengine.logging import print_log

from sparsevision.datasets.image_io import image_size, read_image, write_png
from sparsevision.datasets.views.files import load_npy, whole_folder
from sparsevision.datasets.views.labels import check_maps
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

LEVELS = 255


def read_disparities(scene: ViewScene, folder: str = "depth") -> np.ndarray:
    """Disparities of all views, float32 (V, H, W); NaN in a view without a file.

    For each view the first that is there of `<name>.npy` (float), `<name>.png` and `imgNNN.png`, NNN being the view's
    index (both 8 bit, first channel / 255, as the release writes them: never above 1 since near is 1.2). Maps of
    another size are resized to the image's.

    Raises:
        UserError: no view has one; or a file is damaged or holds other than (H, W) finite numbers of 0 or more.
    """
    place = scene.image_folder / folder
    files = [_find(place, view, name) for view, name in enumerate(scene.image_names)]
    if not any(files):
        raise UserError(
            f"{place}: holds no disparity; expected <name>.npy, <name>.png or img000.png, ... for the views "
            f"({scene.image_names[0]}, ...)."
        )
    missing = [name for name, path in zip(scene.image_names, files, strict=True) if path is None]
    if missing:
        print_log(
            f"{place}: {len(missing)} of {len(scene)} views have no disparity: {', '.join(missing[:3])} ...", "current"
        )
    return np.stack([_read_view(scene, view, path) for view, path in enumerate(files)])


def write_disparities(scene: ViewScene, disparities: np.ndarray, folder: str = "depth") -> Path:
    """Write (V, H, W) as `<name>.npy` (float32) and, for others to read, `imgNNN.png` (255 times, 8 bit).

    A view that is NaN everywhere gets no file. The whole folder is replaced, or nothing.

    Raises:
        UserError: their number or size is not that of the views; or they cannot be written.
    """
    check_maps(scene, disparities, "disparities")
    target = scene.image_folder / folder
    with whole_folder(target) as new:
        for view, (name, disparity) in enumerate(zip(scene.image_names, disparities, strict=True)):
            if not np.isnan(disparity).all():
                np.save(new / f"{name}.npy", disparity.astype(np.float32), allow_pickle=False)
                levels = np.nan_to_num(disparity, nan=0.0, posinf=1.0) * LEVELS
                write_png(new / f"img{view:03d}.png", np.clip(levels, 0, LEVELS).astype(np.uint8))
    return target


def read_depths(scene: ViewScene) -> np.ndarray:
    """Depths z of the files that the scene's own list names, scaled as the scene is, float32 (V, H, W); 0 is unknown.

    Files are in steps of `depth_unit` of the original world, and resized like labels, each pixel the nearest.

    Raises:
        UserError: the list names no depth files; or one is damaged.
    """
    if not any(scene.depth_files):
        raise UserError(f"{scene.root}: its list of views names no depth files (depth_file_path).")
    return np.stack([_read_depth(scene, view, path) for view, path in enumerate(scene.depth_files)])


def read_raw_depth(path: Path, unit: float) -> np.ndarray:
    """Depths of one file, .npy or a grey 16-bit PNG, in steps of `unit`, float32 (H, W); 0 is unknown.

    Raises:
        UserError: it is missing, damaged or in colours.
    """
    if path.suffix == ".npy":
        return _floats(path) * np.float32(unit)
    image_size(path)  # tells a missing, empty or foreign file
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 2:
        raise UserError(f"{path}: is damaged, or in colours; expected depths as a grey 16-bit PNG.")
    return raw.astype(np.float32) * np.float32(unit)


def _find(place: Path, view: int, name: str) -> Path | None:
    candidates = (place / f"{name}.npy", place / f"{name}.png", place / f"img{view:03d}.png")
    return next((path for path in candidates if path.is_file()), None)


def _read_view(scene: ViewScene, view: int, path: Path | None) -> np.ndarray:
    camera = scene.camera(view)
    size = (camera.width, camera.height)
    if path is None:
        return np.full(size[::-1], np.nan, np.float32)
    disparity = (
        _floats(path) if path.suffix == ".npy" else read_image(path)[:, :, 0].astype(np.float32) / np.float32(LEVELS)
    )
    return disparity if disparity.shape == size[::-1] else cv2.resize(disparity, size, interpolation=cv2.INTER_LINEAR)


def _floats(path: Path) -> np.ndarray:
    array = load_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "fiu" or not np.isfinite(array).all() or (array < 0).any():
        raise UserError(f"{path}: holds {array.dtype} {array.shape}; expected finite numbers of 0 or more, (H, W).")
    return array.astype(np.float32)


def _read_depth(scene: ViewScene, view: int, path: Path | None) -> np.ndarray:
    camera = scene.camera(view)
    size = (camera.width, camera.height)
    if path is None:
        return np.zeros(size[::-1], np.float32)
    depth = read_raw_depth(path, scene.depth_unit) * np.float32(scene.scale)
    return depth if depth.shape == size[::-1] else cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)
