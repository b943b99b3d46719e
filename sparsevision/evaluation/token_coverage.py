"""What the tokens of a sparse encoder cover, in the Runner."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from sparsevision.evaluation.functional.tokens import covered_objects
from sparsevision.evaluation.samples import Sample, array_of, field_of, name_of
from sparsevision.evaluation.tables import share_text, text_table
from sparsevision.registry import METRICS
from sparsevision.utils import UserError

FIRST_STRIDE = 8  # pixels, of the finest level of a DETR
AREAS = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, math.inf)}  # pixels squared


@METRICS.register_module()
class TokenCoverageMetric(BaseMetric):
    """Share of objects that the tokens kept by a sparse encoder cover, layer by layer and by size of the object.

    An object is covered by a layer if that updates a token in its box (`covered_objects`). It needs no trained decoder,
    so it says early whether a selector looks at the right places. Keys: "first" and "last" (layer), each also with
    "_small", "_medium", "_large" (areas in pixels of the image file), and "kept", the share of tokens that a layer
    updates, in the mean. Samples carry `kept_tokens`, a list of (k,) indices, `token_shapes` and, where a batch was
    padded, `token_count`, see `DetectionSample`; `gt_instances` are in pixels of the network's input.

    Args:
        strides: pixels between the tokens of each level, the finest first; None: 8, 16, 32 and so on.
        prefix: of the keys.
        kwargs: see mmengine's BaseMetric.

    Raises:
        UserError: a sample without these fields, or with another number of levels than strides.
    """

    default_prefix = "covered"

    def __init__(self, *, strides: Sequence[float] | None = None, prefix: str | None = None, **kwargs) -> None:
        super().__init__(prefix=prefix, **kwargs)
        self.strides = None if strides is None else tuple(strides)

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Count a batch; samples are data elements or their `to_dict()`."""
        for sample in data_samples:
            kept, shapes = _kept_tokens(sample)
            strides = self._strides(len(shapes))
            boxes = array_of(field_of(sample, "gt_instances", metric="TokenCoverageMetric")["bboxes"])
            covered = [covered_objects(boxes, own, shapes=shapes, strides=strides) for own in kept]
            total = sample.get("token_count") or sum(height * width for height, width in shapes)
            self.results.append((_areas(boxes, sample), np.stack(covered), [len(own) / total for own in kept]))

    def _strides(self, levels: int) -> tuple[float, ...]:
        strides = self.strides or tuple(FIRST_STRIDE * 2**level for level in range(levels))
        if len(strides) != levels:
            raise UserError(f"TokenCoverageMetric: strides has {len(strides)} entries, the model has {levels} levels.")
        return strides

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The class's keys; sizes that no object has are left out."""
        areas = np.concatenate([area for area, _, _ in results])
        covered = np.concatenate([own for _, own, _ in results], axis=1)
        shares = np.mean([share for _, _, share in results], axis=0)
        sizes = {"": np.ones(len(areas), dtype=bool)}
        sizes |= {f"_{name}": (areas >= low) & (areas < high) for name, (low, high) in AREAS.items()}
        print_log("\n" + _coverage_table(covered, sizes, shares), logger="current")
        scores = {"kept": float(shares.mean())}
        for name, layer in (("first", 0), ("last", -1)):
            scores |= {f"{name}{size}": float(covered[layer, own].mean()) for size, own in sizes.items() if own.any()}
        return scores


def _kept_tokens(sample: Sample) -> tuple[list[NDArray], list[tuple[int, int]]]:
    kept, shapes = sample.get("kept_tokens"), sample.get("token_shapes")
    if not kept or shapes is None:
        raise UserError(
            f"{name_of(sample)}: the sample has no kept_tokens with token_shapes, which TokenCoverageMetric needs; "
            "they come from a detector with a selector (a dense encoder chooses none) and report_tokens=True."
        )
    return [array_of(own).astype(np.int64) for own in kept], [(int(height), int(width)) for height, width in shapes]


def _areas(boxes: NDArray, sample: Sample) -> NDArray:
    """Areas (M,) of boxes (M,4) in pixels of the image file."""
    width, height = sample.get("scale_factor") or (1.0, 1.0)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (width * height)


def _coverage_table(covered: NDArray, sizes: Mapping[str, NDArray], shares: NDArray) -> str:
    titles = ("layer", "tokens kept", *(f"{name.strip('_') or 'all'} objects" for name in sizes))
    rows = [
        [
            str(layer),
            share_text(share),
            *(share_text(own[chosen].mean() if chosen.any() else math.nan) for chosen in sizes.values()),
        ]
        for layer, (own, share) in enumerate(zip(covered, shares, strict=True))
    ]
    return text_table(titles, rows)
