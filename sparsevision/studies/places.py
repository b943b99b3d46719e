"""Tasks whose units are places: points of clouds, clicks in one view of a scene."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn

from sparsevision.annotation import PointLabels, save_annotations
from sparsevision.datasets.image_io import read_image, write_png
from sparsevision.datasets.points.classes import IGNORE_INDEX
from sparsevision.datasets.points.scene import read_scene
from sparsevision.datasets.views.dataset import SceneRays, view_rays
from sparsevision.datasets.views.labels import OBJECT, read_labels, reference_view
from sparsevision.datasets.views.sample import ViewSample
from sparsevision.engine.overrides import option_word
from sparsevision.layers.promptable import GrabCut
from sparsevision.registry import DATASETS
from sparsevision.selection import pixel_candidates, point_candidates
from sparsevision.studies.task import StudyTask, batches, build_samples

SPACING = 4  # side in pixels of the cells whose middles can be clicked


class CloudPointTask(StudyTask):
    """Points of clouds: the same budget in each; candidates are one point a voxel (`point_candidates`)."""

    unit = "points a cloud"

    @cached_property
    def scenes(self) -> list[dict]:
        """What the data set knows of each cloud; its own sparse labels are passed over."""
        dataset = build_samples(self.cfg, sparse=None)
        return [dataset.get_data_info(row) for row in range(len(dataset))]

    @cached_property
    def _candidates(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Indices and features of each cloud's candidates."""
        clouds = [read_scene(each["scene_dir"]) for each in self.scenes]
        return [point_candidates(np.hstack([each.coord, each.color.astype(np.float32)])) for each in clouds]

    @cached_property
    def names(self) -> list[str]:
        pairs = zip(self.scenes, self._candidates, strict=True)
        return [f"{scene['scene']}:{index}" for scene, (indices, _) in pairs for index in indices]

    @property
    def groups(self) -> list[np.ndarray]:
        ends = np.cumsum([len(indices) for indices, _ in self._candidates])
        return np.split(np.arange(ends[-1]), ends[:-1])

    def features(self, cache: Path) -> np.ndarray:
        return np.vstack([features for _, features in self._candidates])

    @cached_property
    def counts(self) -> np.ndarray:
        return np.ones(len(self.names), dtype=np.int64)

    def options(self, chosen: Sequence[str], folder: Path) -> list[str]:
        by_scene: dict[str, list[int]] = {scene["scene"]: [] for scene in self.scenes}
        for name in chosen:
            scene, _, index = name.rpartition(":")
            by_scene[scene].append(int(index))
        labels = {each["scene"]: self._labels(each["scene_dir"], by_scene[each["scene"]]) for each in self.scenes}
        path = (folder / "point_labels.npz").resolve()
        save_annotations(path, labels)
        return [option_word("+train_dataloader.dataset.sparse", path)]

    @staticmethod
    def _labels(scene_dir: str, chosen: list[int]) -> PointLabels:
        """The truth at the chosen points; those of no class are paid for and teach nothing."""
        segment, indices = read_scene(scene_dir).segment, np.array(sorted(chosen), dtype=np.int64)
        kept = indices[segment[indices] != IGNORE_INDEX]
        return PointLabels(indices=kept, labels=segment[kept].astype(np.int64), size=(len(segment),))

    def probabilities(self, model: nn.Module, folder: Path) -> np.ndarray:
        """Of each candidate: the probabilities of its voxel."""
        pipeline = self.cfg.test_dataloader.dataset.pipeline
        dataset = build_samples(self.cfg, pipeline=pipeline, test_mode=True, sparse=None)
        rows = []
        with torch.inference_mode():
            for (indices, _), scene, (inputs, samples) in zip(
                self._candidates, self.scenes, batches(model, dataset), strict=True
            ):
                scores = model(inputs, samples, mode="tensor").float().softmax(dim=1).cpu().numpy()
                rows.append(scores[_voxel_of(scene["scene_dir"], samples[0].point_to_voxel.cpu().numpy())[indices]])
        return np.vstack(rows)


def _voxel_of(scene_dir: str, voxels: np.ndarray) -> np.ndarray:
    """Voxel of each point; `voxels` belong to the points that there were before the cloud was thinned."""
    original = read_scene(scene_dir).original_to_point
    if original is None:
        return voxels
    first = np.zeros(int(original.max()) + 1, dtype=np.int64)
    first[original] = np.arange(len(original))
    return voxels[first]


class ViewClickTask(StudyTask):
    """Clicks in one view of a scene: GrabCut makes them a mask of that view, the only one that is learnt from.

    The first click is always in the middle of the object, as a person points at what shall go; selectors place the
    others. A click on the object is positive, any other one negative.
    """

    unit = "clicks"

    @cached_property
    def _scene(self) -> tuple[SceneRays, int, np.ndarray]:
        """The data set, the view that is clicked in, and its true mask (H, W)."""
        settings = self.cfg.train_dataloader.dataset
        dataset = DATASETS.build(settings)
        labels = read_labels(dataset.scene, settings.get("labels") or "label")
        view = reference_view(dataset.scene, labels)
        return dataset, view, labels[view] == OBJECT

    @property
    def image(self) -> np.ndarray:
        """The view, (H, W, 3)."""
        dataset, view, _ = self._scene
        return read_image(dataset.scene.image_files[view])

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        return pixel_candidates(self.image, spacing=SPACING)

    @cached_property
    def names(self) -> list[str]:
        return [f"{x},{y}" for x, y in self._places[0]]

    @property
    def first(self) -> list[int]:
        mask, places = self._scene[2], self._places[0]
        inside = np.flatnonzero(mask[places[:, 1], places[:, 0]])
        middle = np.argwhere(mask).mean(axis=0)[::-1]
        candidates = inside if len(inside) else np.arange(len(places))
        return [int(candidates[np.square(places[candidates] - middle).sum(axis=1).argmin()])]

    def features(self, cache: Path) -> np.ndarray:
        return self._places[1]

    @cached_property
    def counts(self) -> np.ndarray:
        return np.ones(len(self.names), dtype=np.int64)

    def options(self, chosen: Sequence[str], folder: Path) -> list[str]:
        dataset, view, mask = self._scene
        points = self._places[0][self.rows(chosen)]
        labels = mask[points[:, 1], points[:, 0]].astype(np.int64)
        segmenter = GrabCut()
        answer = segmenter.predict(segmenter.set_image(self.image), points=points, labels=labels)
        found = answer.upsample().numpy() > 0
        found[points[:, 1], points[:, 0]] = labels == 1
        target = (folder / "label").resolve()
        target.mkdir(parents=True, exist_ok=True)
        write_png(target / f"{dataset.scene.image_names[view]}.png", np.where(found, 255, 0).astype(np.uint8))
        return [option_word("+train_dataloader.dataset.labels", target)]

    def probabilities(self, model: nn.Module, folder: Path) -> np.ndarray:
        """The field's objectness at each place."""
        dataset, view, _ = self._scene
        rays = view_rays(dataset.scene, view, pixel_centre=dataset.pixel_centre, undistort=dataset.undistort)
        item = {"inputs": {"rays": rays, "near_far": dataset.near_far}, "data_samples": ViewSample()}
        ((inputs, samples),) = batches(model, [item])
        with torch.inference_mode():
            objectness = model(inputs, samples, mode="predict")[0].pred_objectness.cpu().numpy()
        places = self._places[0]
        found = objectness[places[:, 1], places[:, 0]].astype(np.float64)
        return np.stack([found, 1 - found], axis=1)
