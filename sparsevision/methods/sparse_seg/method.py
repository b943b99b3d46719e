"""Any mmseg encoder-decoder, trained from points or scribbles."""

import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from sparsevision.datasets.preprocessor import ImagePreprocessor
from sparsevision.methods.sparse_seg.losses import partial_cross_entropy
from sparsevision.methods.sparse_seg.network import EncoderDecoder
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

Part = nn.Module | dict


@MODELS.register_module()
class SparseSegmentor(BaseModel):
    """Semantic segmentation from sparse labels, with backbones, necks and heads of mmseg.

    `inputs` is {"image": float (B, 3, H, W)}. Training reads `sparse_sem_seg` of the samples: a class map that holds
    `ignore_index` wherever nothing is labelled. A head's own `loss_decode` is not used: the supervision is owned here.

    Args:
        backbone, decode_head, neck: built modules, or mmseg configs whose `type` is a class.
        auxiliary_heads: like `decode_head`; they add to the loss with `auxiliary_weight` each.
        auxiliary_weight: see above.
        per_class, class_share: of the loss, see `partial_cross_entropy`.
        ignore_index: value of unlabelled pixels.
        foreground_index: the class whose probability is answered as `pred_mask`. None: `pred_sem_seg` is answered.
        data_preprocessor: default `ImagePreprocessor()`.

    Raises:
        UserError: a head does not give one logit per class, or foreground_index is no class.
    """

    def __init__(
        self,
        *,
        backbone: Part,
        decode_head: Part,
        neck: Part | None = None,
        auxiliary_heads: Sequence[Part] = (),
        auxiliary_weight: float = 0.4,
        per_class: bool = False,
        class_share: Sequence[float] | None = None,
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
        self.auxiliary_weight = auxiliary_weight
        self.per_class = per_class
        self.class_share = class_share
        self.ignore_index = ignore_index
        self.foreground_index = foreground_index
        self._check_heads()

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

    def forward(
        self, inputs: dict[str, Tensor], data_samples: list[SegDataSample] | None = None, mode: str = "tensor"
    ) -> Tensor | dict[str, Tensor] | list[SegDataSample]:
        """Logits (B, C, h, w) for mode "tensor", a dict for "loss", samples with a prediction for "predict"."""
        if mode == "tensor":
            return self.network(inputs["image"])
        if mode == "loss":
            return self.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode={mode!r}; expected 'tensor', 'loss' or 'predict'")

    def loss(self, inputs: dict[str, Tensor], data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """{"loss_partial_ce", "loss_aux<i>_partial_ce" for each auxiliary head, "labelled_accuracy"}."""
        labels = torch.cat([sample.sparse_sem_seg.data for sample in data_samples])
        main, *auxiliary = (_resized(logits, labels.shape[1:]) for logits in self.network.all_logits(inputs["image"]))
        terms = {"loss_partial_ce": self._partial_ce(main, labels)}
        for index, logits in enumerate(auxiliary):
            terms[f"loss_aux{index}_partial_ce"] = self.auxiliary_weight * self._partial_ce(logits, labels)
        return {**terms, "labelled_accuracy": labelled_accuracy(main, labels, ignore_index=self.ignore_index)}

    def _partial_ce(self, logits: Tensor, labels: Tensor) -> Tensor:
        return partial_cross_entropy(
            logits,
            labels,
            ignore_index=self.ignore_index,
            per_class=self.per_class,
            class_share=self.class_share,
        )

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


def labelled_accuracy(logits: Tensor, labels: Tensor, *, ignore_index: int) -> Tensor:
    """Share of the labelled pixels that are right; zero without labels. logits (B, C, H, W), labels (B, H, W)."""
    labelled = labels != ignore_index
    right = (logits.argmax(1) == labels) & labelled
    return right.sum() / labelled.sum().clamp(min=1)


def _resized(logits: Tensor, size: Sequence[int]) -> Tensor:
    """logits (B, C, h, w) bilinearly to (B, C, *size)."""
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)


def _built(part: Part) -> nn.Module:
    """Build a config; mmseg's advice about its own losses, which are not used here, is kept back."""
    if isinstance(part, nn.Module):
        return part
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="For binary segmentation, we suggest")
        warnings.filterwarnings("ignore", message="Default ``avg_non_ignore`` is False")
        return MMSEG_MODELS.build(part)
