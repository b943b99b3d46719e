"""Sum the confusion matrices of several tests, as the six-fold result of S3DIS wants it, and print the scores."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sparsevision.engine import run_tool
from sparsevision.evaluation.confusion_files import read_confusion, write_confusion
from sparsevision.evaluation.points import class_table, scores_of
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  for k in 1 2 3 4 5 6; do
    python tools/test.py CONFIG work_dirs/fold_$k/epoch_60.pth \\
        --cfg-options test_dataloader.dataset.split=area_$k +test_evaluator.out_dir=folds/$k
  done
  python tools/analysis_tools/sum_confusion.py folds/1 folds/2 folds/3 folds/4 folds/5 folds/6 --out-dir folds/all

A folder holds what PointSegMetric(out_dir=...) writes: confusion_matrix.csv of voxels, confusion_matrix_points.csv of
raw points. The scores are those of the summed counts, not the means of the scores.
"""
TABLES = ("confusion_matrix", "confusion_matrix_points")


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("folders", nargs="+", type=Path, help="one a test")
    parser.add_argument("--out-dir", type=Path, help="where to write the sums, if wanted")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.out_dir, "--out-dir")
    if len({folder.resolve() for folder in args.folders}) < len(args.folders):
        raise UserError("a folder is named twice, and its test would count twice")
    sums, names = [], None
    for stem in TABLES:
        total = 0
        for folder in args.folders:
            matrix, own = read_confusion(folder / f"{stem}.csv")
            if names not in (None, own):
                raise UserError(f"{folder}: its classes are {', '.join(own)}; those before were {', '.join(names)}")
            total, names = total + matrix, own
        sums.append(total)
    print(class_table(*sums, names))
    scores = scores_of(sums[0]) | {f"{name}_point": value for name, value in scores_of(sums[1]).items()}
    print(", ".join(f"{name} {value:.2f}" for name, value in scores.items()) + f" ({len(args.folders)} tests)")
    for stem, matrix in zip(TABLES, sums, strict=True):
        if args.out_dir is not None:
            write_confusion(matrix, names, args.out_dir, stem=stem)


if __name__ == "__main__":
    run_tool(main)
