"""Segmented point clouds in the Runner: scores over voxels and over raw points, per-class tables, files to submit."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from numpy.typing import NDArray

from sparsevision.evaluation.confusion_files import write_confusion
from sparsevision.evaluation.functional.confusion import (
    accuracy_from_confusion,
    confusion_matrix,
    iou_from_confusion,
    overall_accuracy,
)
from sparsevision.evaluation.tables import text_table
from sparsevision.registry import METRICS
from sparsevision.utils import UserError, check_out_folder

Sample = Mapping[str, Any] | BaseDataElement
ServerWriter = Callable[[Path, str, NDArray[np.int64]], None]


class SceneCounts(NamedTuple):
    """The confusion matrices (C,C) int64 of one scene, over its voxels and over its raw points."""

    voxels: NDArray[np.int64]
    points: NDArray[np.int64]


@METRICS.register_module()
class PointSegMetric(BaseMetric):
    """Mean IoU and accuracies of a data set of clouds, in percent, from one confusion matrix over all scenes.

    `mIoU`, `mAcc` and `allAcc` (overall accuracy) count voxels, as the papers do: a voxel has the label of the point
    that stands for it. `mIoU_point`, `mAcc_point` and `allAcc_point` count the raw points. Classes that neither truth
    nor prediction has are left out of the mean IoU, those that the truth lacks out of the mean accuracy.

    Counts are whole numbers and are summed over all processes, so the result does not depend on the batches or on the
    number of processes. Scenes without any label (a test set) are predicted but not counted, and the log says so.

    Args:
        ignore_index: label of what is not counted.
        out_dir: folder for confusion_matrix.csv and .png (voxels) and confusion_matrix_points.csv and .png.
        server_dir: folder for the files of a test server, one a scene.
        server_writer: (folder, scene, (N,) train ids of the raw points) -> writes the file; needed with server_dir.
        prefix: before the names of the scores.
        kwargs: of mmengine's BaseMetric.

    Raises:
        UserError: from the constructor, server_dir without server_writer; from `process`, a sample without the fields
            `pred_voxel_labels`, `gt_voxel_labels`, `pred_point_labels`, `gt_point_labels`, or of unequal lengths.
    """

    default_prefix = ""

    def __init__(
        self,
        *,
        ignore_index: int = 255,
        out_dir: str | Path | None = None,
        server_dir: str | Path | None = None,
        server_writer: ServerWriter | None = None,
        prefix: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        if server_dir is not None and server_writer is None:
            raise UserError(
                "PointSegMetric: server_dir needs server_writer, the function that writes one scene for the server."
            )
        check_out_folder(out_dir, "PointSegMetric: out_dir")
        check_out_folder(server_dir, "PointSegMetric: server_dir")
        self.ignore_index = ignore_index
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.server_dir = None if server_dir is None else Path(server_dir)
        self.server_writer = server_writer

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the data set, index = class id."""
        return tuple(self.dataset_meta["classes"])

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Count a batch; samples are data elements or their `to_dict()`."""
        for sample in data_samples:
            self.results.append(SceneCounts(*(self._count(sample, kind) for kind in ("voxel", "point"))))
            if self.server_dir is not None:
                self.server_writer(self.server_dir, _name(sample), _labels(sample, "pred_point_labels"))

    def _count(self, sample: Sample, kind: str) -> NDArray[np.int64]:
        pred, gt = (_labels(sample, f"{side}_{kind}_labels") for side in ("pred", "gt"))
        try:
            return confusion_matrix(pred, gt, num_classes=len(self.classes), ignore_index=self.ignore_index)
        except UserError as error:
            raise UserError(f"{_name(sample)}, {kind} labels: {error}") from error

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Scores over all scenes in percent; {} where nothing has a label."""
        unlabelled = sum(not counts.points.any() for counts in map(SceneCounts._make, results))
        if unlabelled:
            print_log(
                f"{unlabelled} of {len(results)} scenes have no labels to compare with and were not measured.",
                logger="current",
            )
        if unlabelled == len(results):
            return {}
        voxels, points = (sum(matrices) for matrices in zip(*results, strict=True))
        print_log("\n" + class_table(voxels, points, self.classes), logger="current")
        if self.out_dir is not None:
            write_confusion(voxels, self.classes, self.out_dir)
            write_confusion(points, self.classes, self.out_dir, stem="confusion_matrix_points")
        return scores_of(voxels) | {f"{name}_point": value for name, value in scores_of(points).items()}


def scores_of(matrix: NDArray[np.int64]) -> dict[str, float]:
    """mIoU, mAcc and allAcc in percent of a confusion matrix (C,C) that is not empty."""
    return {
        "mIoU": 100 * float(np.nanmean(iou_from_confusion(matrix))),
        "mAcc": 100 * float(np.nanmean(accuracy_from_confusion(matrix))),
        "allAcc": 100 * overall_accuracy(matrix),
    }


def class_table(voxels: NDArray[np.int64], points: NDArray[np.int64], classes: Sequence[str]) -> str:
    """A table in text: IoU and accuracy of each class over voxels and over points; "-" for an absent class."""
    titles = ("IoU", "accuracy", "true voxels", "IoU (points)", "accuracy (points)", "true points")
    columns = [
        column
        for matrix in (voxels, points)
        for column in (
            [_percent(value) for value in iou_from_confusion(matrix)],
            [_percent(value) for value in accuracy_from_confusion(matrix)],
            [str(count) for count in matrix.sum(axis=1)],
        )
    ]
    rows = list(zip(classes, *columns, strict=True))
    return text_table(("class", *titles), rows, title="per class, in percent")


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.2f}"


def _labels(sample: Sample, name: str) -> NDArray[np.int64]:
    value = sample.get(name)
    if value is None:
        raise UserError(
            f"{_name(sample)}: the sample has no {name}, which PointSegMetric needs; use it with a method that "
            "segments clouds (CPCM) and the test pipeline of its configs."
        )
    return (
        (value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)).reshape(-1).astype(np.int64)
    )


def _name(sample: Sample) -> str:
    return str(sample.get("scene") or "unnamed scene")
