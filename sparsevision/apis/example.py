"""A config's model with a random batch: for benchmarks, operation counts and the tests of the configs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.model import BaseModel

from sparsevision.apis.model import build_model
from sparsevision.engine import read_config
from sparsevision.synthetic.batches import example_batch


@dataclass(frozen=True)
class Example:
    """A built model and a collated batch for it."""

    model: BaseModel
    batch: dict[str, Any]

    def forward(self, mode: str) -> Any:
        """Preprocess the batch and run it in one of the modes "tensor", "loss", "predict"."""
        data = self.model.data_preprocessor(self.batch, mode == "loss")
        return self.model(**data, mode=mode)


def build_example(
    config: str | Path | Config,
    *,
    size: tuple[int, int],
    count: int = 1,
    checkpoint: str | Path | None = None,
    device: str = "cpu",
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Example:
    """Build a config's model in evaluation mode, with random weights unless a checkpoint is given.

    Args:
        config: a Config, a path, or the name of a shipped config.
        size: (height, width) of the samples.
        count: samples in the batch.
        checkpoint: weights to load.
        device: where the model goes.
        options: strict overrides, as `--cfg-options` gives them.
        seed: of the batch.

    Raises:
        UserError: no such config, an unknown override, a checkpoint that does not fit.
    """
    model = build_model(read_config(config, options), checkpoint)
    batch = example_batch(model, size=size, count=count, rng=np.random.default_rng(seed))
    return Example(model.to(device).eval(), batch)
