"""Which `StudyTask` a config is, and which kind of annotation it learns from."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from sparsevision.datasets.detection.coco import CocoDetectionDataset
from sparsevision.datasets.detection.sparse_boxes import SparseBoxes
from sparsevision.datasets.events.dataset import EventSegDataset
from sparsevision.datasets.image_folder import ImageFolderDataset
from sparsevision.datasets.points.dataset import PointSegDataset
from sparsevision.datasets.video.videos import VideoClips
from sparsevision.datasets.views.dataset import SceneRays
from sparsevision.registry import DATASETS
from sparsevision.studies.places import CloudPointTask, ViewClickTask
from sparsevision.studies.samples import BoxTask, EventTask, ImageTask, TrackTask
from sparsevision.studies.task import FREE, StudySettings, StudyTask
from sparsevision.utils import UserError

TASKS: tuple[tuple[type, type[StudyTask]], ...] = (
    (ImageFolderDataset, ImageTask),
    (EventSegDataset, EventTask),
    (PointSegDataset, CloudPointTask),
    (CocoDetectionDataset, BoxTask),
    (SparseBoxes, BoxTask),
    (SceneRays, ViewClickTask),
    (VideoClips, TrackTask),
)
FIXED = {CloudPointTask: "cloud_point", BoxTask: "box", ViewClickTask: "click", TrackTask: "track_entry"}
NAMED = ("point", "scribble", "click", "box")  # in names of folders of sparse labels


def build_task(cfg: Config, *, name: str) -> StudyTask:
    """The task of a config; name: of the config, for messages.

    Raises:
        UserError: it does not train, or its labels cannot be simulated, or nobody says of which kind they are.
    """
    settings = StudySettings.of(cfg)
    if cfg.get("train_cfg") is None or cfg.get("train_dataloader") is None:
        raise UserError(f"{name} does not train, so that no budget of annotations changes it.")
    if cfg.get("test_dataloader") is None or cfg.get("test_evaluator") is None:
        raise UserError(f"{name} has no test_dataloader with a test_evaluator, so that a study has no metric.")
    dataset = cfg.train_dataloader.dataset
    kind = DATASETS.get(dataset["type"]) if isinstance(dataset["type"], str) else dataset["type"]
    task = next((task for base, task in TASKS if issubclass(kind, base)), None)
    if task is None:
        known = ", ".join(base.__name__ for base, _ in TASKS)
        raise UserError(
            f"{name}: no labels of {kind.__name__} can be simulated; a study takes training data of {known}."
        )
    return task(cfg, settings, settings.kind or _told_kind(cfg, dataset, task, name))


def _told_kind(cfg: Config, dataset: Any, task: type[StudyTask], name: str) -> str:
    if task is EventTask:
        clicked = cfg.model.get("labels", "sparse_sem_seg") != "gt_sem_seg" and dataset.get("points") is not None
        return "point" if clicked else "mask"
    if task is CloudPointTask and dataset.get("sparse") is None:
        return FREE
    if task is not ImageTask:
        return FIXED[task]
    if dataset.get("pseudo_dir"):
        raise UserError(f"{name} learns from pseudo labels, which nobody annotates; take a config with sparse labels.")
    if any("LoadMask" in _type_name(step) for step in dataset.pipeline):
        return "mask"
    return kind_of_folder(dataset.get("sparse_dir") or "", name)


def kind_of_folder(sparse_dir: str, name: str) -> str:
    """The kind that the last part of a folder of sparse labels is called after: "Annotations/box" holds boxes.

    Raises:
        UserError: it says nothing, or several kinds.
    """
    folder = Path(sparse_dir).name
    found = [kind for kind in NAMED if kind in folder.lower()]
    if len(found) != 1:
        said = f"'{folder}' may be {' or '.join(found)}" if found else "nothing says of which kind its labels are"
        raise UserError(f"{name}: {said}; add study = dict(kind='{(found or NAMED)[0]}') or another.")
    return found[0]


def _type_name(step: Any) -> str:
    kind = step["type"]
    return kind if isinstance(kind, str) else kind.__name__
