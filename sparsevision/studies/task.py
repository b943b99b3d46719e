"""What a budget study must know of a config: what can be annotated, what that costs, how a choice is trained on."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from sparsevision.annotation import CostModel
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError, did_you_mean

PRICES = tuple(field.name for field in fields(CostModel))
FREE = "cloud"  # a cloud whose every point is labelled: the cost model has no price for it


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """The `study = dict(...)` of a config; each may be left out.

    Args:
        kind: of annotation: a price of `CostModel` ("point", "scribble", "box", "mask", ...). Default: told from the
            data set, where that can be done.
        metric: of the table and the picture, e.g. "cod/wF"; default: the first one that every run reports.
        features: what selectors see of images: "efficientnet_lite0", or "thumbnail" (8 x 8 colours, no weights).
        lower_is_better: of the metric.

    Raises:
        UserError: no such kind of annotation or features.
    """

    kind: str | None = None
    metric: str | None = None
    features: str = "efficientnet_lite0"
    lower_is_better: bool = False

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in PRICES:
            hint = did_you_mean(self.kind, PRICES)
            raise UserError(f"study.kind={self.kind!r}: expected a price of {', '.join(PRICES)}.{hint}")
        if self.features not in ("efficientnet_lite0", "thumbnail"):
            raise UserError(f"study.features={self.features!r}: expected 'efficientnet_lite0' or 'thumbnail'.")

    @classmethod
    def of(cls, cfg: Config) -> "StudySettings":
        """Those of a config. Raises: UserError for an unknown name."""
        given = dict(cfg.get("study") or {})
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known)
                raise UserError(f"study has no '{name}'; it takes {', '.join(known)}.{hint}")
        return cls(**given)


class StudyTask(ABC):
    """A pool of units that can be annotated, of one config.

    Attributes:
        kind: of annotation, a price of the cost model, or "cloud".
        unit: what is counted, in words: "images", "frames", "points a cloud".
    """

    unit: str

    def __init__(self, cfg: Config, settings: StudySettings, kind: str) -> None:
        self.cfg, self.settings, self.kind = cfg, settings, kind

    @cached_property
    @abstractmethod
    def names(self) -> list[str]:
        """Names (N) of the units, all different."""

    @property
    def groups(self) -> list[np.ndarray]:
        """Rows of units from which a budget each is chosen: all units, or those of one cloud at a time."""
        return [np.arange(len(self.names))]

    @property
    def first(self) -> list[int]:
        """Rows that every choice begins with."""
        return []

    @abstractmethod
    def features(self, cache: Path) -> np.ndarray:
        """What selectors see of the units, (N, D). cache: folder where what is dear may be kept."""

    @cached_property
    @abstractmethod
    def counts(self) -> np.ndarray:
        """Annotations (N,) of each unit: its points, strokes, boxes or places of tracks."""

    @abstractmethod
    def options(self, chosen: Sequence[str], folder: Path) -> list[str]:
        """Words of --cfg-options after which the config trains on the chosen units alone.

        Files of labels that this needs are written to the folder.
        """

    @abstractmethod
    def probabilities(self, model: nn.Module, folder: Path) -> np.ndarray:
        """Rows (N, C) that sum to 1, from which uncertainty is read. folder: the run's, for files.

        Raises:
            UserError: the method predicts nothing of the kind.
        """

    def rows(self, chosen: Sequence[str]) -> np.ndarray:
        """Row of each name. Raises: UserError for a name that is not in the pool."""
        known = {name: row for row, name in enumerate(self.names)}
        missing = [name for name in chosen if name not in known]
        if missing:
            raise UserError(
                f"'{missing[0]}' is not among the {len(known)} {self.unit} to choose from; did data change?"
            )
        return np.array([known[name] for name in chosen], dtype=np.int64)

    def annotations(self, chosen: Sequence[str]) -> int:
        """How many points, strokes, boxes, ... the chosen units hold."""
        return int(self.counts[self.rows(chosen)].sum())

    def seconds(self, chosen: Sequence[str], costs: CostModel) -> float | None:
        """What they cost; None where the cost model has no price."""
        return None if self.kind == FREE else self.annotations(chosen) * getattr(costs, self.kind)

    @property
    def largest_budget(self) -> int:
        """The smallest group decides."""
        return min(len(group) for group in self.groups)


def build_samples(cfg: Config, *, pipeline: Any = None, **changes: Any) -> Any:
    """The training data set of a config, with another pipeline (None: none at all) and other options.

    A wrapper that thins annotations out (`SparseBoxes`) is kept around the set inside it.
    """
    settings = cfg.train_dataloader.dataset.copy()
    inner = settings
    if "dataset" in settings and "pipeline" not in settings:
        inner = settings["dataset"] = settings["dataset"].copy()
    inner.update(changes)
    inner["pipeline"] = pipeline or []
    dataset = DATASETS.build(settings)
    dataset.full_init()
    return dataset


def margins(scores: Tensor) -> Tensor:
    """Best minus second best probability. scores (B, C, ...) sum to 1 over C; returns (B, ...)."""
    best = scores.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def two_way(margin: np.ndarray) -> np.ndarray:
    """Mean margins (N,) as probabilities (N, 2) of the best and the second best class: of margin 0 both are 1/2."""
    margin = np.clip(margin, 0.0, 1.0)
    return np.stack([(1 + margin) / 2, (1 - margin) / 2], axis=1)


def batches(model: nn.Module, dataset: Any) -> Iterator[tuple[dict, list]]:
    """Inputs and samples of one item after the other, as the model gets them in testing."""
    for index in range(len(dataset)):
        with torch.inference_mode():
            batch = model.data_preprocessor(pseudo_collate([dataset[index]]), False)
            yield batch["inputs"], batch["data_samples"]
