"""From collated point-cloud samples to a batch on the model's device."""

from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from sparsevision.registry import MODELS
from sparsevision.utils import UserError

VIEWS = ("", "1", "2")  # endings of the inputs: one evaluation view, or two training views


@MODELS.register_module()
class PointPreprocessor(BaseDataPreprocessor):
    """Put the voxels of a batch one below the other.

    Takes {"inputs": {"coords": [int (m_i,3), ...], "colours": [float (m_i,3) in 0..255, ...]}, "data_samples": [...]}
    as `pseudo_collate` makes it, or the same with coords1, colours1, coords2, colours2, rows1, rows2 for two views.
    Gives "coords" (M,4) int64 (batch, x, y, z) and "feats" (M,3) float32, colours / 255 - 0.5; for two views also
    "pairs1" and "pairs2" (k,2) int64 (sample, row within the sample).

    Args:
        max_voxels: samples are left out, last ones first, until both views of a training batch hold no more than this;
            the first sample always stays (published: a batch of nothing, which crashes). None for no limit.
    """

    def __init__(self, *, max_voxels: int | None = 1_000_000, non_blocking: bool = False) -> None:
        super().__init__(non_blocking=non_blocking)
        self.max_voxels = max_voxels

    def forward(self, data: dict, training: bool = False) -> dict:
        """See the class. Raises UserError if `data` is not what a pipeline ending in PackPointInputs gives."""
        inputs = data.get("inputs")
        if not isinstance(inputs, dict) or not {"coords", "coords1"} & inputs.keys():
            kind = f"a dict with {sorted(map(str, inputs))}" if isinstance(inputs, dict) else type(inputs).__name__
            raise UserError(
                "PointPreprocessor expects inputs={'coords': [tensor (m, 3), ...], 'colours': ...}; end the pipeline "
                f"with PackPointInputs and collate with pseudo_collate. It got {kind}."
            )
        if training and self.max_voxels is not None:
            data = self._within_limit(data)
        data = self.cast_data(data)
        inputs = data["inputs"]
        batch: dict[str, Tensor] = {}
        for view in VIEWS:
            if f"coords{view}" in inputs:
                batch[f"coords{view}"] = with_batch_index(inputs[f"coords{view}"])
                batch[f"feats{view}"] = torch.cat(inputs[f"colours{view}"]).float() / 255 - 0.5
        for number in ("1", "2"):
            if f"rows{number}" in inputs:
                batch[f"pairs{number}"] = with_batch_index([rows[:, None] for rows in inputs[f"rows{number}"]])
        return {"inputs": batch, "data_samples": data.get("data_samples")}

    def _within_limit(self, data: dict) -> dict:
        inputs = data["inputs"]
        coords = [inputs[f"coords{view}"] for view in VIEWS if f"coords{view}" in inputs]
        totals = torch.tensor([sum(map(len, views)) for views in zip(*coords, strict=True)]).cumsum(0)
        fitting = max(1, int((totals <= self.max_voxels).sum()))
        if fitting == len(totals):
            return data
        print_log(
            f"a batch of {int(totals[-1])} voxels: the last {len(totals) - fitting} of {len(totals)} scenes are "
            f"left out (max_voxels={self.max_voxels})",
            logger="current",
        )
        samples = data.get("data_samples")
        return {
            "inputs": {name: values[:fitting] for name, values in inputs.items()},
            "data_samples": None if samples is None else samples[:fitting],
        }


def with_batch_index(parts: list[Tensor]) -> Tensor:
    """Whole numbers [(m_i,c), ...] one below the other, with the position in the list in front: (M,c+1) int64."""
    numbered: list[Any] = [
        torch.cat([part.new_full((len(part), 1), index), part], dim=1) for index, part in enumerate(parts)
    ]
    return torch.cat(numbered).long()
