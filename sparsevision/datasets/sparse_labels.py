"""Sparse labels as files: S-COD and P-COD PNGs and our annotation JSON, read into class maps."""

from pathlib import Path

import numpy as np

from sparsevision.annotation import load_annotations, read_label_png
from sparsevision.utils import UserError


def read_sparse_labels(path: str | Path, *, ignore_index: int) -> np.ndarray:
    """A class map int64 (H, W) from a label PNG or an annotation JSON; `ignore_index` where nothing is labelled.

    Raises:
        UserError: the file is unreadable, a PNG holds other codes than 0, 1, 2, or a JSON holds no labels of one image.
    """
    if Path(path).suffix.lower() != ".json":
        return read_label_png(path, ignore_index=ignore_index)
    annotation = load_annotations(path)
    if not hasattr(annotation, "densify") or len(annotation.size) != 2:
        kind = type(annotation).__name__
        raise UserError(f"{path}: holds {kind}; expected the points, clicks, scribbles or boxes of one image.")
    return annotation.densify(ignore_index)
