"""From collated event samples to a batch on the model's device."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.datasets.preprocessor import pad_to
from sparsevision.datasets.transforms.event_grids import LABEL_KEYS
from sparsevision.registry import MODELS
from sparsevision.utils import UserError


@MODELS.register_module()
class EventPreprocessor(BaseDataPreprocessor):
    """Pad event grids to a common size and stack them.

    Takes {"inputs": {"events": [float (C, H_i, W_i), ...], "events_reversed": likewise}, "data_samples": [...]} as
    `pseudo_collate` makes it, returns the same with float32 (B, C, H, W). Padding is zero (no event), on the right and
    below. In training, labels that have their grids' size are padded alike with `ignore_index`. Metainfo gets
    `batch_input_shape`.

    Args:
        size_divisor: H and W become multiples of this; the network halves them three times.
        ignore_index: the value that padding has in label maps.
    """

    def __init__(self, *, size_divisor: int = 8, ignore_index: int = 255, non_blocking: bool = False) -> None:
        super().__init__(non_blocking=non_blocking)
        self.size_divisor = size_divisor
        self.ignore_index = ignore_index

    def forward(self, data: dict, training: bool = False) -> dict:
        """See the class. Raises UserError if `data` is not what a pipeline ending in PackEventInputs gives."""
        inputs = data.get("inputs")
        if not isinstance(inputs, dict) or "events" not in inputs:
            kind = f"a dict with {sorted(map(str, inputs))}" if isinstance(inputs, dict) else type(inputs).__name__
            raise UserError(
                "EventPreprocessor expects inputs={'events': [tensor (C, H, W), ...]}; end the pipeline with "
                f"PackEventInputs and collate with pseudo_collate. It got {kind}."
            )
        data = self.cast_data(data)
        grids = data["inputs"]["events"]
        size = tuple(self._padded(max(grid.shape[axis] for grid in grids)) for axis in (1, 2))
        samples = data.get("data_samples")
        for sample, grid in zip(samples or (), grids, strict=False):
            sample.set_metainfo({"batch_input_shape": size})
            if training:
                self._pad_labels(sample, own=grid.shape[-2:], padded=size)
        batch = {
            name: torch.stack([pad_to(grid.float(), *size, 0.0) for grid in stream])
            for name, stream in data["inputs"].items()
        }
        return {"inputs": batch, "data_samples": samples}

    def _padded(self, length: int) -> int:
        return -(-length // self.size_divisor) * self.size_divisor

    def _pad_labels(self, sample: SegDataSample, *, own: Sequence[int], padded: tuple[int, int]) -> None:
        """own: size of the sample's grids; padded: that of the batch."""
        for key in LABEL_KEYS:
            if key in sample and sample.get(key).data.shape[-2:] == own:
                sample.set_data({key: PixelData(data=pad_to(sample.get(key).data, *padded, self.ignore_index))})
