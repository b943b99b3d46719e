"""One run of a study in a process of its own: choose (if a model has to say what), train, test, write the result.

    python -m sparsevision.studies.worker FOLDER

Ends with the process that started it, however that ends.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sparsevision.engine import read_config, run_tool
from sparsevision.engine.hooks.checkpoint import find_latest
from sparsevision.engine.overrides import options_of
from sparsevision.studies.build import build_task
from sparsevision.studies.choice import NamedSelector, choose_uncertain
from sparsevision.studies.plan import CHOICE_FILE, DENSE, StudyRun
from sparsevision.studies.task import StudyTask
from sparsevision.utils import UserError, tools_dir, write_json
from sparsevision.utils.processes import end_with_parent
from sparsevision.zoo.runs import digest_of, last_checkpoint, test_metrics, write_result

LAUNCHER = "SPARSEVISION_STUDY_LAUNCHER"  # "", "pytorch N" or "slurm PARTITION N", set by the scheduler


def execute(folder: Path) -> dict[str, float]:
    """Do the run of a folder; go on with it where it was interrupted.

    The result's "training_seconds" are None where training went on from a checkpoint: what came before is not known.

    Raises:
        UserError: from training or testing, or a choice that no longer fits the data.
    """
    run = StudyRun.load(folder)
    cfg = read_config(run.config, options_of(run.options))
    task = build_task(cfg, name=Path(run.config).stem)
    chosen = chosen_units(run, task)
    words = ["--cfg-options", f"randomness.seed={run.seed}", *run.options]
    if run.selector != DENSE:
        words += task.options(chosen, folder)
    from_the_beginning = find_latest(folder) is None
    start = time.monotonic()
    _tool("train", [run.config, "--work-dir", str(folder), "--resume", *words])
    seconds = time.monotonic() - start if from_the_beginning else None
    _tool("test", [run.config, str(last_checkpoint(folder)), "--work-dir", str(folder / "test"), *words])
    metrics = test_metrics(folder / "test")
    content = {"title": run.title, "chosen": list(chosen), "training_seconds": seconds, "metrics": metrics}
    write_result(folder, run.digest, content | {"seconds": time.monotonic() - start})
    return metrics


def chosen_units(run: StudyRun, task: StudyTask) -> Sequence[str]:
    """The run's units: planned, remembered from an interrupted start, or asked of the previous run's model now."""
    if run.chosen is not None:
        return run.chosen
    path = Path(run.folder) / CHOICE_FILE
    if path.is_file():
        remembered = json.loads(path.read_text(encoding="utf-8"))
        if remembered["digest"] == run.digest:
            return remembered["chosen"]
    chosen = sorted(_ask_model(run, task))
    write_json(path, {"digest": run.digest, "chosen": chosen})
    return chosen


def _ask_model(run: StudyRun, task: StudyTask) -> list[str]:
    from sparsevision.apis.model import init_model

    previous = StudyRun.load(Path(run.previous))
    result = previous.result
    if result is None:
        raise UserError(f"{run.previous} is not complete, whose model says what is uncertain; run the study again.")
    model = init_model(task.cfg, last_checkpoint(Path(run.previous)))
    probabilities = task.probabilities(model, Path(run.folder))
    selector = NamedSelector(run.selector)
    return choose_uncertain(task, selector, probabilities, run.budget, before=result["chosen"], seed=run.seed)


def _tool(name: str, words: list[str]) -> None:
    """Train or test, in this process or by the launcher's script."""
    launcher = os.environ.get(LAUNCHER, "").split()
    if launcher:
        _launch(launcher, name, words)
        return
    if name == "train":
        from sparsevision.engine.train import main
    else:
        from sparsevision.engine.test import main
    main(words)


def _launch(launcher: list[str], name: str, words: list[str]) -> None:
    config, *rest = words
    if launcher[0] == "pytorch":
        positional, rest = ([rest[0]], rest[1:]) if name == "test" else ([], rest)
        line = [tools_dir() / f"dist_{name}.sh", config, *positional, launcher[1], *rest]
    else:
        line = [tools_dir() / f"slurm_{name}.sh", launcher[1], f"study_{digest_of(words)[:8]}", config, *rest]
        os.environ["GPUS"] = launcher[2]
    finished = subprocess.run([str(word) for word in line], check=False, preexec_fn=end_with_parent)
    if finished.returncode:
        raise UserError(f"{Path(line[0]).name} ended with an error; its own message stands above.")


def main() -> None:
    """Entry point."""
    end_with_parent()
    execute(Path(sys.argv[1]))


if __name__ == "__main__":
    run_tool(main)
