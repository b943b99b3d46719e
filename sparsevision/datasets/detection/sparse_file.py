"""A COCO-format file with a part of its boxes, to share: what `SparseBoxes` would keep, written down."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation import AnnotationError
from sparsevision.datasets.detection.coco_file import BoxFile, read_box_file, read_document
from sparsevision.datasets.detection.sparse_boxes import kept_and_crowds


@dataclass(frozen=True)
class ThinnedFile:
    """What became of a file.

    Attributes:
        document: the new file's content.
        classes: names of the C classes.
        before, after: boxes of each class (C,), crowds left out.
        images, emptied: images with a box before, and those of them that have none any more.
    """

    document: dict
    classes: tuple[str, ...]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    images: int
    emptied: int


def thin_box_file(path: str | os.PathLike, *, protocol: str, keep: float = 0.5, seed: int = 0) -> ThinnedFile:
    """The file without the boxes that the protocol drops; images, categories and crowds stay.

    A data set that reads the new file has the samples that `SparseBoxes` gives with the same options over the old one,
    once images without a box are left out (`filter_empty`). Boxes without area are dropped as well. `info` says how the
    file was made.

    Raises:
        AnnotationError: see `read_box_file` and `sparsevision.annotation.kept_boxes`; or the file lists no image.
    """
    file = read_box_file(path)
    if not file.images:
        raise AnnotationError(f"{path}: images: is empty, so there are no boxes to choose from. Was the file cut down?")
    options = {"protocol": protocol, "keep": keep, "seed": seed}
    chosen = [
        kept_and_crowds(image.labels, image.ids, image.crowd, image_id=image.image_id, **options)
        for image in file.images
    ]
    left = set(np.concatenate([image.ids[own] for image, own in zip(file.images, chosen, strict=True)]).tolist())
    document = read_document(path)
    records = [{"id": place, **record} for place, record in enumerate(document["annotations"], start=1)]
    info = document.get("info") if isinstance(document.get("info"), dict) else {}
    made = {"from": Path(path).name, "protocol": protocol, "keep": keep if protocol == "random" else None, "seed": seed}
    document |= {
        "info": info | {"sparse_boxes": made},
        "annotations": [record for record in records if record["id"] in left],
    }
    had = [(~image.crowd).any() for image in file.images]
    has = [(own & ~image.crowd).any() for image, own in zip(file.images, chosen, strict=True)]
    return ThinnedFile(
        document=document,
        classes=file.classes,
        before=_count(file, [~image.crowd for image in file.images]),
        after=_count(file, [own & ~image.crowd for image, own in zip(file.images, chosen, strict=True)]),
        images=sum(had),
        emptied=sum(had) - sum(has),
    )


def _count(file: BoxFile, chosen: list[NDArray]) -> NDArray[np.int64]:
    labels = [image.labels[own] for image, own in zip(file.images, chosen, strict=True)]
    return np.bincount(np.concatenate(labels), minlength=len(file.classes))
