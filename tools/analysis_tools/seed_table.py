"""Train and test configs with several seeds; write one table with every seed, mean, spread and paired differences.

Work that is done is not done again: a run whose `result.json` belongs to the same config is skipped, an interrupted one
is resumed. A folder of another state of the config is moved aside, never mixed in.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparsevision.engine import call_tool, read_config, run_tool
from sparsevision.engine.overrides import option_word, options_of
from sparsevision.utils import UserError, check_out_folder, find_config
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.runs import (
    config_digest,
    digest_of,
    last_checkpoint,
    read_result,
    test_metrics,
    write_block,
    write_result,
)
from sparsevision.zoo.seeds import seed_table

EXAMPLE = """example:
  python tools/analysis_tools/seed_table.py CONFIG_A CONFIG_B --seeds 3 --readme configs/sparse_seg/README.md

The page given with --readme needs the lines <!-- seed_table:begin --> and <!-- seed_table:end -->; with --marker NAME,
NAME stands in for seed_table. Differences are seed by seed to the first config. With --start-from CONFIG_0 each seed
trains CONFIG_0 first, and the other configs start from its checkpoint; when CONFIG_0 changes they are run again.
"""


@dataclass(frozen=True)
class Run:
    """One config with one seed.

    Attributes:
        config, seed: of the run.
        folder: of its checkpoints and result.
        options: overrides as typed, the seed not included.
        digest: of all that its result depends on, but the seed.
        trains: or is only tested.
        first: the run that it starts from.
    """

    config: Path
    seed: int
    folder: Path
    options: tuple[str, ...]
    digest: str
    trains: bool
    first: "Run | None" = None

    @property
    def overrides(self) -> list[str]:
        """What both tools get after --cfg-options."""
        return ["--cfg-options", f"randomness.seed={self.seed}", *self.options]


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument(
        "configs", nargs="+", help="config files, or names of shipped ones; differences are to the first"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many: 0, 1, ... (default: 3)")
    parser.add_argument("--metrics", nargs="+", default=[], help="rows of the table (default: all that every run has)")
    parser.add_argument(
        "--start-from", metavar="CONFIG", help="what each seed trains first, for the others to start from"
    )
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/seed_table"), help="where runs live")
    parser.add_argument("--readme", type=Path, help="page that receives the table, between its markers")
    parser.add_argument("--marker", default="seed_table", help="name of the markers in the page")
    parser.add_argument("--cfg-options", nargs="+", default=[], help="changes to every config: key=value")
    args = parser.parse_args(arguments)
    if args.seeds < 1:
        parser.error("--seeds must be at least 1")
    return args


def plan(config: str, seed: int, args: argparse.Namespace, *, start_from: str | None = None) -> Run:
    """The run of one config and seed, after that of `start_from`; only another config that trains starts from it.

    Raises:
        UserError: no such config, or an unknown override.
    """
    path = find_config(config)
    cfg = read_config(path, options_of(args.cfg_options))
    trains = cfg.get("train_cfg") is not None
    follows = start_from is not None and trains and find_config(start_from) != path
    first = plan(start_from, seed, args) if follows else None
    own = config_digest(cfg)
    return Run(
        config=path,
        seed=seed,
        folder=args.work_dir / path.stem / f"seed_{seed}",
        options=tuple(args.cfg_options),
        digest=own if first is None else digest_of([own, first.digest]),
        trains=trains,
        first=first,
    )


def finished_metrics(run: Run) -> dict[str, float] | None:
    """Metrics of a complete run of the same config, and of the same one before it, else None."""
    result = read_result(run.folder, run.digest)
    return None if result is None else result["metrics"]


def claim_folder(run: Run) -> None:
    """Mark the folder as this config's; one that belongs to another state of the config is moved aside."""
    owner = run.folder / "config.sha256"
    if owner.is_file() and owner.read_text().strip() != run.digest:
        aside = run.folder.with_name(f"{run.folder.name}.{owner.read_text().strip()[:8]}")
        if aside.exists():
            raise UserError(
                f"{run.folder} belongs to another state of its config, and so does {aside}: remove one of them"
            )
        run.folder.rename(aside)
        print(f"the config has changed: moved {run.folder} to {aside}")
    run.folder.mkdir(parents=True, exist_ok=True)
    owner.write_text(run.digest + "\n")


def train(run: Run, *options: str) -> Path:
    """Train, or go on with it, and return the checkpoint; `options` are further overrides."""
    claim_folder(run)
    call_tool("train.py", run.config, "--work-dir", run.folder, "--resume", *run.overrides, *options)
    return last_checkpoint(run.folder)


def execute(run: Run) -> dict[str, float]:
    """Train (if the method trains; from the checkpoint of `run.first`), test, write down the result."""
    claim_folder(run)
    checkpoint = []
    if run.trains:
        start = [option_word("load_from", train(run.first))] if run.first is not None else []
        checkpoint = [train(run, *start)]
    call_tool("test.py", run.config, *checkpoint, "--work-dir", run.folder / "test", *run.overrides)
    metrics = test_metrics(run.folder / "test")
    write_result(run.folder, run.digest, {"config": str(run.config), "seed": run.seed, "metrics": metrics})
    return metrics


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.work_dir, "--work-dir")
    if args.readme:
        write_block(args.readme, None, marker=args.marker)
    runs = {}
    seeds = range(args.seeds)
    for planned in [
        [plan(config, seed, args, start_from=args.start_from) for seed in seeds] for config in args.configs
    ]:
        name = planned[0].config.stem
        runs[name] = []
        for run in planned:
            metrics = finished_metrics(run)
            print(f"{name}, seed {run.seed}: {'running' if metrics is None else 'done before'}", flush=True)
            runs[name].append(execute(run) if metrics is None else metrics)
    shown = sys.argv[1:] if arguments is None else arguments
    command = f"python tools/analysis_tools/seed_table.py {shlex.join(shown)}"
    content = f"{seed_table(runs, metrics=args.metrics)}\n\n`{command}`"
    print(content)
    if args.readme:
        write_block(args.readme, content, marker=args.marker)


if __name__ == "__main__":
    run_tool(main)
