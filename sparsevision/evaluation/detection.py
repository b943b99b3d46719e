"""Detected boxes in the Runner: COCO's average precision, and result files."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from sparsevision.evaluation.coco_api import CocoScores, score_boxes
from sparsevision.evaluation.samples import Sample, array_of, field_of, name_of
from sparsevision.evaluation.tables import share_text, text_table
from sparsevision.registry import METRICS
from sparsevision.utils import UserError, atomic_write, did_you_mean

DECIMALS = 3  # of a pixel; float32 edges of hundreds of pixels are not known better, and files get shorter


class Detections(NamedTuple):
    """The detections of one image: boxes (K,4) as (x0, y0, x1, y1), labels (K,) and scores (K,)."""

    image_id: int
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


@METRICS.register_module()
class CocoMetric(BaseMetric):
    """Average precision and recall of `pred_instances` as COCO defines them, by pycocotools.

    Keys: AP (mean over overlaps .50:.05:.95), AP50, AP75, APs, APm, APl (areas up to 32^2, 96^2 and above), AR1, AR10,
    AR100, ARs, ARm, ARl; all as shares in [0,1]. What the truth has no object for is left out. The truth is the
    annotation file itself, whatever the data set leaves out of it; only images that were predicted are counted, each
    once. Labels are matched with its categories by class name. Boxes are rounded to a thousandth of a pixel.

    Args:
        ann_file: COCO-format file of the truth; None: the one that the samples name.
        classwise: also log a table of classes, and add AP of each under "AP_<class>".
        faster: use faster-coco-eval, which gives the same numbers sooner.
        results_file: write all detections here, as COCO's servers want them.
        format_only: write `results_file` and score nothing, for images without truth.
        prefix: of the keys, "<prefix>/AP".
        kwargs: see mmengine's BaseMetric.

    Raises:
        UserError: format_only without results_file; when run: samples without `pred_instances`, `img_id` or a file of
            the truth, an image or class that the file does not have, boxes or scores that are not finite.
    """

    default_prefix = "coco"

    def __init__(
        self,
        *,
        ann_file: str | None = None,
        classwise: bool = False,
        faster: bool = False,
        results_file: str | None = None,
        format_only: bool = False,
        prefix: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        if format_only and results_file is None:
            raise UserError("CocoMetric: format_only=True writes detections only, so it needs results_file.")
        self.ann_file = ann_file
        self.classwise = classwise
        self.faster = faster
        self.results_file = results_file
        self.format_only = format_only

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Keep the detections of a batch; samples are data elements or their `to_dict()`."""
        for sample in data_samples:
            self.results.append((_detections(sample), self.ann_file or sample.get("ann_file")))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The class's keys over all images; {} with format_only."""
        found: dict[int, Detections] = {}
        for values, _ in results:
            found.setdefault(values[0], Detections(*values))
        document = _read_truth({path for _, path in results})
        categories = self._categories(document)
        detections = list(_records(found.values(), list(categories)))
        if self.results_file is not None:
            _write_json(self.results_file, detections)
        if self.format_only:
            print_log(f"{len(detections)} detections written to {self.results_file}", logger="current")
            return {}
        truth = _of_images(document, found)
        scores = score_boxes(truth, detections, category_ids=list(categories), faster=self.faster)
        return self._told(scores, list(categories.values()))

    def _categories(self, document: dict) -> dict[int, str]:
        """Category id -> class name, in the order of the labels."""
        ids = {record["name"]: record["id"] for record in document["categories"]}
        classes = (self.dataset_meta or {}).get("classes") or [name for name, _ in sorted(ids.items(), key=_by_id)]
        missing = [name for name in classes if name not in ids]
        if missing:
            raise UserError(
                f"CocoMetric: the annotation file has no category '{missing[0]}', one of the {len(classes)} classes of "
                f"the data set; it has {len(ids)}.{did_you_mean(missing[0], ids)} Is it the file of this data set?"
            )
        return {ids[name]: name for name in classes}

    def _told(self, scores: CocoScores, names: Sequence[str]) -> dict[str, float]:
        values = dict(scores.overall)
        if self.classwise:
            print_log("\n" + _class_table(scores, names), logger="current")
            values |= {f"AP_{name}": float(value) for name, value in zip(names, scores.per_class, strict=True)}
        return {key: value for key, value in values.items() if not math.isnan(value)}


def _by_id(item: tuple[str, int]) -> int:
    return item[1]


def _detections(sample: Sample) -> Detections:
    found = field_of(sample, "pred_instances", metric="CocoMetric")
    boxes, labels, scores = (array_of(found[key]) for key in ("bboxes", "labels", "scores"))
    if sample.get("img_id") is None:
        raise UserError(f"{name_of(sample)}: the sample has no img_id; use CocoMetric with a CocoDetectionDataset.")
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise UserError(
            f"{name_of(sample)}: some detected boxes or scores are NaN or infinite; the model has diverged."
        )
    return Detections(int(sample.get("img_id")), boxes.reshape(-1, 4).astype(np.float64), labels, scores)


def _read_truth(paths: set[str | None]) -> dict:
    """The annotation file. Raises UserError unless the samples agree on one that can be read."""
    if len(paths) != 1 or None in paths:
        what = "no annotation file" if paths <= {None} else "several annotation files"
        raise UserError(f"CocoMetric: the samples name {what}; give it ann_file=..., the file of the truth.")
    (path,) = paths
    try:
        document = json.loads(Path(path).read_bytes())
        return {key: document[key] for key in ("images", "categories")} | {
            "annotations": document.get("annotations", [])
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"CocoMetric: '{path}' is no COCO-format file that can be read ({error}).") from error


def _of_images(document: dict, image_ids: Mapping[int, Any]) -> dict[str, list[dict]]:
    """The part of the truth that is about these images."""
    known = {record["id"] for record in document["images"]}
    strange = [image for image in image_ids if image not in known]
    if strange:
        raise UserError(f"CocoMetric: the annotation file has no image with id {strange[0]}. Is it the right split?")
    bad = [record for record in document["annotations"] if not {"image_id", "category_id", "bbox"} <= record.keys()]
    if bad:
        raise UserError(f"CocoMetric: annotation {bad[0].get('id')} of the truth lacks image_id, category_id or bbox.")
    if len(image_ids) < len(known):
        print_log(f"CocoMetric: {len(image_ids)} of the file's {len(known)} images are counted.", logger="current")
    return {
        "images": [record for record in document["images"] if record["id"] in image_ids],
        "annotations": [record for record in document["annotations"] if record["image_id"] in image_ids],
        "categories": document["categories"],
    }


def _records(images: Iterable[Detections], category_ids: Sequence[int]) -> Iterable[dict]:
    """Detections as COCO's result files have them."""
    for image in images:
        if len(image.labels) and not 0 <= image.labels.min() <= image.labels.max() < len(category_ids):
            raise UserError(
                f"CocoMetric: image {image.image_id} has detections of class {int(image.labels.max())}, but the data "
                f"set has {len(category_ids)} classes; give model and data set the same num_classes."
            )
        corners, sizes = image.boxes[:, :2].round(DECIMALS), (image.boxes[:, 2:] - image.boxes[:, :2]).round(DECIMALS)
        for corner, size, label, score in zip(corners, sizes, image.labels, image.scores, strict=True):
            yield {
                "image_id": image.image_id,
                "category_id": category_ids[int(label)],
                "bbox": [*corner.tolist(), *size.tolist()],
                "score": float(score),
            }


def _write_json(path: str, records: list[dict]) -> None:
    try:
        with atomic_write(path) as file:
            file.write(json.dumps(records).encode())
    except OSError as error:
        raise UserError(f"{path}: the detections cannot be written ({error.strerror}).") from error


def _class_table(scores: CocoScores, names: Sequence[str]) -> str:
    rows = zip(names, scores.per_class, scores.per_class_50, scores.objects, strict=True)
    return text_table(
        ("class", "AP", "AP50", "objects"),
        [[name, share_text(ap), share_text(ap50), str(count)] for name, ap, ap50, count in rows],
    )
