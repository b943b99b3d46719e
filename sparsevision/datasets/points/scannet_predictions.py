"""Files for the test server of ScanNet's benchmark: one text file a scene, one class number a line."""

import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.points.classes import SCANNET20
from sparsevision.datasets.points.scene import read_scene, scene_keys
from sparsevision.utils import UserError, atomic_write
from sparsevision.utils.arrays import load_npy

SCENE = re.compile(r"scene\d{4}_\d{2}")


def write_scannet_predictions(folder: str | os.PathLike, scene: str, pred_train_ids: ArrayLike) -> Path:
    """Write <folder>/<scene>.txt: the nyu40id of each vertex of the mesh, in its order; returns the file.

    Args:
        folder: made if it is not there.
        scene: like "scene0707_00".
        pred_train_ids: (n,) classes 0..19 of all vertices.

    Raises:
        UserError: a name that is none, or something else than one of the 20 classes for each vertex.
    """
    if not SCENE.fullmatch(scene):
        raise UserError(f"'{scene}' is no scene of ScanNet; expected a name like scene0707_00.")
    classes = np.asarray(pred_train_ids)
    if classes.ndim != 1 or classes.dtype.kind not in "iu" or not len(classes):
        raise UserError(
            f"predictions of {scene}: expected a whole number for each vertex, got {classes.dtype} of {classes.shape}."
        )
    wrong = np.flatnonzero((classes < 0) | (classes >= len(SCANNET20)))
    if len(wrong):
        raise UserError(
            f"predictions of {scene}: vertex {wrong[0]} has {classes[wrong[0]]}; expected classes 0 to "
            f"{len(SCANNET20) - 1}. The server wants one for every vertex, so none may be left without."
        )
    path = Path(folder) / f"{scene}.txt"
    numbers = np.array([str(raw) for raw in SCANNET20.raw_ids])[classes]
    write_bytes(path, ("\n".join(numbers.tolist()) + "\n").encode())
    return path


def write_scannet_submission(
    predictions: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    root: str | os.PathLike,
    split: str = "test",
    done: Callable[[str], None] = lambda scene: None,
) -> Path:
    """Text files of all scenes of a split in `folder`, and <folder>.zip of them to upload, which is returned.

    Args:
        predictions: folder of <scene>.npy, classes 0..19 (n,) of all vertices, as `tools/test.py --out` writes them.
        folder: made if it is not there.
        root: the prepared set, which says how many vertices a scene has.
        split: whose scenes are needed.
        done: called with each scene that is written.

    Raises:
        UserError: predictions of a scene are missing, or not one for each vertex; nothing is written before all are
            found to be there.
    """
    folder, keys = Path(folder), scene_keys(root, split)
    files = {key: Path(predictions) / f"{key}.npy" for key in keys}
    missing = [path for path in files.values() if not path.is_file()]
    if missing:
        raise UserError(
            f"{missing[0]}: there is no such file ({len(missing)} of {len(files)} scenes of '{split}' are missing). "
            "Predict all of them: tools/test.py with --out."
        )
    written = []
    for key, path in files.items():
        written.append(write_scannet_predictions(folder, key, _read_classes(path, Path(root) / key)))
        done(key)
    archive = folder.with_name(f"{folder.name}.zip")
    with atomic_write(archive) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archived:
        for path in written:
            archived.write(path, path.name)
    return archive


def _read_classes(path: Path, scene: Path) -> np.ndarray:
    """The array, once it is sure that it has a number for each vertex of the prepared scene."""
    try:
        classes = load_npy(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no array that can be read ({error}).") from error
    count = len(read_scene(scene))
    if classes.shape != (count,):
        raise UserError(f"{path}: has shape {classes.shape}; expected a class for each of the {count} vertices.")
    return classes
