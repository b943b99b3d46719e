"""Tasks whose units are samples of the training set: images, event frames, clips."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from sparsevision.annotation import Boxes, Clicks, PointLabels, Scribbles, load_annotations
from sparsevision.datasets.image_io import read_class_map
from sparsevision.datasets.sparse_labels import read_sparse_labels
from sparsevision.datasets.transforms import DragsFromTruth
from sparsevision.studies.features import clip_features, event_features, picture_features
from sparsevision.studies.task import StudyTask, batches, build_samples, margins, two_way
from sparsevision.utils import UserError

UNLABELLED = 255
KINDS = {"point": PointLabels, "click": Clicks, "scribble": Scribbles, "box": Boxes}


class SampleTask(StudyTask):
    """Chooses samples: the others leave the training set, by mmengine's `indices`."""

    unit = "images"

    @cached_property
    def samples(self) -> list[dict]:
        """What the data set knows of each sample of the pool; "row" is its index in the set as the config has it."""
        dataset = build_samples(self.cfg)
        return [dataset.get_data_info(row) | {"row": row} for row in range(len(dataset))]

    @cached_property
    def names(self) -> list[str]:
        return [str(sample["sample_id"]) for sample in self.samples]

    def options(self, chosen: Sequence[str], folder: Path) -> list[str]:
        inner, known = self._inner()
        rows = [self.samples[row]["row"] for row in np.sort(self.rows(chosen))]
        indices = [row if known is None else known[row] for row in rows]
        return [f"+{inner}.indices=[{','.join(map(str, indices))}]"]

    def _inner(self) -> tuple[str, list[int] | None]:
        """Where in the config `indices` belong, and those that are there already."""
        settings = self.cfg.train_dataloader.dataset
        where = "train_dataloader.dataset"
        if "dataset" in settings and "pipeline" not in settings:
            settings, where = settings["dataset"], f"{where}.dataset"
        known = settings.get("indices")
        return where, list(range(known)) if isinstance(known, int) else known

    def tested(self) -> Any:
        """The pool as the test pipeline loads it."""
        return build_samples(self.cfg, pipeline=self.cfg.test_dataloader.dataset.pipeline, test_mode=True)

    def probabilities(self, model: nn.Module, folder: Path) -> np.ndarray:
        """The mean margin of each sample, see `two_way`."""
        dataset = self.tested()
        with torch.inference_mode():
            found = [float(self.margin(model, *batch)) for batch in batches(model, dataset)]
        return two_way(np.array(found))

    def margin(self, model: nn.Module, inputs: dict, samples: list) -> Tensor:
        """Of one sample: how far, on average over its pixels, the best class is ahead of the second best."""
        return margins(model(inputs, samples, mode="tensor").float().softmax(dim=1)).mean()


class ImageTask(SampleTask):
    """Images with masks or with sparse labels beside them."""

    def features(self, cache: Path) -> np.ndarray:
        files = {name: Path(sample["img_path"]) for name, sample in zip(self.names, self.samples, strict=True)}
        return picture_features(files, features=self.settings.features, cache=cache / "features.npz")

    @cached_property
    def counts(self) -> np.ndarray:
        return np.array([1 if self.kind == "mask" else self._count(Path(each["sparse_path"])) for each in self.samples])

    def _count(self, path: Path) -> int:
        """Connected pieces of a label PNG, or items of a JSON that are of the config's kind."""
        if path.suffix.lower() != ".json":
            labels = read_sparse_labels(path, ignore_index=UNLABELLED)
            return sum(
                ndimage.label(labels == value, np.ones((3, 3)))[1] for value in np.unique(labels) if value != UNLABELLED
            )
        loaded = load_annotations(path)
        items = loaded.values() if isinstance(loaded, dict) else loaded if isinstance(loaded, list) else [loaded]
        return sum(len(item) for item in items if isinstance(item, KINDS.get(self.kind, PointLabels)))


class EventTask(SampleTask):
    """Moments of event recordings, with clicks or dense labels."""

    unit = "frames"

    def features(self, cache: Path) -> np.ndarray:
        return event_features(self.tested())

    @cached_property
    def counts(self) -> np.ndarray:
        if self.kind == "mask":
            return np.ones(len(self.samples), dtype=np.int64)
        return np.array([np.count_nonzero(read_class_map(each["sparse_path"]) != UNLABELLED) for each in self.samples])


class BoxTask(SampleTask):
    """Images with boxes."""

    @cached_property
    def samples(self) -> list[dict]:
        dataset = build_samples(self.cfg)
        infos = [dataset.get_data_info(row) for row in range(len(dataset))]
        if not hasattr(dataset, "inner"):
            return [info | {"row": row} for row, info in enumerate(infos)]
        rows = {dataset.inner.get_data_info(row)["img_id"]: row for row in range(len(dataset.inner))}
        return [info | {"row": rows[info["img_id"]]} for info in infos]

    def features(self, cache: Path) -> np.ndarray:
        files = {name: Path(sample["img_path"]) for name, sample in zip(self.names, self.samples, strict=True)}
        return picture_features(files, features=self.settings.features, cache=cache / "features.npz")

    @cached_property
    def counts(self) -> np.ndarray:
        return np.array([np.count_nonzero(~sample["crowd"]) for sample in self.samples])

    def tested(self) -> Any:
        dataset = self.cfg.train_dataloader.dataset
        inner = dataset["dataset"] if "pipeline" not in dataset else dataset
        cfg = self.cfg.copy()
        cfg.train_dataloader.dataset = inner
        whole = build_samples(cfg, pipeline=self.cfg.test_dataloader.dataset.pipeline, test_mode=True)
        by_id = {whole.get_data_info(row)["img_id"]: row for row in range(len(whole))}
        return [whole[by_id[sample["img_id"]]] for sample in self.samples]

    def margin(self, model: nn.Module, inputs: dict, samples: list) -> Tensor:
        """Of the answered boxes: how far their scores are from one half, 1 for sure yes or no."""
        scores = model(inputs, samples, mode="predict")[0].pred_instances.scores
        return (2 * scores.float() - 1).abs().mean()


class TrackTask(SampleTask):
    """Clips whose motion is known, by one track on each thing that moves."""

    unit = "clips"

    def features(self, cache: Path) -> np.ndarray:
        return clip_features([each["video_path"] for each in self.samples], features=self.settings.features)

    @cached_property
    def counts(self) -> np.ndarray:
        """Places of the tracks: each track has one in the first frame and one in every later one."""
        steps = self.cfg.train_dataloader.dataset.pipeline[:2]
        dataset = build_samples(self.cfg, pipeline=[*steps, {"type": DragsFromTruth}], test_mode=True)
        tracks = [dataset[row]["tracks"] for row in range(len(dataset))]
        return np.array([(len(each) + 1) * each.shape[1] for each in tracks])

    def probabilities(self, model: nn.Module, folder: Path) -> np.ndarray:
        raise UserError(
            f"uncertainty: {type(model).__name__} predicts motion and no probabilities; leave it out of --selectors."
        )
