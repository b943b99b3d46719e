"""One table of several detectors: average precision, multiply-adds of the encoder and of all, and time of one image.

Precision is measured on the test set of a config whose checkpoint is given. With --keep-ratios each sparse detector has
a row for every ratio, on one checkpoint; without, one for its own. Multiply-adds and times are of one image of noise:
which tokens are kept changes neither. Detectors take turns, and each one's fastest turn counts.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparsevision.apis.example import Example, build_example
from sparsevision.engine import call_tool, read_config, run_tool
from sparsevision.methods.focus_detr.cost import multiply_adds
from sparsevision.utils import UserError, find_config
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.timings import Figure, Report, add_timing_options, measure, publish, start_clock

EXAMPLE = """example:
  python tools/analysis_tools/detr_table.py tiny_dino_lite0_boxes_4e_shapes=dino.pth \\
      tiny_focus_detr_lite0_boxes_4e_shapes=focus.pth --keep-ratios 0.1 0.3 0.5 1.0 --size 144 192
"""
MARKER = "detr_table"
PRECISION = {"AP": "coco/AP", "AP50": "coco/AP50"}
COSTS = {"encoder GMAC": "encoder", "GMAC": "all"}
MILLISECONDS = "ms"


@dataclass(frozen=True)
class Entry:
    """A row: a config at a keep ratio (None: its own), perhaps with weights; `options` are its overrides."""

    config: str
    checkpoint: str | None
    ratio: float | None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the row."""
        return find_config(self.config).stem + ("" if self.ratio is None else f", keep {self.ratio:g}")


def entries_of(detector: str, ratios: Sequence[float]) -> list[Entry]:
    """Rows of "CONFIG" or "CONFIG=CHECKPOINT".

    Raises:
        UserError: no such config or checkpoint, or it is no detector with tokens.
    """
    config, _, checkpoint = detector.partition("=")
    if checkpoint and not Path(checkpoint).is_file():
        raise UserError(f"{checkpoint} does not exist; give CONFIG=CHECKPOINT, or CONFIG for costs alone.")
    model = read_config(config).model
    if "backbone" not in model or "num_queries" not in model:
        raise UserError(f"{config} is none of the detectors of configs/focus_detr.")
    if model.get("selector", "focus") is None:
        return [Entry(config, checkpoint or None, None)]
    if not ratios:
        return [Entry(config, checkpoint or None, None)]
    return [Entry(config, checkpoint or None, ratio, {"model.keep_ratio": ratio}) for ratio in ratios]


def example_of(entry: Entry, size: tuple[int, int]) -> Example:
    """The detector and one image of noise; nothing of it learns."""
    weights = {} if entry.checkpoint else {"model.backbone.pretrained": None}
    options = {**entry.options, **weights}
    example = build_example(entry.config, checkpoint=entry.checkpoint, size=size, options=options)
    example.model.requires_grad_(False)
    return example


def precision(entry: Entry) -> dict[str, float]:
    """AP and AP50 in percent on the test set of the config; nothing without a checkpoint."""
    if entry.checkpoint is None:
        return {}
    changes = [f"{key}={value}" for key, value in entry.options.items()]
    options = ["--cfg-options", *changes] if changes else []
    with tempfile.TemporaryDirectory() as folder:
        call_tool("test.py", find_config(entry.config), entry.checkpoint, "--work-dir", folder, *options)
        (file,) = Path(folder).glob("*/*.json")
        found = json.loads(file.read_text(encoding="utf-8"))
    return {name: 100 * found[key] for name, key in PRECISION.items() if key in found}


def figures_of(
    entries: Sequence[Entry], *, size: tuple[int, int], rounds: int, clock: Callable[[], float]
) -> list[Figure]:
    """All numbers: GMAC and precision by row, and milliseconds."""
    figures, examples = [], {entry.name: example_of(entry, size) for entry in entries}
    for name, example in examples.items():
        found = multiply_adds(example.model, lambda example=example: example.forward("tensor"))
        figures += [Figure(column, name, found[part]) for column, part in COSTS.items()]
    runs = {name: lambda example=example: example.forward("predict") for name, example in examples.items()}
    figures += measure(MILLISECONDS, runs, rounds=rounds, clock=clock)
    for entry in entries:
        figures += [Figure(column, entry.name, value) for column, value in precision(entry).items()]
    return figures


def table_of(figures: Sequence[Figure]) -> tuple[list[str], list[list[str]]]:
    """Header and rows; what was not measured is an empty cell."""
    values = {(figure.work, figure.name): f"{figure.value:.{3 if 'GMAC' in figure.work else 1}f}" for figure in figures}
    measured = {work for work, _ in values}
    columns = [column for column in (*PRECISION, *COSTS, MILLISECONDS) if column in measured]
    names = dict.fromkeys(figure.name for figure in figures)
    return ["detector", *columns], [[name, *(values.get((column, name), "") for column in columns)] for name in names]


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("detectors", nargs="+", metavar="CONFIG[=CHECKPOINT]", help="configs of configs/focus_detr")
    parser.add_argument("--keep-ratios", type=float, nargs="+", default=[], help="rows of each sparse detector")
    parser.add_argument("--size", type=int, nargs=2, default=[144, 192], metavar=("H", "W"), help="of the image")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each detector that count")
    add_timing_options(parser, marker=MARKER)
    args = parser.parse_args(arguments)
    if min(*args.size, args.rounds) < 1:
        parser.error("--size and --rounds must be at least 1")
    args.clock = start_clock(args, parser)
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    size = tuple(args.size)
    entries = [entry for detector in args.detectors for entry in entries_of(detector, args.keep_ratios)]
    figures = figures_of(entries, size=size, rounds=args.rounds, clock=args.clock)
    kind = "processor" if args.processor_time else "wall"
    caption = f"GMAC and {kind} time of one image of {size[0]} x {size[1]}; AP in percent on the config's test set."
    report = Report(caption, [table_of(figures)], [])
    publish(args, figures, report, marker=MARKER)


if __name__ == "__main__":
    run_tool(main)
