"""Plot curves of training logs, or say how long an iteration took, from mmengine's `scalars.json`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparsevision.engine import run_tool
from sparsevision.utils import UserError, did_you_mean
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/analysis_tools/analyze_logs.py plot_curve work_dirs/my_config --keys loss mIoU --out curve.png
  python tools/analysis_tools/analyze_logs.py cal_train_time work_dirs/my_config
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    tasks = parser.add_subparsers(dest="task", required=True)
    plot = tasks.add_parser("plot_curve", help="draw scalars against the step")
    plot.add_argument("logs", nargs="+", type=Path, help="scalars.json files, or work dirs (the newest log is taken)")
    plot.add_argument("--keys", nargs="+", default=["loss"], help="which scalars (default: loss)")
    plot.add_argument("--legend", nargs="+", help="one name for each log and key (default: log name and key)")
    plot.add_argument("--title", default="", help="title of the picture")
    plot.add_argument("--out", type=Path, default=Path("curve.png"), help="the picture to write (default: curve.png)")
    time = tasks.add_parser("cal_train_time", help="seconds of an iteration: mean, median, slowest, fastest")
    time.add_argument("logs", nargs="+", type=Path, help="scalars.json files, or work dirs (the newest log is taken)")
    time.add_argument("--include-outliers", action="store_true", help="keep the first logged value, which has warm-up")
    return parser.parse_args(arguments)


def find_log(path: Path) -> Path:
    """A scalars.json as given, or the newest one below a work dir.

    Raises:
        UserError: there is none.
    """
    if path.is_file():
        return path
    logs = sorted(path.rglob("scalars.json"), key=lambda log: log.stat().st_mtime) if path.is_dir() else []
    if not logs:
        raise UserError(f"no scalars.json at {path}: give the file, or the work dir of a run that has logged something")
    return logs[-1]


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a scalars.json; a last line that was cut off (a killed run) is dropped.

    Raises:
        UserError: a line in the middle is not JSON, or there is no line.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise UserError(
                f"{path}, line {number}: not JSON; expected one record a line, as mmengine writes"
            ) from error
    if not records:
        raise UserError(f"{path} is empty: the run stopped before it logged anything")
    return records


def curve(records: list[dict[str, float]], key: str, *, source: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of one scalar, both (N,).

    Raises:
        UserError: no record has that key.
    """
    points = [(record.get("step", index), record[key]) for index, record in enumerate(records) if key in record]
    if not points:
        known = sorted({name for record in records for name in record})
        raise UserError(f"{source} has no '{key}'.{did_you_mean(key, known)} It has: {', '.join(known)}.")
    steps, values = zip(*points, strict=True)
    return np.asarray(steps), np.asarray(values, dtype=float)


def plot_curve(args: argparse.Namespace) -> None:
    """Draw every key of every log into one picture."""
    from matplotlib.figure import Figure

    logs = [find_log(path) for path in args.logs]
    names = args.legend or [f"{path} {key}" for path in args.logs for key in args.keys]
    if len(names) != len(logs) * len(args.keys):
        raise UserError(f"--legend has {len(names)} names, expected {len(logs) * len(args.keys)}: one a log and key")
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for index, log in enumerate(logs):
        records = read_log(log)
        for offset, key in enumerate(args.keys):
            steps, values = curve(records, key, source=log)
            mark = "o" if len(steps) < 30 else None
            axes.plot(steps, values, marker=mark, markersize=3, label=names[index * len(args.keys) + offset])
    axes.set_xlabel("step")
    axes.set_title(args.title)
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(args.out, dpi=120)
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot write {args.out}: {error}; give a writable path that ends with .png, .svg or .pdf"
        ) from error
    print(f"wrote {args.out}")


def cal_train_time(args: argparse.Namespace) -> None:
    """Print the seconds of a training iteration of each log."""
    for path in args.logs:
        log = find_log(path)
        records = [record for record in read_log(log) if "loss" in record]
        if not records:
            raise UserError(f"{log} has no training record (none with a 'loss')")
        _, seconds = curve(records, "time", source=log)
        if len(seconds) > 1 and not args.include_outliers:
            seconds = seconds[1:]
        print(
            f"{log}\n  mean {seconds.mean():.4f} s, median {np.median(seconds):.4f} s, "
            f"slowest {seconds.max():.4f} s, fastest {seconds.min():.4f} s an iteration ({len(seconds)} records)"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    {"plot_curve": plot_curve, "cal_train_time": cal_train_time}[args.task](args)


if __name__ == "__main__":
    run_tool(main)
