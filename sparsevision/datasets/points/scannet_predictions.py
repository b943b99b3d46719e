"""Files for the test server of ScanNet's benchmark: one text file a scene, one class number a line."""

import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.points.classes import SCANNET20
from sparsevision.utils import UserError

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
