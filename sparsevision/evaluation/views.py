"""Rendered views and rendered masks in the Runner: scores by protocol, a table of every view."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from numpy.typing import NDArray
from torch import Tensor, nn

from sparsevision.evaluation.functional.views import (
    PROTOCOLS,
    Box,
    counted_psnr,
    fit_mask,
    frechet_distance,
    mask_accuracy,
    mask_iou,
    masked_mean,
    spin_bbox10,
    ssim,
)
from sparsevision.evaluation.samples import mean_scores
from sparsevision.registry import METRICS, MODELS
from sparsevision.utils import UserError, atomic_write, check_out_folder, did_you_mean

Sample = Mapping[str, Any] | BaseDataElement
LPIPS_WEIGHTS = {"vgg": "lpips_vgg16", "alex": "lpips_alexnet"}
FEWEST_VIEWS = 2  # whose features have a covariance
USUAL_NET = "vgg"  # whose numbers are called LPIPS; those of another net carry its name


class ViewScores(NamedTuple):
    """What is kept of one view: its names, its scores, and (prediction's, truth's) Inception features by protocol."""

    scene: str
    view: str
    scores: dict[str, float]
    features: dict[str, tuple[NDArray, NDArray]]


@METRICS.register_module()
class ViewMetric(BaseMetric):
    """PSNR, SSIM, LPIPS and FID of `pred_view` against `gt_view`, (3,H,W) in [0, 1], by protocol.

    The names carry the protocol, because numbers of different protocols do not compare: "PSNR/full", "SSIM/masked",
    "LPIPS/spin_bbox10" (VGG, as the papers on object removal; "LPIPS_alex/full" with AlexNet), "FID/spin_bbox10". The
    protocols are described in `functional.views`; "masked" and "spin_bbox10" need `gt_mask`, which is brought to the
    view's size, and views whose mask is empty are left out of them. There is no masked FID. Scores are means over
    views (PSNR by `counted_psnr`); FID compares the two sets of images or crops, two views or more.

    Args:
        protocols: of "full", "masked", "spin_bbox10".
        lpips: "vgg" or "alex" with the cached weights, a config or a module with LPIPS's interface, or None.
        fid: file of the Inception weights (see `InceptionFeatures`), a config or a module, or None. Nothing is fetched.
        out_dir: folder for views.csv, one row a view.
        prefix: before the names of the scores.
        kwargs: of mmengine's BaseMetric.

    Raises:
        UserError: from the constructor, an unknown protocol, weights that are not there; from `process`, a sample
            without the fields, images of different sizes, crops that are too small.
    """

    default_prefix = ""

    def __init__(
        self,
        *,
        protocols: Sequence[str] = PROTOCOLS,
        lpips: str | dict | nn.Module | None = None,
        fid: str | Path | dict | nn.Module | None = None,
        out_dir: str | Path | None = None,
        prefix: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        for protocol in protocols:
            if protocol not in PROTOCOLS:
                raise UserError(
                    f"ViewMetric has no protocol '{protocol}'.{did_you_mean(str(protocol), PROTOCOLS)} Known: "
                    f"{', '.join(PROTOCOLS)}."
                )
        check_out_folder(out_dir, "ViewMetric: out_dir")
        self.protocols = tuple(protocols)
        self.lpips = _lpips(lpips)
        self.inception = _inception(fid)
        self.out_dir = None if out_dir is None else Path(out_dir)

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Score a batch; samples are data elements or their `to_dict()`."""
        self.results += [_named(sample, self._score) for sample in data_samples]

    def _score(self, sample: Sample) -> ViewScores:
        fields = (_field(sample, name, "ViewMetric") for name in ("pred_view", "gt_view"))
        pred, gt = (field.detach().float().clamp(0, 1) for field in fields)
        needs_mask = set(self.protocols) - {"full"}
        mask = fit_mask(_mask(sample, "gt_mask", "ViewMetric"), tuple(gt.shape[-2:])) if needs_mask else None
        scores, features = {}, {}
        for protocol in self.protocols:
            if protocol == "full" or mask.any():
                one, other = (_cropped(image, mask, protocol) for image in (pred, gt))
                counted = mask if protocol == "masked" else None
                scores |= {f"{name}/{protocol}": value for name, value in self._compare(one, other, counted).items()}
                if self.inception is not None and counted is None:
                    features[protocol] = (self._inception_of(one), self._inception_of(other))
        return ViewScores(*_names(sample), scores, features)

    def _compare(self, pred: Tensor, gt: Tensor, mask: NDArray | None) -> dict[str, float]:
        images = [image.permute(1, 2, 0).cpu().numpy() for image in (pred, gt)]
        scores = {"PSNR": counted_psnr(*images, mask), "SSIM": ssim(*images, mask)}
        if self.lpips is not None:
            scores[lpips_name(self.lpips)] = self._lpips_of(pred, gt, mask)
        return scores

    @torch.no_grad()
    def _lpips_of(self, pred: Tensor, gt: Tensor, mask: NDArray | None) -> float:
        lpips = self.lpips.to(pred.device)
        distance = lpips(2 * pred[None] - 1, 2 * gt[None].to(pred.device) - 1, spatial=mask is not None)[0]
        return float(distance) if mask is None else masked_mean(distance.cpu().numpy(), mask)

    def _inception_of(self, image: Tensor) -> NDArray:
        eight_bits = (image * 255).round().to(torch.uint8)
        return self.inception.to(image.device)(eight_bits[None])[0].cpu().numpy()

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over the views, and FID; a protocol without a view is left out, and the log says so."""
        views = [ViewScores(*result) for result in results]
        if self.out_dir is not None:
            write_table(self.out_dir / "views.csv", views)
        for protocol in self.protocols:
            absent = sum(f"PSNR/{protocol}" not in view.scores for view in views)
            if absent:
                print_log(f"{absent} of {len(views)} views have an empty mask: not in '{protocol}'.", logger="current")
        return means_of(views) | self._fid(views)

    def _fid(self, views: Sequence[ViewScores]) -> dict[str, float]:
        found = {}
        for protocol in self.protocols:
            pairs = [view.features[protocol] for view in views if protocol in view.features]
            if 0 < len(pairs) < FEWEST_VIEWS:
                print_log(f"no FID/{protocol}: it needs {FEWEST_VIEWS} views or more, got {len(pairs)}.", "current")
            elif pairs:
                found[f"FID/{protocol}"] = frechet_distance(*(np.stack(side) for side in zip(*pairs, strict=True)))
        return found


@METRICS.register_module()
class ViewMaskMetric(BaseMetric):
    """Accuracy and IoU of `pred_mask` against `gt_mask`, in percent, means over all views that have a true mask.

    "accuracy/annotated_views" and "IoU/annotated_views": the protocol of SPIn-NeRF's and SA3D's tables, in which the
    view that was clicked counts like the others. Views without `gt_mask` are rendered but not measured.

    Args:
        out_dir: folder for masks.csv, one row a view.
        prefix: before the names of the scores.
        kwargs: of mmengine's BaseMetric.

    Raises:
        UserError: from `process`, a sample without pred_mask.
    """

    default_prefix = ""

    def __init__(self, *, out_dir: str | Path | None = None, prefix: str | None = None, **kwargs) -> None:
        super().__init__(prefix=prefix, **kwargs)
        check_out_folder(out_dir, "ViewMaskMetric: out_dir")
        self.out_dir = None if out_dir is None else Path(out_dir)

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Score a batch; samples are data elements or their `to_dict()`."""
        self.results += [_named(sample, self._score) for sample in data_samples]

    def _score(self, sample: Sample) -> ViewScores:
        pred, scores = _mask(sample, "pred_mask", "ViewMaskMetric"), {}
        if sample.get("gt_mask") is not None:
            gt = fit_mask(_mask(sample, "gt_mask", "ViewMaskMetric"), pred.shape)
            measures = {"accuracy": mask_accuracy, "IoU": mask_iou}
            scores = {f"{name}/annotated_views": 100 * of(pred, gt) for name, of in measures.items()}
        return ViewScores(*_names(sample), scores, {})

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over the views with a true mask; {} where there is none."""
        views = [ViewScores(*result) for result in results]
        if self.out_dir is not None:
            write_table(self.out_dir / "masks.csv", views)
        absent = sum(not view.scores for view in views)
        if absent:
            print_log(f"{absent} of {len(views)} views have no true mask and were not measured.", logger="current")
        return means_of(views)


def means_of(views: Sequence[ViewScores]) -> dict[str, float]:
    """The mean of each score over the views that have it, see `mean_scores`."""
    return mean_scores([view.scores for view in views])


def write_table(path: Path, views: Sequence[ViewScores]) -> None:
    """A CSV file with a row for each view; an empty cell where a view has no such score."""
    names = list(dict.fromkeys(name for view in views for name in view.scores))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["scene", "view", *names])
    for view in views:
        scores = [f"{view.scores[name]:.6g}" if name in view.scores else "" for name in names]
        writer.writerow([view.scene, view.view, *scores])
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def lpips_name(lpips: nn.Module) -> str:
    """What distances of this network are called: LPIPS, or LPIPS_alex for another net than VGG."""
    net = getattr(lpips, "net", USUAL_NET)
    return "LPIPS" if net == USUAL_NET else f"LPIPS_{net}"


def _lpips(given: str | dict | nn.Module | None) -> nn.Module | None:
    if isinstance(given, str):
        if given not in LPIPS_WEIGHTS:
            raise UserError(f"ViewMetric: lpips is one of {', '.join(LPIPS_WEIGHTS)}, got '{given}'.")
        given = {"type": "LPIPS", "net": given, "weights": LPIPS_WEIGHTS[given]}
    return _built(given)


def _inception(given: str | Path | dict | nn.Module | None) -> nn.Module | None:
    return _built({"type": "InceptionFeatures", "weights": given} if isinstance(given, str | Path) else given)


def _built(given: dict | nn.Module | None) -> nn.Module | None:
    return MODELS.build(given).eval() if isinstance(given, Mapping) else given


def _cropped(image: Tensor, mask: NDArray | None, protocol: str) -> Tensor:
    if protocol != "spin_bbox10":
        return image
    box: Box = spin_bbox10(mask)
    return image[:, box.top : box.bottom, box.left : box.right]


def _named(sample: Sample, score: Callable[[Sample], ViewScores]) -> ViewScores:
    try:
        return score(sample)
    except UserError as error:
        raise UserError(f"view {_names(sample)[1] or 'without a name'}: {error}") from error


def _names(sample: Sample) -> tuple[str, str]:
    return str(sample.get("scene") or ""), str(sample.get("view") or "")


def _field(sample: Sample, name: str, metric: str) -> Tensor:
    value = sample.get(name)
    if value is None:
        raise UserError(
            f"the sample has no {name}, which {metric} needs; use it with a method that renders views (SPIn-NeRF), on "
            "views that have the truth."
        )
    return torch.as_tensor(value)


def _mask(sample: Sample, name: str, metric: str) -> NDArray:
    return _field(sample, name, metric).detach().cpu().numpy().astype(bool)
