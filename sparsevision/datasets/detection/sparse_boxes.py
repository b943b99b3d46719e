"""A data set some of whose boxes were never drawn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from sparsevision.annotation import kept_boxes, points_in_boxes
from sparsevision.annotation.box_protocols import check_protocol, check_spread
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

PER_BOX = ("boxes", "labels", "crowd", "annotation_ids")


@DATASETS.register_module()
class SparseBoxes(SeededDataset):
    """A training set with a part of its boxes; the others are gone, as if nobody had drawn them.

    Which boxes stay depends on the seed, image id and annotation ids alone (`sparsevision.annotation.kept_boxes`).
    Crowd regions stay: they are no objects. Transforms are those of the data set inside.

    Args:
        dataset: a `CocoDetectionDataset` for training, or its config.
        protocol: "random", "one_per_category", "easy", "hard" or "extreme".
        keep: the share that "random" keeps.
        seed: of the choice.
        keep_emptied: also keep images that lose all of their boxes. Nobody can tell them from images without objects.
        point_spread: leave a point where a box is dropped, `points` (P,2) and `point_labels` (P,): 0 in its centre, 1
            anywhere inside. None leaves nothing.

    Raises:
        UserError: a test set, whose boxes are never dropped, a set without boxes, or options that do not fit.
    """

    def __init__(
        self,
        *,
        dataset: Mapping[str, Any] | SeededDataset,
        protocol: str = "random",
        keep: float = 0.5,
        seed: int = 0,
        keep_emptied: bool = False,
        point_spread: float | None = None,
    ) -> None:
        check_protocol(protocol, keep=keep, seed=seed)
        if point_spread is not None:
            check_spread(point_spread)
        self.inner = DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset
        if self.inner.test_mode:
            raise UserError("SparseBoxes: the data set inside is for testing; boxes to test with are never dropped.")
        self.protocol = protocol
        self.keep = keep
        self.draw_seed = seed
        self.keep_emptied = keep_emptied
        self.point_spread = point_spread
        self.inner.full_init()
        super().__init__(pipeline=[self.inner.pipeline], max_refetch=self.inner.max_refetch)

    def load_data_list(self) -> list[dict]:
        """The samples of the set inside, without the boxes that are dropped."""
        self._metainfo = dict(self.inner.metainfo)
        whole = [self.inner.get_data_info(index) for index in range(len(self.inner))]
        if any(key not in whole[0] for key in PER_BOX):
            raise UserError(f"SparseBoxes: {type(self.inner).__name__} has no boxes; wrap a CocoDetectionDataset.")
        thin = [self._thinned(sample) for sample in whole]
        kept = thin if self.keep_emptied else [sample for sample in thin if not sample["crowd"].all()]
        before, after = (sum(int((~sample["crowd"]).sum()) for sample in samples) for samples in (whole, thin))
        print_log(
            f"SparseBoxes: {after} of {before} boxes ({after / max(before, 1):.1%}) in {len(kept)} of {len(whole)} "
            f"images; protocol '{self.protocol}', seed {self.draw_seed}",
            logger="current",
        )
        if not kept:
            raise UserError(f"SparseBoxes: no image keeps a box with protocol '{self.protocol}', keep={self.keep}.")
        return kept

    def _thinned(self, sample: dict) -> dict:
        where = {"seed": self.draw_seed, "image_id": sample["img_id"]}
        per_box = (sample[key] for key in ("labels", "annotation_ids", "crowd"))
        kept = kept_and_crowds(*per_box, protocol=self.protocol, keep=self.keep, **where)
        left = {key: sample[key][kept] for key in PER_BOX}
        if self.point_spread is not None:
            boxes, ids = sample["boxes"][~kept], sample["annotation_ids"][~kept]
            left["points"] = points_in_boxes(boxes, ids, spread=self.point_spread, **where)
            left["point_labels"] = sample["labels"][~kept]
        return sample | left


def kept_and_crowds(labels: NDArray, ids: NDArray, crowd: NDArray, **options: Any) -> NDArray[np.bool_]:
    """Which boxes (M,) of an image are kept or are crowds; `options` and errors are those of `kept_boxes`."""
    kept = crowd.copy()
    kept[~crowd] = kept_boxes(labels[~crowd], ids[~crowd], **options)
    return kept
