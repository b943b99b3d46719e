"""From collated samples to a normalised batch on the model's device."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from sparsevision.registry import MODELS
from sparsevision.utils import UserError

LOOKS = ("image", "strong_image")
UNDECIDED = 0.5  # the probability of a pseudo label that says nothing


@MODELS.register_module()
class ImagePreprocessor(BaseDataPreprocessor):
    """Normalise, pad to a common size and stack images.

    Takes {"inputs": {"image": [uint8 RGB (3, H_i, W_i), ...]}, "data_samples": [...]} as `pseudo_collate` makes it,
    returns {"inputs": {"image": float (B, 3, H, W)}, "data_samples": [...]}; "strong_image", a second look of each
    image in the same size, is treated alike. Padding is zero (the mean colour), on the right and below. In training
    labels that have their image's size are padded alike: class maps (`sparse_sem_seg`, `box_sem_seg`, `gt_sem_seg`)
    with `ignore_index`, `pseudo_mask` with 0.5, undecided. A dense truth that was left at its native size stays as it
    is. Metainfo gets `batch_input_shape`.

    Args:
        mean, std: per channel, on the scale 0..255.
        size_divisor: H and W become multiples of this.
        ignore_index: the value that padding has in label maps.
    """

    def __init__(
        self,
        *,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        size_divisor: int = 1,
        ignore_index: int = 255,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.size_divisor = size_divisor
        self.ignore_index = ignore_index
        self.padding = {
            **dict.fromkeys(("sparse_sem_seg", "box_sem_seg", "gt_sem_seg"), ignore_index),
            "pseudo_mask": UNDECIDED,
        }

    def forward(self, data: dict, training: bool = False) -> dict:
        """See the class. Raises UserError if `data` is not what a pipeline ending in PackImageInputs gives."""
        inputs = data.get("inputs")
        if not isinstance(inputs, dict) or "image" not in inputs:
            raise UserError(
                "ImagePreprocessor expects inputs={'image': [tensor (3, H, W), ...]}; end the pipeline with "
                f"PackImageInputs and collate with pseudo_collate. It got {_describe(inputs)}."
            )
        data = self.cast_data(data)
        looks = {
            name: [(image.float() - self.mean) / self.std for image in data["inputs"][name]]
            for name in LOOKS
            if name in inputs
        }
        images = looks["image"]
        height, width = (self._padded(max(image.shape[axis] for image in images)) for axis in (1, 2))
        batch = {
            name: torch.stack([pad_to(image, height, width, 0.0) for image in look]) for name, look in looks.items()
        }
        samples = data.get("data_samples")
        for sample, image in zip(samples or (), images, strict=False):
            sample.set_metainfo({"batch_input_shape": (height, width)})
            if training:
                self._pad_labels(sample, own=image.shape[-2:], padded=(height, width))
        return {"inputs": batch, "data_samples": samples}

    def _padded(self, length: int) -> int:
        return -(-length // self.size_divisor) * self.size_divisor

    def _pad_labels(self, sample: SegDataSample, *, own: Sequence[int], padded: tuple[int, int]) -> None:
        """own: size of the sample's image; padded: that of the batch."""
        for key, value in self.padding.items():
            if key in sample and sample.get(key).data.shape[-2:] == own:
                sample.set_data({key: PixelData(data=pad_to(sample.get(key).data, *padded, value))})


def pad_to(values: Tensor, height: int, width: int, value: float) -> Tensor:
    """Pad (C, H, W) on the right and below to (C, height, width)."""
    return F.pad(values, (0, width - values.shape[-1], 0, height - values.shape[-2]), value=value)


def _describe(inputs: object) -> str:
    return f"a dict with {sorted(map(str, inputs))}" if isinstance(inputs, dict) else type(inputs).__name__
