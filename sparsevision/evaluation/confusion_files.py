"""A confusion matrix as files: a table to compute with and a picture to look at."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.evaluation.functional.confusion import accuracy_from_confusion, iou_from_confusion
from sparsevision.utils import UserError, atomic_write
from sparsevision.visualization.confusion import draw_confusion
from sparsevision.visualization.files import write_image


def write_confusion(
    matrix: NDArray, names: Sequence[str], folder: Path, *, counts: bool = False, stem: str = "confusion_matrix"
) -> None:
    """Write <stem>.csv and <stem>.png into a folder, which is made.

    The table has a row for each true class: its counts by predicted class, its IoU and its recall.

    Args:
        matrix: (C,C) counts; entry [t, p] is class t predicted as p.
        names: of the C classes.
        folder: where to write.
        counts: the picture shows counts instead of shares of the true class.
        stem: of the two names.

    Raises:
        UserError: a file cannot be written.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["true class", *names, "IoU", "recall"])
    for name, row, iou, recall in zip(
        names, matrix, iou_from_confusion(matrix), accuracy_from_confusion(matrix), strict=True
    ):
        writer.writerow([name, *row.tolist(), f"{iou:.6f}", f"{recall:.6f}"])
    path = folder / f"{stem}.csv"
    try:
        with atomic_write(path) as file:
            file.write(table.getvalue().encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another folder.") from error
    write_image(folder / f"{stem}.png", draw_confusion(matrix, names, counts=counts))


def read_confusion(path: Path) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The counts (C,C) and the C names of a table that `write_confusion` wrote.

    Raises:
        UserError: no such file, or another table.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; expected a table that a test wrote (out_dir of its metric).")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        names = tuple(head[1:-2])
        if head != ["true class", *names, "IoU", "recall"] or tuple(row[0] for row in rows) != names:
            raise ValueError("its head or its first column is another")
        matrix = np.array([[int(count) for count in row[1:-2]] for row in rows], dtype=np.int64)
        return matrix.reshape(len(names), len(names)), names
    except (ValueError, IndexError) as error:
        raise UserError(f"{path}: is no table of a confusion matrix ({error}).") from error
