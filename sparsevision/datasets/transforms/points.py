"""The pipeline of point clouds: load a prepared scene, make views or evaluation voxels of it, pack tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from torch import Tensor

from sparsevision.datasets.points.classes import IGNORE_INDEX
from sparsevision.datasets.points.cloud import PointCloud
from sparsevision.datasets.points.sample import PointSegSample
from sparsevision.datasets.points.scene import Scene, read_scene
from sparsevision.datasets.points.settings import ElasticSettings, ViewSettings
from sparsevision.datasets.points.view import TrainingItem, View, evaluation_view, label_survival, training_item
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

META_KEYS = ("scene", "sample_id", "dataset", "scene_dir", "label_survival", "voxel_size")


@TRANSFORMS.register_module()
class LoadPointScene(BaseTransform):
    """Read a scene: adds "cloud", a `PointCloud` whose labels are those given at the sample's `indices` if it has any.

    Colours are float32. "original_to_point" and "original_segment" are added where the set was thinned.
    """

    def transform(self, results: dict) -> dict:
        scene = read_scene(results["scene_dir"])
        cloud = PointCloud(
            points=np.asarray(scene.coord),
            colours=np.asarray(scene.color, dtype=np.float32),
            labels=_labels(scene),
            ignore_index=IGNORE_INDEX,
        )
        if results.get("indices") is not None:
            given = results.get("given_labels")
            cloud = cloud.with_only_labels_at(results["indices"], given=given, scene=results["scene"])
        more = {name: getattr(scene, name) for name in ("original_to_point", "original_segment")}
        return results | {"cloud": cloud} | {name: array for name, array in more.items() if array is not None}


def _labels(scene: Scene) -> np.ndarray:
    if scene.segment is None:
        return np.full(len(scene), IGNORE_INDEX, dtype=np.int64)
    return np.asarray(scene.segment, dtype=np.int64)


@TRANSFORMS.register_module()
class MakeTwoViews(BaseTransform):
    """Two random views of "cloud" and what they share.

    Adds "views", a `TrainingItem`, "label_survival" and "voxel_size".

    Args:
        views: the values of `ViewSettings`; `elastic` as ((granularity, magnitude), ...) in metres.
        preset: "published", or "fixed" for `ViewSettings.fixed`, in which no label and no match is lost.

    Raises:
        UserError: from the constructor, an unknown value, one out of its range, or another preset.
    """

    def __init__(self, *, views: Mapping[str, Any], preset: str = "published") -> None:
        if preset not in ("published", "fixed"):
            raise UserError(f"preset={preset!r}; expected published or fixed.")
        settings = view_settings(views)
        self.settings = settings.fixed() if preset == "fixed" else settings

    def transform(self, results: dict) -> dict:
        rng = np.random.default_rng(np.random.randint(0, 2**31, size=4))  # noqa: NPY002 (seeded by SeededDataset)
        item = training_item(results["cloud"], self.settings, rng)
        survival = np.mean([label_survival(results["cloud"], view) for view in (item.view1, item.view2)])
        return results | {
            "views": item,
            "label_survival": float(survival),
            "voxel_size": self.settings.voxel_size,
        }


def view_settings(values: Mapping[str, Any]) -> ViewSettings:
    """The settings that a config's dict means. Raises UserError for an unknown or impossible value."""
    known = ViewSettings.__dataclass_fields__
    unknown = [name for name in values if name not in known]
    if unknown or "voxel_size" not in values:
        wrong = f"has no {unknown[0]!r}" if unknown else "needs voxel_size"
        raise UserError(f"views: {wrong}; expected some of {', '.join(known)}.")
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    elastic = tuple(ElasticSettings(*step) for step in plain.pop("elastic", ()))
    return ViewSettings(elastic=elastic, **plain)


@TRANSFORMS.register_module()
class MakeEvaluationVoxels(BaseTransform):
    """The voxels of "cloud", nothing random: adds "view" and "voxel_size".

    Args:
        voxel_size: side of a voxel in metres.
    """

    def __init__(self, *, voxel_size: float) -> None:
        self.voxel_size = voxel_size

    def transform(self, results: dict) -> dict:
        return results | {
            "view": evaluation_view(results["cloud"], voxel_size=self.voxel_size),
            "voxel_size": self.voxel_size,
        }


@TRANSFORMS.register_module()
class PackPointInputs(BaseTransform):
    """Results -> {"inputs": {name: tensor}, "data_samples": PointSegSample}; `PointPreprocessor` makes batches of them.

    Of "views": inputs coords1, colours1, coords2, colours2, rows1, rows2; the sample carries `sparse_voxel_labels1` and
    `sparse_voxel_labels2`. Of "view": inputs coords, colours; the sample carries what `PointSegSample` says of testing.

    Args:
        keep_points: the sample also carries the cloud itself, for pictures and for voting.
    """

    def __init__(self, *, keep_points: bool = False) -> None:
        self.keep_points = keep_points

    def transform(self, results: dict) -> dict:
        sample = PointSegSample(metainfo={key: results[key] for key in META_KEYS if key in results})
        if self.keep_points:
            _keep_points(sample, results)
        if "views" in results:
            return {"inputs": _pack_views(results["views"], sample), "data_samples": sample}
        return {"inputs": _pack_view(results, sample), "data_samples": sample}


def _pack_views(item: TrainingItem, sample: PointSegSample) -> dict[str, Tensor]:
    inputs = {"rows1": _tensor(item.rows1, np.int64), "rows2": _tensor(item.rows2, np.int64)}
    for number, view in ((1, item.view1), (2, item.view2)):
        inputs |= _voxels(view, suffix=str(number))
        sample.set_data({f"sparse_voxel_labels{number}": _tensor(view.labels, np.int64)})
    return inputs


def _pack_view(results: dict, sample: PointSegSample) -> dict[str, Tensor]:
    view, cloud = results["view"], results["cloud"]
    rows, truth = view.voxels.inverse, np.asarray(cloud.labels)
    if "original_to_point" in results:
        rows, truth = rows[results["original_to_point"]], results["original_segment"]
    sample.gt_voxel_labels = _tensor(view.labels, np.int64)
    sample.gt_point_labels = _tensor(truth, np.int64)
    sample.point_to_voxel = _tensor(rows, np.int64)
    return _voxels(view)


def _keep_points(sample: PointSegSample, results: dict) -> None:
    sample.points = _tensor(results["cloud"].points, np.float32)
    sample.colours = _tensor(results["cloud"].colours, np.float32)
    if "original_to_point" in results:
        sample.original_to_point = _tensor(results["original_to_point"], np.int64)


def _voxels(view: View, *, suffix: str = "") -> dict[str, Tensor]:
    return {f"coords{suffix}": _tensor(view.coords, np.int64), f"colours{suffix}": _tensor(view.colours, np.float32)}


def _tensor(array: np.ndarray, kind: type) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=kind, order="C"))
