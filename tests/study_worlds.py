"""A shipped config's training set with words of a study put to it."""

from typing import Any

from sparsevision.engine import read_config
from sparsevision.engine.overrides import options_of
from sparsevision.registry import DATASETS


def restricted(world: tuple[str, list[str]], words: list[str]) -> Any:
    """The training set of (config, its words) with more words, as training builds it."""
    config, own = world
    cfg = read_config(config, options_of([*own, *words]))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if hasattr(dataset, "full_init"):
        dataset.full_init()
    return dataset
