"""All runs of a study: which config, selector, budget and seed, and which run must come before which."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparsevision.engine import read_config
from sparsevision.engine.overrides import options_of
from sparsevision.studies.build import build_task
from sparsevision.studies.choice import MODEL_BASED, NamedSelector, check_budgets, choose, features_of
from sparsevision.studies.task import StudyTask
from sparsevision.utils import UserError, find_config, write_json
from sparsevision.zoo.runs import config_digest, digest_of, read_result

DENSE = "all"  # in place of a selector: everything is annotated
RUN_FILE, CHOICE_FILE = "run.json", "choice.json"


@dataclass(frozen=True, kw_only=True)
class StudyRun:
    """One training and test.

    Attributes:
        config: file of the config.
        options: words of --cfg-options, the seed and the choice not among them.
        selector, budget, seed: what it is for; budget 0 for the dense bound.
        folder: of its checkpoints and results; runs that train on the same units share it.
        digest: of everything that its result depends on.
        chosen: names of the annotated units, sorted; None: the previous run's model says.
        previous: folder of the run whose model says what is uncertain.
    """

    config: str
    options: tuple[str, ...]
    selector: str
    budget: int
    seed: int
    folder: str
    digest: str
    chosen: tuple[str, ...] | None
    previous: str | None = None

    @property
    def result(self) -> dict[str, Any] | None:
        """What it wrote down if it is complete."""
        return read_result(Path(self.folder), self.digest)

    @property
    def title(self) -> str:
        """For progress lines."""
        what = "everything" if self.selector == DENSE else f"{self.selector} {self.budget}"
        return f"{Path(self.config).stem}, {what}, seed {self.seed}"

    def save(self) -> Path:
        """Write it to its folder, for the process that does it."""
        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RUN_FILE, asdict(self))
        return folder

    @classmethod
    def load(cls, folder: Path) -> "StudyRun":
        """The run of a folder."""
        content = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        lists = {key: tuple(content[key]) for key in ("options", "chosen") if content[key] is not None}
        return cls(**content | lists)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One config of a study with its task and its runs."""

    config: Path
    task: StudyTask
    runs: list[StudyRun]
    dense: bool = False


def plan_config(
    config: str,
    *,
    budgets: Sequence[int],
    selectors: Sequence[NamedSelector],
    seeds: int,
    work_dir: Path,
    options: Sequence[str] = (),
) -> Part:
    """The runs of a config over budgets, selectors and seeds.

    Raises:
        UserError: the config cannot be studied, or a budget is above its pool.
    """
    path, task, digest = _read(config, options)
    check_budgets(task, budgets, name=path.stem)
    home = work_dir / path.stem
    features = features_of(task, selectors, home)
    shared = {"config": str(path), "options": tuple(options)}
    runs = []
    for seed in range(seeds):
        for selector in selectors:
            first = NamedSelector("random") if selector.name == MODEL_BASED else selector
            known = choose(task, first, features, budgets, seed=seed)
            before: StudyRun | None = None
            for budget in budgets:
                follows = selector.name == MODEL_BASED and before is not None and budget < task.largest_budget
                chosen = None if follows else tuple(sorted(known[budget]))
                state = [before.digest, selector.text, budget] if follows else chosen
                before = StudyRun(
                    **shared,
                    selector=selector.text,
                    budget=budget,
                    seed=seed,
                    chosen=chosen,
                    previous=before.folder if follows else None,
                    **_identity(home, digest, state, seed=seed, budget=budget),
                )
                runs.append(before)
    return Part(config=path, task=task, runs=runs)


def plan_dense(config: str, *, seeds: int, work_dir: Path, options: Sequence[str] = ()) -> Part:
    """The upper bound: the whole pool of a config, once a seed."""
    path, task, digest = _read(config, options)
    names = tuple(sorted(task.names)) if task.unit != "points a cloud" else ()
    runs = [
        StudyRun(
            config=str(path),
            options=tuple(options),
            selector=DENSE,
            budget=0,
            seed=seed,
            chosen=names,
            **_identity(work_dir / path.stem, digest, names, seed=seed, budget=0),
        )
        for seed in range(seeds)
    ]
    return Part(config=path, task=task, runs=runs, dense=True)


def _read(config: str, options: Sequence[str]) -> tuple[Path, StudyTask, str]:
    path = find_config(config)
    cfg = read_config(path, options_of(options))
    return path, build_task(cfg, name=path.stem), config_digest(cfg)


def _identity(home: Path, digest: str, state: Any, *, seed: int, budget: int) -> dict[str, str]:
    whole = digest_of([digest, state, seed])
    return {"digest": whole, "folder": str(home / f"seed_{seed}" / f"{budget:04d}_{whole[:12]}")}


def unique_runs(parts: Sequence[Part]) -> list[StudyRun]:
    """Every run once, small budgets first, so that what waits for another run can begin early.

    Raises:
        UserError: two configs of one name.
    """
    stems = [part.config.stem for part in parts]
    if len(set(stems)) < len(stems):
        raise UserError("a config is given twice; each of CONFIG and --dense has a name of its own.")
    ordered = sorted((run for part in parts for run in part.runs), key=lambda run: (run.budget, run.seed))
    return list({run.digest: run for run in reversed(ordered)}.values())[::-1]
