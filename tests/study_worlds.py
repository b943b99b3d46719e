"""What tests of studies share: data sets put to a study's words, quick settings, and processes that do not train."""

from dataclasses import dataclass
from typing import Any

from sparsevision.engine import read_config
from sparsevision.engine.overrides import options_of
from sparsevision.registry import DATASETS
from sparsevision.studies.plan import StudyRun
from sparsevision.zoo.runs import write_result

TWO_STEPS = (
    "train_cfg.max_iters=2",
    "train_dataloader.batch_size=2",
    "default_hooks.checkpoint.interval=2",
    "param_scheduler.0.end=1",
    "param_scheduler.1.begin=1",
    "param_scheduler.1.T_max=1",
)


def restricted(world: tuple[str, list[str]], words: list[str]) -> Any:
    """The training set of (config, its words) with more words, as training builds it."""
    config, own = world
    cfg = read_config(config, options_of([*own, *words]))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if hasattr(dataset, "full_init"):
        dataset.full_init()
    return dataset


@dataclass
class Ended:
    """A process that is over."""

    code: int = 0
    pid: int = 2**22 + 5

    def poll(self) -> int:
        """Its exit code."""
        return self.code

    wait = poll


def finish(run: StudyRun, slot: int, machine: object) -> Ended:
    """In place of a process that trains: more units, a better number."""
    value = 0.1 + len(run.chosen or "x" * run.budget) / 100 + run.seed / 1000
    result = {"metrics": {"cod/wF": value, "cod/MAE": 0.1}, "seconds": 2.0, "training_seconds": 1.0}
    write_result(run.save(), run.digest, result | {"chosen": list(run.chosen or ())})
    return Ended()
