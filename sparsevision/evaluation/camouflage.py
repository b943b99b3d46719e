"""Camouflaged object segmentation in the Runner: scores, a table of every image, masks as files."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from numpy.typing import NDArray

from sparsevision.evaluation.functional.cod import (
    ImageScores,
    prepare,
    resize_both,
    resize_to_truth,
    score_image,
    summarise,
)
from sparsevision.registry import METRICS
from sparsevision.utils import UserError, atomic_write, check_out_folder, did_you_mean
from sparsevision.visualization.files import write_image

Sample = Mapping[str, Any] | BaseDataElement
USUAL_WEIGHTED_BETA2, USUAL_BETA2 = 1.0, 0.3


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How predictions are treated before they are scored.

    Attributes:
        beta2: beta squared of the weighted F-measure.
        normalize: stretch soft predictions to [0, 1].
        binary: cut predictions at the threshold first.
        resize: brings prediction and truth to another, common size; None scores at the truth's size.
    """

    beta2: float
    normalize: bool
    binary: bool
    resize: Callable[[NDArray, NDArray], tuple[NDArray, NDArray]] | None


@dataclass(frozen=True)
class Scored:
    """The scores of one image; `dataset` is "" unless data sets are scored on their own."""

    dataset: str
    name: str
    scores: ImageScores


PROTOCOLS = {
    "native": Protocol(beta2=USUAL_WEIGHTED_BETA2, normalize=True, binary=False, resize=None),
    "gensam": Protocol(beta2=0.3, normalize=False, binary=True, resize=resize_both),
}


@METRICS.register_module()
class CamouflageMetric(BaseMetric):
    """MAE, S-, E-, weighted and thresholded F-measure of `pred_mask` against `gt_mask`.

    Keys: MAE, Sm, Em (mean over thresholds, E_phi in papers), wF (weighted F), adpEm, maxEm, adpF, meanF, maxF. The key
    of an F whose beta squared is not the usual one (1 for wF, 0.3 for the others) says so: "wF_b0.3".

    Protocols:
        native: what the COD benchmarks and PySODMetrics do: the grey map, min-max normalised, at the truth's own size.
        gensam: what GenSAM's released code does: the binary mask; mask and truth resized to 1024 x 1024, nearest
            neighbour (this deforms images and shifts wF, whose scales are in pixels); weighted F with beta squared 0.3,
            which its paper calls F_beta. So only MAE, Em and Sm compare with other papers' columns. GenSAM's code
            scores an all-ones mask as if it were empty, an error that is not repeated here.

    Args:
        protocol: "native" or "gensam".
        beta2: beta squared of the weighted F; None takes the protocol's.
        f_beta2: beta squared of the thresholded F.
        normalize: min-max normalisation; None takes the protocol's.
        threshold: probability above which a pixel of a binary mask is foreground.
        resize_pred: bring predictions of another size to the truth's, bilinearly; else such a prediction is an error.
        csv_file: write one row of scores for each image here.
        out_dir: write each mask here as <sample_id>.png, 0/255, at the prediction's size.
        save_soft: write grey maps 0..255 instead of binary masks.
        format_only: write masks and score nothing, for images without truth; needs out_dir.
        truth_optional: images without a mask are predicted and counted, not scored; if none has a mask there are no
            scores.
        per_dataset: score each data set of a ConcatDataset on its own: keys "<prefix>/CAMO/MAE", masks in
            out_dir/CAMO, a column of the table. The names are those of the samples' metainfo `dataset`.
        prefix: of the keys, "<prefix>/MAE"; name the data set when several are tested in one run.
        kwargs: see mmengine's BaseMetric.

    Raises:
        UserError: unknown protocol, bad beta squared, format_only without out_dir; when run: a sample lacks `pred_mask`
            or `gt_mask`, their sizes differ, values are NaN or outside [0, 1], a file cannot be written.
    """

    default_prefix = "cod"

    def __init__(
        self,
        *,
        protocol: str = "native",
        beta2: float | None = None,
        f_beta2: float = USUAL_BETA2,
        normalize: bool | None = None,
        threshold: float = 0.5,
        resize_pred: bool = False,
        csv_file: str | None = None,
        out_dir: str | None = None,
        save_soft: bool = False,
        format_only: bool = False,
        truth_optional: bool = False,
        per_dataset: bool = False,
        prefix: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        if protocol not in PROTOCOLS:
            raise UserError(
                f"CamouflageMetric: unknown protocol {protocol!r}; expected one of {', '.join(PROTOCOLS)}."
                f"{did_you_mean(str(protocol), PROTOCOLS)}"
            )
        if format_only and out_dir is None:
            raise UserError("CamouflageMetric: format_only=True writes masks only, so it needs out_dir.")
        check_out_folder(out_dir, "CamouflageMetric: out_dir")
        self.name = protocol
        self.protocol = PROTOCOLS[protocol]
        self.beta2 = self.protocol.beta2 if beta2 is None else beta2
        self.f_beta2 = f_beta2
        if not (self.beta2 > 0 and f_beta2 > 0):
            raise UserError(f"CamouflageMetric: beta squared must be positive, got {self.beta2} and {f_beta2}.")
        self.normalize = self.protocol.normalize if normalize is None else normalize
        self.threshold = threshold
        self.resize_pred = resize_pred
        self.csv_file = None if csv_file is None else Path(csv_file)
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.save_soft = save_soft
        self.format_only = format_only
        self.truth_optional = truth_optional
        self.per_dataset = per_dataset

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Score and write the predictions of a batch; samples are data elements or their `to_dict()`."""
        for sample in data_samples:
            pred = _prediction(sample)
            group = str(sample.get("dataset") or "unnamed") if self.per_dataset else ""
            if self.out_dir is not None:
                write_image(self.out_dir / group / f"{_name(sample)}.png", self._picture(pred))
            scored = not (self.format_only or (self.truth_optional and _field(sample, "gt_mask") is None))
            self.results.append((group, _name(sample), self._score(pred, sample) if scored else None))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over all images under the class's keys; {} with format_only."""
        if self.format_only:
            print_log(f"{len(results)} masks written to {self.out_dir}", logger="current")
            return {}
        scored = [Scored(*result) for result in results if result[-1] is not None]
        if len(scored) < len(results):
            _say_what_was_not_measured(len(results) - len(scored), len(results))
        if not scored:
            return {}
        if self.csv_file is not None:
            self._write_csv(scored)
        self._say_what_was_measured(scored)
        return self._means(scored)

    def _means(self, scored: Sequence[Scored]) -> dict[str, float]:
        groups: dict[str, list[ImageScores]] = {}
        for image in scored:
            groups.setdefault(image.dataset, []).append(image.scores)
        return {
            f"{group}/{key}" if group else key: value
            for group, scores in groups.items()
            for key, value in self._renamed(summarise(scores)).items()
        }

    def _score(self, pred: NDArray, sample: Sample) -> ImageScores:
        gt = _truth(sample)
        if self.resize_pred:
            pred, gt = resize_to_truth(pred, gt)
        if pred.shape != gt.shape:
            raise UserError(
                f"{_name(sample)}: pred_mask is {pred.shape} but gt_mask is {gt.shape} (height, width). A method "
                "returns pred_mask at ori_shape: check that this mask belongs to this image, or set resize_pred=True."
            )
        if self.protocol.binary:
            pred = pred > self.threshold
        try:
            pred, gt = prepare(pred, gt, normalize=self.normalize, resize=self.protocol.resize)
        except UserError as error:
            raise UserError(f"{_name(sample)}: {error}") from error
        return score_image(pred, gt, weighted_beta2=self.beta2, beta2=self.f_beta2)

    def _picture(self, pred: NDArray) -> NDArray:
        if self.save_soft:
            return np.rint(np.clip(np.nan_to_num(pred), 0, 1) * 255).astype(np.uint8)
        return (pred > self.threshold).astype(np.uint8) * 255

    def _renamed(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Keys that say which beta squared they were computed with, unless it is the usual one."""
        suffixes = {
            "wF": _suffix(self.beta2, USUAL_WEIGHTED_BETA2),
            **dict.fromkeys(("adpF", "meanF", "maxF"), _suffix(self.f_beta2, USUAL_BETA2)),
        }
        return {key + suffixes.get(key, ""): value for key, value in scores.items()}

    def _write_csv(self, scored: Sequence[Scored]) -> None:
        rows = [
            {**({"dataset": image.dataset} if self.per_dataset else {}), "sample_id": image.name}
            | self._renamed(summarise([image.scores]))
            for image in sorted(scored, key=lambda image: (image.dataset, image.name))
        ]
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        try:
            with atomic_write(self.csv_file) as file:
                file.write(table.getvalue().encode())
        except OSError as error:
            raise UserError(f"{self.csv_file}: the table of scores cannot be written ({error.strerror}).") from error

    def _say_what_was_measured(self, scored: Sequence[Scored]) -> None:
        print_log(
            f"{len(scored)} images, protocol '{self.name}': "
            f"{'binary masks' if self.protocol.binary else 'grey maps'}, "
            f"{'min-max normalised' if self.normalize else 'not normalised'}; "
            f"weighted F with beta2 = {self.beta2:g}, thresholded F with beta2 = {self.f_beta2:g}.",
            logger="current",
        )


def _prediction(sample: Sample) -> NDArray:
    pred = _field(sample, "pred_mask")
    if pred is None:
        raise UserError(
            f"{_name(sample)}: the sample has no pred_mask, which CamouflageMetric scores. Use a binary method "
            "(GenSAM, or sparse_seg with foreground_index), or IoUMetric for class maps (pred_sem_seg)."
        )
    return pred.astype(np.float64) if pred.dtype != np.float32 else pred


def _truth(sample: Sample) -> NDArray:
    gt = _field(sample, "gt_mask")
    if gt is None:
        raise UserError(
            f"{_name(sample)}: the sample has no gt_mask to score against. Give the data set its masks and the "
            "pipeline LoadMask. For images without truth set truth_optional=True (--cfg-options "
            "+test_evaluator.truth_optional=True), or format_only=True with out_dir."
        )
    return gt.astype(bool)


def _field(sample: Sample, name: str) -> NDArray | None:
    """A pixel field as (H,W); None if the sample lacks it."""
    value = sample.get(name)
    if value is None:
        return None
    data = value["data"] if isinstance(value, Mapping) else value.data
    array = data.detach().cpu().numpy() if hasattr(data, "detach") else np.asarray(data)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise UserError(f"{_name(sample)}: {name} must be (1,H,W), got {array.shape}.")
    return array


def _name(sample: Sample) -> str:
    return str(sample.get("sample_id") or Path(sample.get("img_path") or "unnamed").stem)


def _say_what_was_not_measured(missing: int, total: int) -> None:
    print_log(
        f"{missing} of {total} images have no mask to compare with and were predicted without a score. To get numbers, "
        "give the data set masks_dir, a folder of masks named like the images.",
        logger="current",
    )


def _suffix(beta2: float, usual: float) -> str:
    return "" if beta2 == usual else f"_b{beta2:g}"
