"""Prepared point-cloud sets for semantic segmentation: ScanNet, S3DIS, SemanticKITTI."""

import json
from pathlib import Path
from typing import ClassVar

from mmengine.logging import print_log

from sparsevision.annotation import PointLabels
from sparsevision.datasets.points.classes import KITTI19, S3DIS13, SCANNET20, ClassSet
from sparsevision.datasets.points.scene import scene_keys
from sparsevision.datasets.points.sparse_labels import load_point_labels
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError


class PointSegDataset(SeededDataset):
    """Scenes of a prepared set, with sparse labels if a file of them is named.

    A sample is {"scene_dir", "scene": key, "indices": labelled points (k,) or None for all, "given_labels": what the
    file of labels says of these points (k,), "sample_id", "dataset"}.
    A scene whose file of labels names no point stays: it takes part in what needs no labels, and is counted in the log.

    Args:
        data_root: the prepared set (`sparsevision.datasets.points.scene`).
        split: name of its list of scenes, splits/<split>.txt; several are joined with "+", "area_1+area_2".
        sparse: file of sparse labels, relative to `data_root`; None: every point has its label.
        prepare: how to get the data, said in the error when they are missing.
        kwargs: passed on to SeededDataset (pipeline, seed, test_mode, indices, ...).

    Raises:
        UserError: the set, a scene or its labels are missing or do not fit together; the message names the file.
    """

    CLASSES: ClassVar[ClassSet]

    def __init__(self, *, data_root: str, split: str, sparse: str | None = None, prepare: str = "", **kwargs) -> None:
        self.split, self.sparse, self.prepare = split, sparse, prepare
        super().__init__(data_root=data_root, metainfo=kwargs.pop("metainfo", None), **kwargs)

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        own = {"classes": cls.CLASSES.classes, "palette": [list(colour) for colour in cls.CLASSES.palette]}
        return own | super()._load_metainfo(metainfo)

    def load_data_list(self) -> list[dict]:
        """One dict a scene."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise UserError(f"{root}: there is no such folder. {self.prepare}".strip())
        self._check_classes(root / "dataset.json")
        keys = [key for part in self.split.split("+") for key in scene_keys(root, part, prepare=self.prepare)]
        missing = [key for key in keys if not (root / key).is_dir()]
        if missing:
            raise UserError(
                f"{root}: {len(missing)} scenes of the split '{self.split}' are missing, the first is {missing[0]}. "
                f"{self.prepare}".strip()
            )
        return [self._sample(key, points) for key, points in self._labelled_points(keys).items()]

    def _check_classes(self, card: Path) -> None:
        """Raises UserError if the card of the set names other classes; a set without a card is taken as it is."""
        if not card.is_file():
            return
        try:
            classes = json.loads(card.read_text(encoding="utf-8"))["classes"]
            found = [str(name) for name in classes]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{card}: is no card of a prepared set; convert the set again.") from error
        if found != list(self.CLASSES.classes):
            raise UserError(
                f"{card}: the set has the classes {', '.join(found)}; {type(self).__name__} expects "
                f"{', '.join(self.CLASSES.classes)}. Correct data_root, or the type of the data set."
            )

    def _labelled_points(self, keys: list[str]) -> dict[str, PointLabels | None]:
        if self.sparse is None:
            return dict.fromkeys(keys)
        path = Path(self.data_root) / self.sparse
        if not path.is_file():
            raise UserError(
                f"{path}: there is no such file of sparse labels. Make it with tools/annotation/point_labels.py "
                f"{self.data_root} --split {self.split} (docs/sparse_annotations.md)."
            )
        labels = load_point_labels(path, root=self.data_root, keys=keys)
        counts = [len(labels[key]) for key in keys]
        print_log(
            f"{path.name}: {sum(counts)} labelled points in {len(keys)} scenes, {min(counts)} to {max(counts)} each, "
            f"{counts.count(0)} scenes without any",
            logger="current",
        )
        return labels

    def _sample(self, key: str, points: PointLabels | None) -> dict:
        return {
            "scene_dir": str(Path(self.data_root) / key),
            "scene": key,
            "indices": None if points is None else points.indices,
            "given_labels": None if points is None else points.labels,
            "sample_id": key.replace("/", "_"),
            "dataset": self.CLASSES.name,
        }


@DATASETS.register_module()
class ScanNetDataset(PointSegDataset):
    """ScanNet V2 with its 20 classes (Dai et al., CVPR 2017). Arguments: see `PointSegDataset`."""

    CLASSES = SCANNET20


@DATASETS.register_module()
class S3DISDataset(PointSegDataset):
    """S3DIS with 13 classes, stairs left out (Armeni et al., CVPR 2016). Arguments: see `PointSegDataset`."""

    CLASSES = S3DIS13


@DATASETS.register_module()
class SemanticKITTIDataset(PointSegDataset):
    """SemanticKITTI with 19 classes, cropped to the front camera (Behley et al., ICCV 2019)."""

    CLASSES = KITTI19
