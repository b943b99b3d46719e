"""CPCM: one sparse U-Net learns from few points, from two views that agree, and from what masking hides."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparsevision.datasets.point_preprocessor import PointPreprocessor
from sparsevision.datasets.points.sample import PointSegSample
from sparsevision.engine.model import MethodModel
from sparsevision.engine.state import training_epoch
from sparsevision.layers.sparse_conv import SparseTensor
from sparsevision.methods.cpcm.losses import CPCMWeights, Matches, cpcm_losses
from sparsevision.methods.cpcm.masked_statistics import MaskedStatistics
from sparsevision.methods.cpcm.presets import PRESETS, Mask, Voting
from sparsevision.methods.cpcm.region_mask import hide_masked, mask_batch
from sparsevision.methods.cpcm.schedule import ramp_up
from sparsevision.methods.cpcm.voting import vote
from sparsevision.registry import MODELS
from sparsevision.utils import UserError
from sparsevision.utils.settings import settings_of, switches_of_preset

LABELS = ("sparse_voxel_labels1", "sparse_voxel_labels2")


@MODELS.register_module()
class CPCM(MethodModel):
    """Contextual point cloud modelling (Liu et al., ICCV 2023): one network, three forwards a step.

    `inputs` is, in training, what `PointPreprocessor` makes of two views: coords1, feats1, coords2, feats2, pairs1,
    pairs2; samples carry `sparse_voxel_labels1` and `sparse_voxel_labels2`. Otherwise it is coords (M,4) and feats
    (M,3). With neither `consistency` nor `mask` this is the baseline: cross-entropy of two views.

    Args:
        network: `Res16UNet34C` or a sibling, built or as a config.
        consistency: weight of the agreement of both views at the end of the ramp; 0 leaves the term away.
        mask: settings of `Mask`, or None for no masked pass.
        ramp_length: epochs until the weights of both are reached.
        preset: "published" or "fixed" (see `Switches`).
        switches: single switches that differ from the preset.
        voting: settings of `Voting`: the raw points of samples with `points` are predicted by many looks; None: a raw
            point has the class of its voxel.
        ignore_index: label of voxels without one.

    Raises:
        UserError: no such preset, switch or setting.
    """

    optional_state = (
        "masked_statistics.",
        "mask_token",
    )  # no prediction depends on them; weights of elsewhere lack them

    def __init__(
        self,
        *,
        network: nn.Module | dict,
        consistency: float = 2.0,
        mask: Mapping | None = None,
        ramp_length: float = 5,
        preset: str = "published",
        switches: Mapping | None = None,
        voting: Mapping | None = None,
        ignore_index: int = 255,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or PointPreprocessor(), init_cfg=init_cfg)
        if consistency < 0:
            raise UserError(f"consistency={consistency}; expected a weight of 0 or more.")
        self.network = MODELS.build(network) if isinstance(network, dict) else network
        self.num_classes = self.network.num_classes
        self.consistency, self.mask, self.ramp_length = consistency, settings_of(Mask, mask), ramp_length
        self.preset, self.switches = preset, switches_of_preset(PRESETS, preset, switches)
        self.voting = settings_of(Voting, voting)
        self.ignore_index = ignore_index
        token = self.mask is not None and self.mask.token
        self.mask_token = nn.Parameter(torch.zeros(self.network.in_channels)) if token else None
        separate = self.mask is not None and not self.switches.shared_statistics
        self.masked_statistics = MaskedStatistics(self.network) if separate else None

    def outputs(self, inputs: dict[str, Tensor], data_samples: list[PointSegSample] | None = None) -> Tensor:
        """Logits (M,C) of the voxels."""
        return self.network(SparseTensor(inputs["coords"], inputs["feats"]))[0]

    def loss(self, inputs: dict[str, Tensor], data_samples: list[PointSegSample]) -> dict[str, Tensor]:
        """Weighted terms "loss_seg", "loss_consistency", "loss_mask_corresponding", "loss_mask_self", what to watch.

        Raises:
            UserError: the batch lacks a view, or the samples lack labels or hold unknown ones.
        """
        if "coords2" not in inputs:
            raise UserError("CPCM learns from two views: put MakeTwoViews into the training pipeline.")
        first, second = (SparseTensor(inputs[f"coords{n}"], inputs[f"feats{n}"]) for n in (1, 2))
        labels = tuple(self._labels(data_samples, name) for name in LABELS)
        ramp = ramp_up(training_epoch(), length=self.ramp_length)
        weights = CPCMWeights(self.consistency * ramp, self.mask.weight * ramp if self.mask else 0.0)
        logits1, logits2 = self.network(first)[0], self.network(second)[0]
        masked = self._masked_logits(second) if self.mask else None
        losses = cpcm_losses(
            (logits1, logits2, masked),
            labels,
            Matches(inputs["coords1"][:, 0], inputs["coords2"][:, 0], inputs["pairs1"], inputs["pairs2"]),
            weights=weights,
            ignore_index=self.ignore_index,
            preset="published" if self.switches.skip_unmatched_batches else "fixed",
        )
        return losses | self._watched(labels, data_samples)

    def _masked_logits(self, view: SparseTensor) -> Tensor:
        """Logits of the view with boxes of it hidden; the copy shares the view's kernel maps."""
        settings = self.mask
        hidden, _ = mask_batch(view.coords, mode=settings.mode, grid_size=settings.grid_size, ratio=settings.ratio)
        masked = view.replace_feats(hide_masked(view.feats, hidden, token=self.mask_token))
        if self.masked_statistics is None:
            return self.network(masked)[0]
        with self.masked_statistics.use(self.network):
            return self.network(masked)[0]

    def _watched(self, labels: tuple[Tensor, Tensor], samples: Sequence[PointSegSample]) -> dict[str, Tensor]:
        """Labelled voxels a scene and view, and the share of the labelled points that the views still hold."""
        count = sum((part != self.ignore_index).sum() for part in labels) / (2 * len(samples))
        watched = {"labelled_voxels": count.float()}
        survival = [share for sample in samples if (share := sample.get("label_survival", np.nan)) == share]
        if survival:
            watched["label_survival"] = count.new_tensor(np.mean(survival), dtype=torch.float32)
        return watched

    def _labels(self, samples: Sequence[PointSegSample], name: str) -> Tensor:
        """(M,) int64, every value a class or `ignore_index`."""
        if any(name not in sample for sample in samples):
            raise UserError(f"CPCM learns from `{name}`, which a sample lacks: end the pipeline with PackPointInputs.")
        labels = torch.cat([sample.get(name) for sample in samples])
        largest = int(labels.masked_fill(labels == self.ignore_index, 0).max())
        if largest >= self.num_classes:
            raise UserError(
                f"The labels hold class {largest}, but the network has {self.num_classes} classes. Correct the latter."
            )
        return labels

    def predict(
        self, inputs: dict[str, Tensor], data_samples: list[PointSegSample] | None = None
    ) -> list[PointSegSample]:
        """Add `pred_voxel_labels`; and, for samples with `point_to_voxel`, `pred_point_labels` and their scores.

        Raises:
            UserError: votes are asked for, and a sample comes without the points to look at.
        """
        coords = inputs["coords"]
        scores, classes = self.forward(inputs).softmax(dim=1).max(dim=1)
        count = int(coords[:, 0].max()) + 1
        samples = data_samples or [PointSegSample() for _ in range(count)]
        for index, sample in enumerate(samples):
            rows = coords[:, 0] == index
            sample.pred_voxel_labels = classes[rows]
            if self.voting is not None:
                sample.pred_point_scores, sample.pred_point_labels = self._voted(sample)
            elif "point_to_voxel" in sample:
                voxel = sample.point_to_voxel
                sample.pred_point_labels = classes[rows][voxel]
                sample.pred_point_scores = scores[rows][voxel]
        return samples

    def _voted(self, sample: PointSegSample) -> tuple[Tensor, Tensor]:
        """Score and class (N,) of every raw point, by votes."""
        if "points" not in sample:
            raise UserError("voting needs the clouds themselves: PackPointInputs(keep_points=True) in the pipeline.")
        clouds = (sample.get(name).cpu().numpy() for name in ("points", "colours"))
        scores, classes = vote(self.network, *clouds, **self.voting.options()).max(dim=1)
        if "original_to_point" in sample:
            rows = sample.original_to_point.cpu()
            scores, classes = scores[rows], classes[rows]
        return scores, classes

    def extract_features(self, inputs: dict[str, Tensor]) -> Tensor:
        """One vector a scene, (B, D): the mean of the last features, for choosing what to annotate."""
        features = self.network(SparseTensor(inputs["coords"], inputs["feats"]))[1]
        sample = inputs["coords"][:, 0]
        return torch.stack([features[sample == index].mean(dim=0) for index in range(int(sample.max()) + 1)])

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Wavy floors of about height * width voxels, as two views and as one: for benchmarks and tests of configs."""
        clouds = [_example_floor(size, rng) for _ in range(count)]
        colours = [torch.from_numpy(rng.uniform(0, 255, (len(cloud), 3)).astype(np.float32)) for cloud in clouds]
        rows = [torch.arange(len(cloud)) for cloud in clouds]
        views = {f"{name}{view}": values for view in ("", "1", "2") for name, values in
                 (("coords", clouds), ("colours", colours))}  # fmt: skip
        samples = [self._example_sample(len(cloud), rng) for cloud in clouds]
        return {"inputs": views | {"rows1": rows, "rows2": rows}, "data_samples": samples}

    def _example_sample(self, count: int, rng: np.random.Generator) -> PointSegSample:
        truth = rng.integers(0, self.num_classes, count)
        sparse = torch.from_numpy(np.where(rng.random(count) < 0.05, truth, self.ignore_index))
        return PointSegSample(
            gt_voxel_labels=torch.from_numpy(truth),
            gt_point_labels=torch.from_numpy(truth),
            point_to_voxel=torch.arange(count),
            **dict.fromkeys(LABELS, sparse),
        )


def _example_floor(size: tuple[int, int], rng: np.random.Generator) -> Tensor:
    """(height * width, 3) voxel coordinates of a floor with waves."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
    z = 4 + np.round(3 * np.sin(0.2 * x + rng.uniform(0, 6)) * np.cos(0.3 * y)).astype(np.int64)
    return torch.from_numpy(np.stack([x, y, z], axis=-1).reshape(-1, 3))
