"""Any mmseg encoder-decoder, trained from points, scribbles, boxes or pseudo labels."""

import warnings
from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from sparsevision.datasets.preprocessor import ImagePreprocessor
from sparsevision.engine.model import MethodModel
from sparsevision.methods.sparse_seg.network import EncoderDecoder
from sparsevision.methods.sparse_seg.presets import build_terms
from sparsevision.methods.sparse_seg.terms import LossTerm, PartialCrossEntropy, Step
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

Part = nn.Module | dict
LABEL_FIELDS = {
    "sparse_sem_seg": "LoadSparseLabels",
    "box_sem_seg": "LoadSparseLabels",
    "pseudo_mask": "LoadPseudoMask",
    "gt_sem_seg": "LoadMask and Resize(resize_truth=True)",
}


@MODELS.register_module()
class SparseSegmentor(MethodModel):
    """Semantic segmentation from sparse labels, with backbones, necks and heads of mmseg.

    `inputs` is {"image": float (B, 3, H, W)}. What a sample must carry in training depends on the terms: a term names
    the field that it needs, `PartialCrossEntropy` for example `sparse_sem_seg`, a class map that holds `ignore_index`
    wherever nothing is labelled. A head's own `loss_decode` is not used: the supervision is owned here.

    Args:
        backbone, decode_head, neck: built modules, or mmseg configs whose `type` is a class.
        auxiliary_heads: like `decode_head`; they help in training only.
        auxiliary_weight: weight of their loss, one number or one for each of them.
        terms: the loss, a sum of `LossTerm`s or configs of them (terms.py, terms_unlabelled.py); default: partial
            cross-entropy alone.
        preset: "published" gives terms the switches of the released codes, "fixed" what these meant (presets.py).
        ignore_index: value of unlabelled pixels.
        foreground_index: the class whose probability is answered as `pred_mask`. None: `pred_sem_seg` is answered.
        data_preprocessor: default `ImagePreprocessor()`.

    Raises:
        UserError: a head does not give one logit per class, foreground_index is no class, or the terms do not fit.
    """

    def __init__(
        self,
        *,
        backbone: Part,
        decode_head: Part,
        neck: Part | None = None,
        auxiliary_heads: Sequence[Part] = (),
        auxiliary_weight: float | Sequence[float] = 0.4,
        terms: Sequence[LossTerm | Mapping] = ({"type": PartialCrossEntropy},),
        preset: str = "published",
        ignore_index: int = 255,
        foreground_index: int | None = None,
        data_preprocessor: Part | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if data_preprocessor is None:
            data_preprocessor = ImagePreprocessor(ignore_index=ignore_index)
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.network = EncoderDecoder(
            backbone=_built(backbone),
            decode_head=_built(decode_head),
            neck=None if neck is None else _built(neck),
            auxiliary_heads=[_built(head) for head in auxiliary_heads],
        )
        self.head_weights = _head_weights(auxiliary_weight, count=len(auxiliary_heads))
        self.terms = build_terms(terms, preset=preset)
        self.ignore_index = ignore_index
        self.foreground_index = foreground_index
        self._check_heads()
        self._check_terms()

    def _check_heads(self) -> None:
        for head in (self.network.decode_head, *self.network.auxiliary_heads):
            classes, channels = getattr(head, "num_classes", None), getattr(head, "out_channels", None)
            if classes is not None and classes != channels:
                raise UserError(
                    f"{type(head).__name__} has num_classes={classes} but out_channels={channels}; SparseSegmentor "
                    "needs one logit per class (background included): leave out_channels away."
                )
            if self.foreground_index is not None and classes and not 0 <= self.foreground_index < classes:
                raise UserError(f"foreground_index={self.foreground_index} is not one of the head's {classes} classes.")

    def outputs(self, inputs: dict[str, Tensor], data_samples: list[SegDataSample] | None = None) -> Tensor:
        """Logits (B, C, h, w)."""
        return self.network(inputs["image"])

    def _check_terms(self) -> None:
        names = [term.name for term in self.terms if term.binary]
        if names and self.foreground_index is None:
            raise UserError(f"The terms {', '.join(names)} compare foreground with the rest: set foreground_index.")

    def loss(self, inputs: dict[str, Tensor], data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """{"loss_<term>", "loss_aux<i>_<term>" for each auxiliary head, "labelled_accuracy" if pixels are labelled}.

        Raises:
            UserError: the samples lack what a term needs.
        """
        labels = self._labels(data_samples)
        losses = {}
        for step in self._steps(inputs["image"], labels):
            prefix = "loss_" if step.head == 0 else f"loss_aux{step.head - 1}_"
            for term in self.terms:
                if step.head == 0 or not term.main_head_only:
                    losses[prefix + term.name] = self.head_weights[step.head] * term(step)
            if step.head == 0 and "sparse_sem_seg" in labels:
                losses["labelled_accuracy"] = labelled_accuracy(
                    step.logits, labels["sparse_sem_seg"], ignore_index=self.ignore_index
                )
        return losses

    def _steps(self, image: Tensor, labels: Mapping[str, Tensor]) -> Iterator[Step]:
        """One `Step` for each head, the one that answers first."""
        features = self.network.features(image)
        progress = training_progress()
        for index, head in enumerate((self.network.decode_head, *self.network.auxiliary_heads)):
            yield Step(
                image=image,
                logits=_resized(head(features), image.shape[2:]),
                head=index,
                labels=labels,
                features=features[0],
                progress=progress,
                predict=lambda other: _resized(self.network(other), other.shape[2:]).softmax(1),
                ignore_index=self.ignore_index,
                foreground_index=self.foreground_index,
            )

    def _labels(self, samples: Sequence[SegDataSample]) -> dict[str, Tensor]:
        """The label fields in use that all samples have: class maps (B, H, W), probabilities (B, 1, H, W)."""
        fields = [name for name in LABEL_FIELDS if all(name in sample for sample in samples)]
        for term in self.terms:
            if term.needs is not None and term.needs not in fields:
                raise UserError(
                    f"The term {type(term).__name__} needs `{term.needs}` of every sample: put "
                    f"{LABEL_FIELDS.get(term.needs, 'what loads it')} into the training pipeline."
                )
        used = {term.needs for term in self.terms} | {"sparse_sem_seg"}  # others may be of other sizes
        stacked = {name: torch.stack([sample.get(name).data for sample in samples]) for name in fields if name in used}
        return {name: maps if maps.is_floating_point() else maps[:, 0] for name, maps in stacked.items()}

    def extract_features(self, inputs: dict[str, Tensor]) -> Tensor:
        """One vector an image, (B, D): the mean of the last feature map, for choosing what to annotate."""
        return self.network.features(inputs["image"])[-1].mean(dim=(2, 3))

    def predict(
        self, inputs: dict[str, Tensor], data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Add `pred_mask` (foreground probability) or `pred_sem_seg` (classes), (1, H, W) at `ori_shape`.

        Without samples, or where a sample lacks `ori_shape`, the input's own size is taken.
        """
        image = inputs["image"]
        logits = _resized(self.network(image), image.shape[2:])
        samples = data_samples or [SegDataSample() for _ in range(len(image))]
        for sample, scores in zip(samples, logits, strict=True):
            self._add_prediction(sample, scores)
        return samples

    def _add_prediction(self, sample: SegDataSample, scores: Tensor) -> None:
        """scores (C, H, W) at the padded input size."""
        size = tuple(scores.shape[1:])
        height, width = sample.get("img_shape", size)[:2]
        scores = _resized(scores[None, :, :height, :width], sample.get("ori_shape", (height, width))[:2])[0]
        if self.foreground_index is None:
            sample.pred_sem_seg = PixelData(data=scores.argmax(0, keepdim=True))
        else:
            sample.pred_mask = PixelData(data=scores.float().softmax(0)[self.foreground_index][None])


def training_progress() -> float:
    """Share of the running training that is over, in [0, 1]; 0 outside of one."""
    hub = MessageHub.get_current_instance()
    done, planned = (hub.runtime_info.get(name) for name in ("iter", "max_iters"))
    return min(done / planned, 1.0) if done is not None and planned else 0.0


def labelled_accuracy(logits: Tensor, labels: Tensor, *, ignore_index: int) -> Tensor:
    """Share of the labelled pixels that are right; zero without labels. logits (B, C, H, W), labels (B, H, W)."""
    labelled = labels != ignore_index
    right = (logits.argmax(1) == labels) & labelled
    return right.sum() / labelled.sum().clamp(min=1)


def _resized(logits: Tensor, size: Sequence[int]) -> Tensor:
    """logits (B, C, h, w) bilinearly to (B, C, *size)."""
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)


def _head_weights(auxiliary: float | Sequence[float], *, count: int) -> list[float]:
    """Weights of the answering head and of the auxiliary ones."""
    weights = [auxiliary] * count if isinstance(auxiliary, int | float) else list(auxiliary)
    if len(weights) != count:
        raise UserError(f"auxiliary_weight: {len(weights)} weights for {count} auxiliary heads.")
    return [1.0, *weights]


def _built(part: Part) -> nn.Module:
    """Build a config; mmseg's advice about its own losses, which are not used here, is kept back."""
    if isinstance(part, nn.Module):
        return part
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="For binary segmentation, we suggest")
        warnings.filterwarnings("ignore", message="Default ``avg_non_ignore`` is False")
        return MMSEG_MODELS.build(part)
