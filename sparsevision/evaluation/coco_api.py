"""pycocotools and faster-coco-eval behind one function: truth and detections in, the twelve numbers of COCO out."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import require

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
NOTHING = -1  # what both libraries say of a number that has no truth to count


@dataclass(frozen=True)
class CocoScores:
    """Results as shares in [0,1]; NaN where the truth has no object to find.

    Attributes:
        overall: the names of `NAMES` and their values.
        per_class: AP of each category, (K,).
        per_class_50: AP at an overlap of one half, (K,).
        objects: how many objects each category has, (K,), crowds left out.
    """

    overall: dict[str, float]
    per_class: NDArray[np.float64]
    per_class_50: NDArray[np.float64]
    objects: NDArray[np.int64]


def score_boxes(
    truth: dict[str, list[dict]], detections: Sequence[dict], *, category_ids: Sequence[int], faster: bool = False
) -> CocoScores:
    """COCO's box evaluation.

    Args:
        truth: "images", "annotations" and "categories" of the file, of the images that were looked at.
        detections: dicts with image_id, category_id, bbox [x, y, width, height] and score; may be empty.
        category_ids: that are counted, in the order of the answer.
        faster: with faster-coco-eval instead of pycocotools.

    Raises:
        ImportError: the library is not installed.
    """
    library = "faster_coco_eval" if faster else "pycocotools"
    why = "COCO's average precision"
    coco = require("faster_coco_eval" if faster else "pycocotools.coco", extra="detr", why=why).COCO
    evaluation = require("faster_coco_eval" if faster else "pycocotools.cocoeval", extra="detr", why=why)
    evaluator = evaluation.COCOeval_faster if library == "faster_coco_eval" else evaluation.COCOeval
    with contextlib.redirect_stdout(io.StringIO()):
        run = evaluator(_indexed(coco(), _with_areas(truth)), _indexed(coco(), _as_truth(truth, detections)), "bbox")
        run.params.catIds = list(category_ids)
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"]  # (thresholds, recalls, categories, areas, numbers of detections)
    return CocoScores(
        overall={name: _or_nan(value) for name, value in zip(NAMES, run.stats[: len(NAMES)], strict=True)},
        per_class=_mean_precision(precision[:, :, :, 0, -1]),
        per_class_50=_mean_precision(precision[:1, :, :, 0, -1]),
        objects=_count_objects(truth["annotations"], category_ids),
    )


def _indexed(empty: Any, document: dict) -> Any:
    empty.dataset = document
    empty.createIndex()
    return empty


def _with_areas(truth: dict[str, list[dict]]) -> dict:
    """The truth with what both libraries need: an area, iscrowd, and ids from 1 (they take 0 for "no match")."""
    records = [
        {
            "id": place,
            "image_id": record["image_id"],
            "category_id": record["category_id"],
            "bbox": record["bbox"],
            "area": record.get("area", record["bbox"][2] * record["bbox"][3]),
            "iscrowd": int(bool(record.get("iscrowd", 0))),
        }
        for place, record in enumerate(truth["annotations"], start=1)
    ]
    return {"images": truth["images"], "annotations": records, "categories": truth["categories"]}


def _as_truth(truth: dict[str, list[dict]], detections: Sequence[dict]) -> dict:
    """Detections as annotations; COCO's own reader of results fails where there are none."""
    records = [
        {**record, "id": place, "area": record["bbox"][2] * record["bbox"][3], "iscrowd": 0}
        for place, record in enumerate(detections, start=1)
    ]
    return {"images": truth["images"], "annotations": records, "categories": truth["categories"]}


def _count_objects(records: Sequence[dict], category_ids: Sequence[int]) -> NDArray[np.int64]:
    counts = dict.fromkeys(category_ids, 0)
    for record in records:
        if record["category_id"] in counts and not record.get("iscrowd", 0):
            counts[record["category_id"]] += 1
    return np.array(list(counts.values()))


def _mean_precision(precision: NDArray) -> NDArray[np.float64]:
    """Means over all but the last axis of what was counted. precision (T,R,K); returns (K,)."""
    return np.array([_or_nan(own[own > NOTHING].mean() if (own > NOTHING).any() else NOTHING) for own in precision.T])


def _or_nan(value: float) -> float:
    return float("nan") if value == NOTHING else float(value)
