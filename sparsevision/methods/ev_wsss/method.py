"""EV-WSSS: event-camera semantic segmentation from clicks, by two students that see the past and the future."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dist import all_gather
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from sparsevision.datasets.event_preprocessor import EventPreprocessor
from sparsevision.engine.model import MethodModel
from sparsevision.engine.state import training_epoch
from sparsevision.methods.ev_wsss.losses import partial_cross_entropy, present_classes
from sparsevision.methods.ev_wsss.network import E2VIDRecurrentEncoder, ESSDecoder, State, Student
from sparsevision.methods.ev_wsss.prototypes import PrototypeBank
from sparsevision.methods.ev_wsss.terms import (
    PRESETS,
    Distillation,
    Dual,
    Guess,
    Prototypes,
    View,
    collect,
    contrast_losses,
    distillation_loss,
    dual_loss,
    guess_of,
    upsampled,
)
from sparsevision.registry import MODELS
from sparsevision.utils import UserError
from sparsevision.utils.settings import settings_of, switches_of_preset

STREAMS = ("events", "events_reversed")
NAMES = ("a", "b")


@MODELS.register_module()
class EVWSSS(MethodModel):
    """Two students of one architecture (Cho et al., ECCV 2024), A of the past and B of the time-reversed future.

    `inputs` is {"events": (B, T * bins, H, W)} and, for two students in training, {"events_reversed": same shape},
    grids oldest first in the direction of reading; H and W are multiples of 8. Training samples carry `sparse_sem_seg`
    (or `gt_sem_seg`, see `labels`). Student A alone answers, from the past alone, unless `fuse` is set.

    Args:
        num_classes: C.
        bins, base_channels, num_blocks, checkpoint_steps, truncate_after: of `E2VIDRecurrentEncoder`, `ESSDecoder`.
        dual, prototypes, distillation: the terms by which the students teach each other: settings of `Dual`,
            `Prototypes`, `Distillation`; None leaves a term away. Without all three there is one student.
        labels: field of the samples that is learnt: "sparse_sem_seg", or "gt_sem_seg" for the dense upper bound.
        balanced: in dense and pseudo labels every class of an image counts alike, however many pixels it has, as it
            does in clicks. Not published; for nets or schedules too small to learn rare classes otherwise.
        fuse: average the probabilities of both students where a batch brings both streams; no longer causal.
        preset: "published" or "fixed" (see `Switches`).
        switches: single switches that differ from the preset.
        ignore_index: value of unlabelled pixels.

    Raises:
        UserError: no such preset, switch or setting.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        bins: int = 5,
        base_channels: int = 32,
        num_blocks: int = 5,
        checkpoint_steps: bool = False,
        truncate_after: int | None = None,
        dual: Mapping | None = asdict(Dual()),
        prototypes: Mapping | None = asdict(Prototypes()),
        distillation: Mapping | None = asdict(Distillation()),
        labels: str = "sparse_sem_seg",
        balanced: bool = False,
        fuse: bool = False,
        preset: str = "published",
        switches: Mapping | None = None,
        ignore_index: int = 255,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if data_preprocessor is None:
            data_preprocessor = EventPreprocessor(ignore_index=ignore_index)
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.num_classes = num_classes
        self.dual = settings_of(Dual, dual)
        self.prototypes = settings_of(Prototypes, prototypes)
        self.distillation = settings_of(Distillation, distillation)
        self.labels = labels
        self.balanced = balanced
        self.fuse = fuse
        self.switches = switches_of_preset(PRESETS, preset, switches)
        self.ignore_index = ignore_index
        self.students = nn.ModuleList(
            Student(
                E2VIDRecurrentEncoder(
                    bins=bins,
                    base_channels=base_channels,
                    checkpoint_steps=checkpoint_steps,
                    truncate_after=truncate_after,
                ),
                ESSDecoder(num_classes=num_classes, base_channels=base_channels, num_blocks=num_blocks),
            )
            for _ in range(self.num_students)
        )
        self.banks = nn.ModuleList(self._bank(dim=8 * base_channels) for _ in self.students if self.prototypes)

    @property
    def num_students(self) -> int:
        """2, or 1 if there is nothing that they would teach each other."""
        return 2 if self.dual or self.prototypes or self.distillation else 1

    def _bank(self, *, dim: int) -> PrototypeBank:
        settings = self.prototypes
        return PrototypeBank(
            num_classes=self.num_classes, dim=dim, length=settings.length, min_count=settings.min_count
        )

    def outputs(self, inputs: dict[str, Tensor], data_samples: list[SegDataSample] | None = None) -> Tensor:
        """Logits (B, C, H, W) of student A."""
        return self.students[0](inputs["events"])[0]

    def loss(self, inputs: dict[str, Tensor], data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Weighted terms "loss_points_a", "loss_dual", "loss_prototypes_a", "loss_distillation", and what to watch.

        Raises:
            UserError: the samples lack labels or hold unknown ones, the batch lacks a stream, or a term is NaN without
                the switch `guard`: the step would make every weight NaN.
        """
        labels = self._labels(data_samples)
        views = self._views(inputs)
        losses = {
            f"loss_points_{name}": partial_cross_entropy(
                view.logits,
                labels,
                ignore_index=self.ignore_index,
                guard=self.switches.guard,
                balanced=self.balanced,
            )
            for name, view in zip(NAMES, views, strict=False)
        }
        if len(views) == 2:
            losses |= self._mutual(views, labels, epoch=training_epoch())
        if not self.switches.guard:
            _check_means(losses)
        return losses

    def _mutual(self, views: Sequence[View], labels: Tensor, *, epoch: int) -> dict[str, Tensor]:
        """The terms between two students."""
        shared = {"ignore_index": self.ignore_index, "switches": self.switches}
        present = present_classes(
            labels,
            num_classes=self.num_classes,
            ignore_index=self.ignore_index,
            drop_largest=self.switches.drop_largest_label,
        )
        threshold = (self.dual or Dual()).threshold
        guesses = [guess_of(view, present, threshold=threshold, **shared) for view in views]
        out = {
            f"pseudo_share_{name}": (guess.labels != self.ignore_index).float().mean()
            for name, guess in zip(NAMES, guesses, strict=True)
        }
        if self.dual and epoch >= self.dual.from_epoch:
            out["loss_dual"] = self.dual.weight * dual_loss(views, guesses, balanced=self.balanced, **shared)
        if self.prototypes:
            out |= self._prototype_terms(views, guesses, act=epoch >= self.prototypes.from_epoch)
        if self.distillation and epoch >= self.distillation.from_epoch:
            out["loss_distillation"] = self.distillation.weight * distillation_loss(views, self.distillation.scales)
        return out

    def _prototype_terms(self, views: Sequence[View], guesses: Sequence[Guess], *, act: bool) -> dict[str, Tensor]:
        """Collect the batch's prototypes; then, if they act, each student's contrast with the other's pseudo labels."""
        settings, out = self.prototypes, {}
        features = [upsampled(view) for view in views]
        for view, feature, guess in zip(views, features, guesses, strict=True):
            self._remember(view.bank, *collect(feature, guess, settings))
        for index, name in enumerate(NAMES if act else ()):
            other = 1 - index
            terms = contrast_losses(
                views[index],
                features[index],
                views[other],
                guesses[other].labels,
                settings=settings,
                ignore_index=self.ignore_index,
                switches=self.switches,
                balanced=self.balanced,
            )
            if terms is not None:
                own, crossed = terms
                out[f"loss_prototypes_{name}"] = settings.own_weight * own + settings.cross_weight * crossed
                out |= {f"contrast_own_{name}": own.detach(), f"contrast_cross_{name}": crossed.detach()}
        return out

    def _remember(self, bank: PrototypeBank, prototypes: Tensor, chosen: Tensor) -> None:
        """Every process puts the prototypes of all processes into its bank, in the order of ranks."""
        for vectors, taken in zip(all_gather(prototypes), all_gather(chosen), strict=True):
            bank.append(vectors, taken)

    def _views(self, inputs: Mapping[str, Tensor]) -> list[View]:
        views = []
        for index, student in enumerate(self.students):
            if STREAMS[index] not in inputs:
                raise UserError(
                    f"Two students need inputs['{STREAMS[index]}']: load both streams, LoadEventGrids(streams=('past', "
                    "'future')), or leave dual, prototypes and distillation away."
                )
            logits, latents = student(inputs[STREAMS[index]])
            bank = self.banks[index] if self.prototypes else None
            views.append(View(student=student, logits=logits, latents=latents, bank=bank))
        return views

    def _labels(self, samples: Sequence[SegDataSample]) -> Tensor:
        """(B, H, W) int64, every value a class or `ignore_index`."""
        if any(self.labels not in sample for sample in samples):
            raise UserError(
                f"EVWSSS learns from `{self.labels}`, which a sample lacks: LoadEventLabels loads points "
                "(sparse_sem_seg) and dense maps (gt_sem_seg) if the data set names them."
            )
        labels = torch.cat([sample.get(self.labels).data for sample in samples]).long()
        largest = int(labels.masked_fill(labels == self.ignore_index, 0).max())
        if largest >= self.num_classes:
            raise UserError(
                f"The labels hold class {largest}, but model.num_classes is {self.num_classes}. Correct the latter."
            )
        return labels

    def extract_features(self, inputs: dict[str, Tensor]) -> Tensor:
        """One vector a sample, (B, D): the mean of student A's latent at 1/8, for choosing what to annotate."""
        return self.students[0].encoder(inputs["events"])[8].mean(dim=(2, 3))

    def step(self, grid: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One more grid (B, bins, H, W) of a stream -> student A's logits (B, C, H, W), and the state for the next."""
        return self.students[0].step(grid, state)

    def predict(
        self, inputs: dict[str, Tensor], data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Add `pred_sem_seg`, classes (1, H, W) at `ori_shape`; without samples or `ori_shape`, at the input's size."""
        scores = self._scores(inputs)
        samples = data_samples or [SegDataSample() for _ in range(len(scores))]
        for sample, own in zip(samples, scores, strict=True):
            sample.pred_sem_seg = PixelData(data=self.classes_of(own, sample))
        return samples

    def _scores(self, inputs: dict[str, Tensor]) -> Tensor:
        """(B, C, H, W): logits of student A, or mean probabilities of both."""
        if not (self.fuse and len(self.students) == 2 and STREAMS[1] in inputs):
            return self.students[0](inputs[STREAMS[0]])[0]
        pairs = zip(self.students, STREAMS, strict=True)
        return sum(student(inputs[stream])[0].softmax(dim=1) for student, stream in pairs) / 2

    @staticmethod
    def classes_of(scores: Tensor, sample: SegDataSample) -> Tensor:
        """scores (C, H, W) without padding, bilinearly (corners aligned, as released) to `ori_shape` -> (1, H, W)."""
        height, width = sample.get("img_shape", scores.shape[1:])[:2]
        size = tuple(sample.get("ori_shape", (height, width))[:2])
        scores = scores[None, :, :height, :width]
        if size != (height, width):
            scores = F.interpolate(scores, size=size, mode="bilinear", align_corners=True)
        return scores[0].argmax(dim=0, keepdim=True)

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Two random grids a stream, points and a dense truth: for benchmarks and the tests of configs."""
        channels = 2 * self.students[0].encoder.bins
        streams = {
            name: [torch.from_numpy(rng.standard_normal((channels, *size), dtype=np.float32)) for _ in range(count)]
            for name in STREAMS
        }
        return {"inputs": streams, "data_samples": [self._example_sample(size, rng) for _ in range(count)]}

    def _example_sample(self, size: tuple[int, int], rng: np.random.Generator) -> SegDataSample:
        truth = rng.integers(0, self.num_classes, (1, *size))
        sparse = np.where(rng.random(truth.shape) < 0.01, truth, self.ignore_index)
        fields = {"gt_sem_seg": truth, "sparse_sem_seg": sparse}
        return SegDataSample(
            metainfo={"ori_shape": size, "img_shape": size},
            **{name: PixelData(data=torch.from_numpy(labels)) for name, labels in fields.items()},
        )


def _check_means(losses: Mapping[str, Tensor]) -> None:
    broken = [name for name, value in losses.items() if name.startswith("loss") and value.isnan().any()]
    if broken:
        raise UserError(
            f"{', '.join(broken)}: NaN, in the released code the mean over no pixel when a batch has no click or no "
            "pseudo label. Resume with --cfg-options +model.switches.guard=True, with which it is 0."
        )
