"""What metrics read from samples, data elements or the dicts that an Evaluator makes of them, and means over these."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.structures import BaseDataElement, InstanceData
from numpy.typing import NDArray

from sparsevision.utils import UserError

Sample = Mapping[str, Any] | BaseDataElement


def field_of(sample: Sample, name: str, *, metric: str) -> Mapping[str, Any] | InstanceData:
    """The instances that a sample has under a name. Raises UserError if it has none."""
    value = sample.get(name)
    if value is None:
        raise UserError(
            f"{name_of(sample)}: the sample has no {name}, which {metric} needs; use it with a detector, and end the "
            "pipeline with LoadBoxes and PackDetectionInputs."
        )
    return value


def array_of(values: Any) -> NDArray:
    """A tensor of any device, or an array, as numpy."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def name_of(sample: Sample) -> str:
    """What messages call a sample."""
    return str(sample.get("sample_id") or Path(sample.get("img_path") or "unnamed").stem)


def mean_scores(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each score over the samples that have it; what no sample has is left out.

    Every number counts, that of a broken prediction, NaN, too; a perfect picture's PSNR comes here by `counted_psnr`.
    """
    names = dict.fromkeys(name for own in scores for name in own)
    return {name: float(np.mean([own[name] for own in scores if name in own])) for name in names}
