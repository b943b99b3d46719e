"""Focus-DETR and its kin: by its settings one detector is dense DINO, Sparse DETR, Salience-style or Focus-DETR."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.datasets.preprocessor import ImagePreprocessor
from sparsevision.engine.model import MethodModel
from sparsevision.engine.state import training_iteration
from sparsevision.layers.reduce import global_count
from sparsevision.methods.focus_detr.attention_map import AttentionMap
from sparsevision.methods.focus_detr.build import Architecture, build_network
from sparsevision.methods.focus_detr.criterion import Criterion, LossWeights
from sparsevision.methods.focus_detr.decoding import DecoderSide
from sparsevision.methods.focus_detr.denoising import Denoising, DenoisingQueries, denoising_queries
from sparsevision.methods.focus_detr.encoded import Encoded
from sparsevision.methods.focus_detr.encoder_heads import EncoderHeads
from sparsevision.methods.focus_detr.ground_truth import GroundTruth, count_of
from sparsevision.methods.focus_detr.ignore_zones import IgnoreZones, PointTargets
from sparsevision.methods.focus_detr.matcher import MatchCosts
from sparsevision.methods.focus_detr.network import FocusNetwork
from sparsevision.methods.focus_detr.postprocess import detections
from sparsevision.methods.focus_detr.presets import PRESETS
from sparsevision.methods.focus_detr.pseudo_boxes import PseudoBoxes, completed, mine_boxes, scores_of_known
from sparsevision.methods.focus_detr.supervision import SelectorSupervision, SelectorTarget
from sparsevision.methods.focus_detr.targets import FIRST_RANGE
from sparsevision.methods.focus_detr.teacher import Teacher
from sparsevision.registry import MODELS, built
from sparsevision.utils import UserError
from sparsevision.utils.settings import settings_of, switches_of_preset

FIRST_STRIDE = 8  # of the backbone's finest map; each level is half as fine as the one before
LAST_LAYER = slice(-1, None)


@MODELS.register_module()
class FocusDETR(MethodModel):
    """A two-stage DETR whose encoder updates a part of the tokens (Zheng et al., ICCV 2023), on the core of DINO.

    `inputs` is {"image": float (B,3,H,W)}. In training samples carry `gt_instances`, maybe `ignored_instances` (zones
    that are neither objects nor background) and `gt_points`. Their metainfo `img_shape` tells image from padding.

    Dense DINO: `selector=None, object_tokens=None`; or `keep_ratio=1, cascade=(1,) * 6, object_tokens=None` with a
    selector that changes nothing. Sparse DETR: `selector="joint", selector_target="decoder_attention",
    cascade=(1,) * 6, object_tokens=None`. Salience DETR: `selector_target="salience", object_tokens=300,
    background_embedding=True` and level_ratios.

    Args:
        num_classes: K.
        backbone: built, or as a config.
        num_queries: Q.
        architecture: settings of `Architecture`: widths, numbers of layers, positions.
        selector: "focus", "joint" (Sparse DETR) or None for a dense encoder.
        selector_target: see `SelectorSupervision`.
        first_range: pixels up to which the finest level is responsible for objects; fewer for smaller images.
        keep_ratio: share of the tokens that the first layer of the encoder updates; may differ in training and testing.
        keep_ratio_range: (low, high): in training every step draws its own ratio, so that one checkpoint serves many.
        cascade: for each layer of the encoder, its share of the first layer's tokens.
        level_ratios: for each level, its share of the first layer's tokens; None: levels compete.
        object_tokens: how many tokens of each layer attend to one another; None: none.
        background_embedding: tokens that no layer updates get a learnt position (Salience DETR).
        denoising: settings of `Denoising`; None leaves it away.
        losses, costs: settings of `LossWeights` and `MatchCosts`.
        pseudo_boxes: settings of `PseudoBoxes`, for sparsely annotated images: what a teacher is sure of is learnt
            as an object. The teacher is part of the checkpoint. None: no teacher.
        points, zones: settings of `PointTargets` and `IgnoreZones`.
        max_detections: of an image.
        report_tokens: `predict` adds `kept_tokens`, `token_shapes` and `token_count` to the samples.
        preset: "published" or "fixed" (see `Switches`).
        switches: single switches that differ from the preset.

    Raises:
        UserError: no such preset, switch, setting, selector or target; a ratio that is none, a number below 1.
    """

    optional_state = ("label_embedding.", "teacher.", "encoder_heads.")  # for training: no prediction depends on them

    def __init__(
        self,
        *,
        num_classes: int,
        backbone: nn.Module | dict,
        num_queries: int = 900,
        architecture: Mapping | None = None,
        selector: str | None = "focus",
        selector_target: SelectorTarget = "ranges",
        first_range: float = FIRST_RANGE,
        keep_ratio: float = 0.5,
        keep_ratio_range: tuple[float, float] | None = None,
        cascade: Sequence[float] = (1.0, 0.8, 0.6, 0.6, 0.4, 0.2),
        level_ratios: Sequence[float] | None = None,
        object_tokens: int | None = 300,
        background_embedding: bool = False,
        denoising: Mapping | None = {},
        losses: Mapping | None = None,
        costs: Mapping | None = None,
        pseudo_boxes: Mapping | None = None,
        points: Mapping | None = None,
        zones: Mapping | None = None,
        max_detections: int = 300,
        report_tokens: bool = False,
        preset: str = "published",
        switches: Mapping | None = None,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or ImagePreprocessor(), init_cfg=init_cfg)
        counts = {"num_classes": num_classes, "num_queries": num_queries, "max_detections": max_detections}
        _check_counts(**counts, object_tokens=object_tokens)
        self.num_classes, self.max_detections, self.report_tokens = num_classes, max_detections, report_tokens
        self.preset, self.switches = preset, switches_of_preset(PRESETS, preset, switches)
        self.keep_ratio_range = _checked_range(keep_ratio_range)
        self.denoising = settings_of(Denoising, denoising)
        self.network = build_network(
            settings_of(Architecture, architecture or {}),
            backbone=built(backbone),
            num_classes=num_classes,
            num_queries=num_queries,
            selector=selector,
            budget={"keep_ratio": keep_ratio, "cascade": cascade, "level_ratios": level_ratios},
            object_tokens=object_tokens,
            background_embedding=background_embedding,
            switches=self.switches,
        )
        weights, match_costs = settings_of(LossWeights, losses or {}), settings_of(MatchCosts, costs or {})
        self.criterion = Criterion(weights=weights, costs=match_costs, padded_copies=self.switches.padded_copies)
        self.supervision = SelectorSupervision(
            target=selector_target,
            switches=self.switches,
            strides=[FIRST_STRIDE * 2**level for level in range(len(self.network.neck.levels))],
            first_range=first_range,
            points=settings_of(PointTargets, points or {}),
            zones=settings_of(IgnoreZones, zones or {}),
        )
        self.pseudo_boxes = settings_of(PseudoBoxes, pseudo_boxes)
        self._add_parts_for_training()

    def _add_parts_for_training(self) -> None:
        self.teacher = None if self.pseudo_boxes is None else self._new_teacher()
        channels = self.network.query_content.embedding_dim
        self.label_embedding = nn.Embedding(self.num_classes, channels) if self.denoising else None
        if self.criterion.weights.encoder_layers:
            layers = len(self.network.encoder.layers)
            self.encoder_heads = EncoderHeads(layers=layers, channels=channels, num_classes=self.num_classes)

    def outputs(
        self, inputs: dict[str, Tensor], data_samples: list[DetectionSample] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits (B,Q,K), and boxes (B,Q,4) as centres and sizes in shares of the image."""
        return self._predictions(self._encode(inputs["image"], data_samples))[:2]

    def loss(self, inputs: dict[str, Tensor], data_samples: list[DetectionSample]) -> dict[str, Tensor]:
        """Weighted terms, named as in `Criterion`, "loss_selector", and what to watch.

        Where there is a "strong_image" (see `StrongView`), that is what is learnt on; a teacher looks at "image".

        Raises:
            UserError: the samples lack boxes, or points where the selector learns from them, or hold unknown classes,
                or a prediction is no number.
        """
        images, truths = inputs.get("strong_image", inputs["image"]), self.truths_of(data_samples)
        if self.teacher is None:
            return self.losses_of(images, truths)
        self.teacher.update(self.network)
        if training_iteration() < self.pseudo_boxes.from_iteration:
            return self.losses_of(images, truths)
        whole, scores = self._taught(inputs["image"], truths)
        found = torch.tensor(sum(truth.mined for truth in whole) / len(whole), device=images.device)
        return self.losses_of(images, whole, teacher_scores=scores) | {"pseudo_boxes": found}

    def _new_teacher(self) -> Teacher:
        teacher = Teacher(self.network, momentum=self.pseudo_boxes.momentum)
        teacher.network.switches = replace(self.switches, blind_evaluation=False)  # it looks at padded batches
        return teacher

    @torch.no_grad()
    def _taught(self, images: Tensor, truths: Sequence[GroundTruth]) -> tuple[list[GroundTruth], Tensor | None]:
        """Truths with what the teacher sees beside them, and the probabilities (B,N) of its selector."""
        settings, encoded = self.pseudo_boxes, self.teacher.network.encode(images, [truth.size for truth in truths])
        logits, boxes, padding = self._predictions(encoded, self.teacher.network)
        found = [
            detections(
                logits[index],
                boxes[index],
                size=truth.size,
                top=self.max_detections,
                padding=None if padding is None else padding[index],
            )
            for index, truth in enumerate(truths)
        ]
        if settings.relative:
            pairs = zip(found, truths, strict=True)
            known = [scores_of_known(*seen, truth=truth, settings=settings) for seen, truth in pairs]
            self.teacher.reckon(torch.cat(known))
            found = [(corners, labels, self.teacher.relative(scores)) for corners, labels, scores in found]
        mined = [
            mine_boxes(*seen, known=torch.cat([truth.corners, truth.ignored]), settings=settings)
            for seen, truth in zip(found, truths, strict=True)
        ]
        foreground = encoded.foreground_logits
        whole = [completed(truth, own) for truth, own in zip(truths, mined, strict=True)]
        return whole, None if foreground is None else foreground.sigmoid()

    def truths_of(self, samples: Sequence[DetectionSample]) -> list[GroundTruth]:
        """What the samples teach. Raises UserError, see `loss`."""
        if self.supervision.target == "points" and not all("gt_points" in sample for sample in samples):
            raise UserError(
                "selector_target='points' learns from `gt_points`, which a sample lacks: put PointsInBoxes behind "
                "LoadBoxes, or give SparseBoxes a point_spread."
            )
        truths = [_truth(sample) for sample in samples]
        labels = torch.cat([truth.labels for truth in truths])
        low, high = torch.stack(labels.aminmax()).tolist() if len(labels) else (0, 0)
        if not 0 <= low <= high < self.num_classes:
            raise UserError(
                f"The labels go from {low} to {high}, but model.num_classes is {self.num_classes}. Correct the latter, "
                "or the classes of the data set."
            )
        return truths

    def losses_of(
        self, images: Tensor, truths: Sequence[GroundTruth], *, teacher_scores: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The losses of images (B,3,H,W).

        Args:
            images: normalised and padded.
            truths: what each of them teaches.
            teacher_scores: (B,N) foreground probabilities of a teacher, see `SelectorSupervision`.
        """
        ratio = self._step_ratio()
        by_layer, sizes = self.criterion.weights.encoder_layers > 0, [truth.size for truth in truths]
        encoded = self.network.encode(images, sizes, keep_ratio=ratio, by_layer=by_layer)
        denoising = self._denoising_queries(truths, encoded)
        watched = self._attention_map(encoded, denoising)
        decoded = DecoderSide.of(self.network).decode(encoded, denoising=denoising, attention_map=watched)
        num_boxes = global_count(torch.tensor(count_of(truths), device=images.device)).clamp(min=1)
        losses = self.criterion.matched(decoded, truths, num_boxes=num_boxes)
        if by_layer:
            losses |= self.criterion.encoder_layers(self.encoder_heads(encoded), truths, num_boxes=num_boxes)
        if denoising is not None:
            losses |= self.criterion.denoised(decoded.denoised, denoising, truths, num_boxes=num_boxes)
        elif self.denoising is not None:
            losses["loss_class_dn"] = 0 * self.label_embedding.weight.sum()
        if encoded.foreground_logits is not None:
            selector = self.supervision.loss(
                encoded, truths, attention_map=watched, ratio=ratio, teacher_scores=teacher_scores
            )
            losses["loss_selector"] = self.criterion.weights.selector * selector
        return losses

    def _step_ratio(self) -> float:
        """This step's keep ratio."""
        if self.keep_ratio_range is None:
            return self.network.budget.keep_ratio
        return float(torch.empty(()).uniform_(*self.keep_ratio_range))

    def _denoising_queries(self, truths: Sequence[GroundTruth], encoded: Encoded) -> DenoisingQueries | None:
        if self.denoising is None:
            return None
        return denoising_queries(
            [truth.boxes for truth in truths],
            [truth.labels for truth in truths],
            embedding=self.label_embedding,
            num_queries=DecoderSide.of(self.network).num_queries(encoded),
            settings=self.denoising,
        )

    def _attention_map(self, encoded: Encoded, denoising: DenoisingQueries | None) -> AttentionMap | None:
        if encoded.foreground_logits is None or self.supervision.target != "decoder_attention":
            return None
        return AttentionMap(encoded.shapes, skipped=0 if denoising is None else denoising.content.shape[1])

    def predict(
        self, inputs: dict[str, Tensor], data_samples: list[DetectionSample] | None = None
    ) -> list[DetectionSample]:
        """Add `pred_instances`, boxes in pixels of `ori_shape`; without samples, of the input."""
        images = inputs["image"]
        samples = data_samples or [DetectionSample() for _ in images]
        encoded = self._encode(images, data_samples)
        logits, boxes, padding = self._predictions(encoded)
        for index, (sample, size) in enumerate(zip(samples, _sizes(images, data_samples), strict=True)):
            bboxes, labels, scores = detections(
                logits[index],
                boxes[index],
                size=tuple(sample.get("ori_shape", size)[:2]),
                top=self.max_detections,
                padding=None if padding is None else padding[index],
            )
            sample.pred_instances = InstanceData(bboxes=bboxes, labels=labels, scores=scores)
            if self.report_tokens:
                _report_tokens(sample, encoded, index)
        return samples

    def _encode(self, images: Tensor, samples: Sequence[DetectionSample] | None) -> Encoded:
        return self.network.encode(images, _sizes(images, samples))

    def _predictions(
        self, encoded: Encoded, network: FocusNetwork | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Logits (B,Q,K), boxes (B,Q,4) of the last layer, and which queries (B,Q) do not exist."""
        decoded = DecoderSide.of(network or self.network).decode(encoded, layers=LAST_LAYER)
        return decoded.logits[0], decoded.boxes[0], decoded.proposals.padding

    def extract_features(self, inputs: dict[str, Tensor]) -> Tensor:
        """One vector an image, (B,C): the mean of the memory, for choosing what to annotate."""
        return self._encode(inputs["image"], None).memory.mean(dim=1)

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Random images with one to three boxes: for benchmarks and the tests of configs."""
        images = [torch.from_numpy(rng.integers(0, 256, (3, *size), dtype=np.uint8)) for _ in range(count)]
        samples = [self._example_sample(index, size, rng) for index in range(count)]
        return {"inputs": {"image": images}, "data_samples": samples}

    def _example_sample(self, index: int, size: tuple[int, int], rng: np.random.Generator) -> DetectionSample:
        count = int(rng.integers(1, 4))
        low = rng.uniform(0, 0.5, (count, 2))
        shares = np.concatenate([low, low + rng.uniform(0.1, 0.5, (count, 2))], axis=1)
        boxes = torch.from_numpy((shares * [size[1], size[0], size[1], size[0]]).astype(np.float32))
        labels = torch.from_numpy(rng.integers(0, self.num_classes, count))
        name = f"example_{index}"
        return DetectionSample(
            metainfo={"img_id": index, "img_path": f"{name}.png", "ori_shape": size, "img_shape": size},
            gt_instances=InstanceData(bboxes=boxes, labels=labels),
            ignored_instances=InstanceData(bboxes=boxes[:0], labels=labels[:0]),
            gt_points=InstanceData(points=(boxes[:, :2] + boxes[:, 2:]) / 2, labels=labels),
        )


def _sizes(images: Tensor, samples: Sequence[DetectionSample] | None) -> list[tuple[int, int]]:
    """(height, width) of each image without padding."""
    whole = tuple(images.shape[2:])
    if not samples:
        return [whole] * len(images)
    return [tuple(sample.get("img_shape", whole)[:2]) for sample in samples]


def _truth(sample: DetectionSample) -> GroundTruth:
    """What a sample teaches. Raises UserError: it has no boxes."""
    if "gt_instances" not in sample:
        raise UserError(
            "FocusDETR learns from `gt_instances`, which a sample lacks: end the pipeline with PackDetectionInputs."
        )
    corners = sample.gt_instances.bboxes.float()
    none = corners.new_zeros(0, 4)
    return GroundTruth(
        corners=corners,
        labels=sample.gt_instances.labels,
        ignored=sample.ignored_instances.bboxes.float() if "ignored_instances" in sample else none,
        points=sample.gt_points.points.float() if "gt_points" in sample else none[:, :2],
        size=tuple(sample.img_shape[:2]),
    )


def _report_tokens(sample: DetectionSample, encoded: Encoded, index: int) -> None:
    pairs = zip(encoded.kept, encoded.kept_valid, strict=True)
    sample.kept_tokens = [tokens[index][valid[index]] for tokens, valid in pairs]
    sample.token_shapes = list(encoded.shapes)
    sample.token_count = int((~encoded.padding[index]).sum())


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"FocusDETR: {name}={count}; expected 1 or more.")


def _checked_range(bounds: Sequence[float] | None) -> tuple[float, float] | None:
    if bounds is None:
        return None
    if len(bounds) != 2 or not 0 < bounds[0] <= bounds[1] <= 1:
        raise UserError(f"keep_ratio_range={tuple(bounds)}; expected (low, high) with 0 < low <= high <= 1, or None.")
    return tuple(bounds)
