"""`poses_bounds.npy`, the pose file of LLFF: read, written, and made from a COLMAP model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.datasets.views.colmap import Image, Model
from sparsevision.datasets.views.files import load_npy
from sparsevision.utils import UserError, atomic_write

NEAR_FAR_PERCENTILES = (0.1, 99.9)


@dataclass(frozen=True)
class PoseBounds:
    """Cameras as LLFF keeps them, in the order of the image files' names.

    Attributes:
        poses: (N, 3, 5) right, up, back, centre and (height, width, focal) of the large images.
        bounds: (N, 2) nearest and farthest depth.
    """

    poses: np.ndarray
    bounds: np.ndarray


def read_pose_bounds(path: str | Path) -> PoseBounds:
    """Read `poses_bounds.npy`: (N, 17), 3x5 with the columns down, right, back, centre, (h, w, f), and two bounds.

    Raises:
        UserError: it is missing, cut off or of another shape; holds numbers that are not finite, or bounds that are
            not 0 < near < far.
    """
    table = load_npy(Path(path))
    if table.ndim != 2 or table.shape[1] != 17 or not len(table) or table.dtype.kind not in "fi":
        raise UserError(f"{path}: holds {table.dtype} {table.shape}; expected 17 numbers a view, (N, 17).")
    table = table.astype(np.float64)
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(1))[0])
        raise UserError(f"{path}: row {row} holds numbers that are not finite. Make the file again from COLMAP.")
    bounds = table[:, 15:]
    wrong = np.flatnonzero((bounds[:, 0] <= 0) | (bounds[:, 1] <= bounds[:, 0]))
    if len(wrong):
        near, far = bounds[wrong[0]]
        raise UserError(f"{path}: row {wrong[0]}: the bounds are {near:g} and {far:g}; expected 0 < near < far.")
    down, right, *others = np.moveaxis(table[:, :15].reshape(-1, 3, 5), 2, 0)
    return PoseBounds(np.stack((right, -down, *others), axis=2), bounds)


def write_pose_bounds(path: str | Path, cameras: PoseBounds) -> None:
    """Write `poses_bounds.npy` in one step."""
    right, up, *others = np.moveaxis(cameras.poses, 2, 0)
    raw = np.stack((-up, right, *others), axis=2).reshape(-1, 15)
    with atomic_write(path) as stream:
        np.save(stream, np.concatenate((raw, cameras.bounds), axis=1).astype(np.float64), allow_pickle=False)


def pose_bounds_of_model(model: Model, names: Sequence[str] | None = None) -> PoseBounds:
    """Cameras and bounds from COLMAP: near and far are the percentiles 0.1 and 99.9 of the depths of seen points.

    Args:
        model: its images may have any ids, in any order.
        names: the stems of the image files, sorted; None takes all images of the model in the order of their names.

    Raises:
        UserError: an image of `names` is not in the model; or no point is seen in one, or points only behind it.
    """
    own = {Path(image.name).stem: image for image in model.by_name()}
    names = list(own) if names is None else names
    missing = [name for name in names if name not in own]
    if missing:
        raise UserError(
            f"the COLMAP model has no image called '{missing[0]}' ({len(missing)} of {len(names)} are missing; it has "
            f"{', '.join(list(own)[:3])} ...). COLMAP may have left it out: remove it from the images, or map again."
        )
    images = [own[name] for name in names]
    seen = _seen_rows(model)
    poses = np.stack([_pose_hwf(model, image) for image in images])
    return PoseBounds(poses, np.stack([_bounds(model, image, seen.get(image.id)) for image in images]))


def _pose_hwf(model: Model, image: Image) -> np.ndarray:
    camera = model.cameras[image.camera_id]
    hwf = np.array((camera.height, camera.width, camera.intrinsics.fx))
    return np.concatenate((image.pose, hwf[:, None]), axis=1)


def _bounds(model: Model, image: Image, rows: np.ndarray | None) -> np.ndarray:
    depths = image.depths(model.points.xyz[rows]) if rows is not None else np.zeros(0)
    near, far = np.percentile(depths, NEAR_FAR_PERCENTILES) if len(depths) else (0.0, 0.0)
    if not 0 < near < far:
        raise UserError(
            f"image '{image.name}' of the COLMAP model sees {len(depths)} points between the depths {near:g} and "
            f"{far:g}; expected points at several depths in front of it. Remove the image, or map again."
        )
    return np.array((near, far))


def _seen_rows(model: Model) -> dict[int, np.ndarray]:
    """Image id -> rows of the points whose tracks hold it."""
    points = model.points
    owners = np.repeat(np.arange(len(points.ids)), points.track_lengths)
    pairs = np.unique(np.stack((points.track_images, owners)), axis=1)
    ids, starts = np.unique(pairs[0], return_index=True)
    return dict(zip(ids.tolist(), np.split(pairs[1], starts[1:]), strict=False))
