"""How many annotations are needed, of which kind, on what? Trains and tests over budgets, selectors and seeds.

Writes study.csv (a line a run), study.md and study.png (a metric against the time that annotation costs). What is done
is not done again: repeat the command to go on after an interruption, or with more budgets, selectors or seeds.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from sparsevision.annotation import CostModel
from sparsevision.engine import run_tool
from sparsevision.studies.choice import DRAWS, NamedSelector, named_selectors
from sparsevision.studies.picture import study_figure
from sparsevision.studies.plan import Part, plan_config, plan_dense, unique_runs
from sparsevision.studies.schedule import Machine, run_all
from sparsevision.studies.table import chosen_metric, points_of, rows_of, study_table, write_csv
from sparsevision.utils import UserError, atomic_write, check_out_folder
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.runs import write_block

EXAMPLE = """example:
  python tools/annotation/budget_study.py study_sparseseg_resnet18_point_camouflage --budgets 10 20 40 80 \\
      --selectors random,k_center,vote_k,ideal,uncertainty --seeds 3 \\
      --dense study_sparseseg_resnet18_dense_camouflage --work-dir work_dirs/study_camouflage

Several configs are several kinds of annotation in one picture. A budget counts units: images, frames, clips, points a
cloud, or clicks in a view (docs/budget_studies.md). A selector may have options: vote_k:k=20. The page given with
--readme needs the lines <!-- budget_study:begin --> and <!-- budget_study:end -->; --marker gives another name.
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("configs", nargs="+", help="config files, or names of shipped ones: one a kind of annotation")
    parser.add_argument("--budgets", nargs="+", required=True, help="how many units are annotated, e.g. 2 4 8 or 2,4,8")
    parser.add_argument("--selectors", nargs="+", default=["random,k_center,vote_k,ideal"], help="what chooses them")
    parser.add_argument("--seeds", type=int, default=3, help="how many: 0, 1, ... (default: 3)")
    parser.add_argument("--dense", metavar="CONFIG", help="the config with everything annotated: the upper bound")
    parser.add_argument("--metric", help="of the table and picture (default: the config's study.metric, or the first)")
    parser.add_argument("--costs", type=Path, metavar="JSON", help='seconds an annotation, {"point": 2.4, "box": 7}')
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/budget_study"), help="where runs live")
    parser.add_argument("--picture", type=Path, help="where the picture goes (default: study.png in the work dir)")
    parser.add_argument("--readme", type=Path, help="page that receives the table, between its markers")
    parser.add_argument("--marker", default="budget_study", help="name of the markers in the page")
    parser.add_argument("--cfg-options", nargs="+", default=[], help="changes to every config: key=value")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and stop")
    add_machine(parser.add_argument_group("how runs are started"))
    args = parser.parse_args(arguments)
    for name in ("seeds", "threads", "processes"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} must be at least 1")
    if args.jobs is not None and args.jobs < 1:
        parser.error("--jobs must be at least 1")
    return args


def add_machine(group: argparse._ArgumentGroup) -> None:
    """Options of where and how runs go on."""
    group.add_argument("--jobs", type=int, help="runs at a time (default: GPUs, or cores for their threads)")
    group.add_argument("--threads", type=int, default=1, help="of a run on CPUs (default: 1)")
    group.add_argument("--launcher", choices=("none", "pytorch", "slurm"), default="none", help="of each run")
    group.add_argument("--processes", type=int, default=1, help="of each run, with a launcher (default: 1)")
    group.add_argument("--partition", default="", help="of slurm")


def parse_budgets(words: Sequence[str]) -> list[int]:
    """Rising whole numbers from words with commas or without.

    Raises:
        UserError: something else, or a number below 1.
    """
    texts = [text for word in words for text in word.split(",") if text]
    try:
        budgets = sorted({int(text) for text in texts})
    except ValueError:
        raise UserError(f"--budgets takes whole numbers such as 2 4 8, got {' '.join(words)}.") from None
    if not budgets or budgets[0] < 1:
        raise UserError(f"--budgets takes numbers from 1 on, got {' '.join(words)}.")
    return budgets


def plan(args: argparse.Namespace, selectors: Sequence[NamedSelector]) -> list[Part]:
    """All configs with their runs, the dense bound last."""
    shared = {"seeds": args.seeds, "work_dir": args.work_dir, "options": args.cfg_options}
    budgets = parse_budgets(args.budgets)
    parts = [plan_config(config, budgets=budgets, selectors=selectors, **shared) for config in args.configs]
    return parts + ([plan_dense(args.dense, **shared)] if args.dense else [])


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.work_dir, "--work-dir")
    selectors = named_selectors(args.selectors)
    costs = CostModel() if args.costs is None else CostModel.load(args.costs)
    launcher = "" if args.launcher == "none" else args.launcher
    machine = Machine.here(
        jobs=args.jobs, threads=args.threads, launcher=launcher, processes=args.processes, partition=args.partition
    )
    if args.readme:
        write_block(args.readme, None, marker=args.marker)
    parts = plan(args, selectors)
    runs = unique_runs(parts)
    same = [selector.text for selector in selectors if selector.name not in DRAWS]
    if same:
        print(f"{', '.join(same)}: the choice is the same for every seed; seeds differ by training alone.")
    if args.dry_run:
        print("\n".join(f"{run.title}: {'run' if run.result is None else 'done'}" for run in runs))
        return
    shown = sys.argv[1:] if arguments is None else arguments
    command = f"python tools/annotation/budget_study.py {shlex.join(shown)}"
    try:
        run_all(runs, machine)
    finally:
        if any(run.result is not None for run in runs):
            write_findings(args, parts, costs, command=command)


def write_findings(args: argparse.Namespace, parts: Sequence[Part], costs: CostModel, *, command: str) -> None:
    """study.csv, study.md and study.png of the runs that are complete."""
    found = [(part, rows_of(part, costs)) for part in parts]
    rows = [row for _, own in found for row in own]
    settings = parts[0].task.settings
    metric = chosen_metric(rows, args.metric or settings.metric)
    write_csv(args.work_dir / "study.csv", rows)
    points = [point for part, own in found for point in points_of(own, metric, unit=part.task.unit)]
    content = f"{study_table(points, metric)}\n\n`{command}`"
    with atomic_write(args.work_dir / "study.md") as file:
        file.write((content + "\n").encode())
    print(content)
    if any(not part.dense and own for part, own in found):
        task = parts[0].task
        pool = f"{len(task.names)} {task.unit.removesuffix(' a cloud')} to choose from, {args.seeds} seeds"
        title = f"{parts[0].config.stem}\n{pool}"
        figure = study_figure(points, metric=metric, title=title, lower_is_better=settings.lower_is_better)
        picture = args.picture or args.work_dir / "study.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(picture)
        print(f"wrote {picture}")
    print(f"wrote {args.work_dir / 'study.csv'} and study.md")
    if args.readme:
        write_block(args.readme, content, marker=args.marker)


if __name__ == "__main__":
    run_tool(main)
