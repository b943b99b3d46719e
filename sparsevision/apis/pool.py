"""What `select_samples.py` chooses from, and how a choice is written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.annotation import PointLabels, files, save_annotations
from sparsevision.apis.features import read_matrix
from sparsevision.datasets.image_io import image_size, read_class_map, read_grey, read_image
from sparsevision.datasets.layouts import listed, read_stems
from sparsevision.utils import UserError
from sparsevision.visualization.chosen import contact_sheet, feature_scatter

SHOWN_IMAGES = 100
MIN_WIDTH = 480
CLOUD_SUFFIXES = (".npy",)
UNKNOWN = 255  # of a truth PNG that holds class ids


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Samples to choose from.

    Args:
        names: stems, or the row numbers as text, one a row.
        features: (N, D), what the selector sees.
        images: file of each name, if they are images.
    """

    names: list[str]
    features: np.ndarray
    images: dict[str, Path] | None = None

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or len(self.names) != len(self.features):
            raise UserError(
                f"there are {len(self.names)} names for an array of shape {self.features.shape}; expected one row a "
                "name, (N, D), in the order of the names (images: sorted by stem)."
            )

    def rows(self, path: Path | None) -> np.ndarray:
        """Rows of the names that a text file lists, one a line. Raises: UserError naming those that are not there."""
        if path is None:
            return np.zeros(0, dtype=np.int64)
        row = {name: index for index, name in enumerate(self.names)}
        stems = read_names(path)
        missing = [stem for stem in stems if stem not in row]
        if missing:
            raise UserError(
                f"{path}: {len(missing)} of its {len(stems)} entries are not among the {len(row)} samples: "
                f"{listed(missing)}. Expected names such as '{self.names[0]}', one a line."
            )
        return np.array([row[stem] for stem in stems], dtype=np.int64)

    def picture(self, chosen: np.ndarray, labelled: np.ndarray) -> np.ndarray:
        """The first 100 chosen images in order, and under them all samples in the plane of their features."""
        if self.images is None:
            return feature_scatter(self.features, chosen, labelled=labelled)
        names = [self.names[index] for index in chosen[:SHOWN_IMAGES]]
        titles = [f"{rank} {name}" for rank, name in enumerate(names, 1)]
        sheet = contact_sheet((read_image(self.images[name]) for name in names), titles)
        width = max(sheet.shape[1], MIN_WIDTH)
        sheet = np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=255)
        return np.vstack([sheet, feature_scatter(self.features, chosen, labelled=labelled, size=(MIN_WIDTH, width))])


def read_names(path: Path) -> list[str]:
    """Stems of a text file, one a line. Raises: UserError if it is no text, or empty."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a text file of names, one a line.")
    try:
        names = read_stems(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file; expected names, one a line.") from error
    if not names:
        raise UserError(f"{path}: the file lists no name.")
    return names


def write_names(path: Path, names: Sequence[str]) -> None:
    """One name a line, as `file_list` of ImageFolderDataset reads them."""
    files.write_bytes(path, "".join(f"{name}\n" for name in names).encode())


def write_places(path: Path, source: Path, places: np.ndarray, truth: Path | None) -> int:
    """Chosen places of one image or cloud as JSON, or, with their truth, as a PointLabels file.

    Args:
        places: (B, 2) as (x, y), or indices (B,).
        truth: mask or class map of the image, or .npy of the cloud's class ids (N,), negative = unknown.

    Returns:
        How many were left out because their truth is unknown.
    """
    field = "xy" if places.ndim == 2 else "indices"
    size = image_size(source) if places.ndim == 2 else (len(read_matrix(source)),)
    if truth is None:
        document = {"source": source.name, "size": list(size), field: places.tolist()}
        files.write_bytes(path, (json.dumps(document) + "\n").encode())
        return 0
    known, classes = _image_truth(truth) if places.ndim == 2 else _cloud_truth(truth)
    if classes.shape != tuple(size):
        raise UserError(f"{truth}: has shape {classes.shape}, but {source} has {tuple(size)}; are they a pair?")
    at = (places[:, 1], places[:, 0]) if places.ndim == 2 else places
    keep = known[at]
    labels = PointLabels(labels=classes[at][keep], size=size, meta={"source": source.name}, **{field: places[keep]})
    save_annotations(path, labels)
    return int(np.count_nonzero(~keep))


def _image_truth(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Where the class is known, and the class: a mask of 0 and 255 is binary, anything else holds class ids."""
    grey = read_grey(path)
    if np.isin(grey, (0, 255)).all():
        return np.ones(grey.shape, dtype=bool), (grey == 255).astype(np.int64)
    classes = read_class_map(path)
    return classes != UNKNOWN, classes


def _cloud_truth(path: Path) -> tuple[np.ndarray, np.ndarray]:
    classes = read_matrix(path, what="class ids")
    if classes.dtype.kind not in "iu":
        raise UserError(f"{path}: expected whole numbers, the class id of each point, got {classes.dtype}.")
    return classes >= 0, np.asarray(classes, dtype=np.int64)
