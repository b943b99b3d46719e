"""Turn the predictions of one model into soft pseudo labels for another; doubtful ones are left out."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from sparsevision.datasets.pseudo_labels import Screen, Verdict, make_pseudo_labels
from sparsevision.engine import run_tool
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse_camouflage_train.py --out work_dirs/gensam_train
  python tools/annotation/pseudo_labels.py work_dirs/gensam_train/pred_soft_mask \\
      --out data/tiny_camouflage/TrainDataset/Pseudo
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("predictions", type=Path, help="folder of soft masks (PNG), as tools/test.py --out writes them")
    parser.add_argument("--out", type=Path, required=True, help="folder of pseudo labels to make")
    parser.add_argument(
        "--area", type=float, nargs=2, default=Screen.area, metavar=("LOW", "HIGH"),
        help="shares of the image between which the foreground must lie (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--max-entropy", type=float, default=Screen.max_entropy,
        help="leave out images whose pixels have a higher mean entropy, in bits (default: %(default)s, none)",
    )  # fmt: skip
    parser.add_argument("--truth", type=Path, help="folder of true masks, only to report how good the labels are")
    return parser.parse_args(arguments)


def report(verdicts: Sequence[Verdict]) -> str:
    """Sentences about what was kept, why the others were not, and how good both are."""
    reasons = Counter(verdict.reason for verdict in verdicts if verdict.reason)
    kept = [verdict for verdict in verdicts if not verdict.reason]
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "none left out"
    lines = [f"{len(kept)} of {len(verdicts)} predictions kept ({left_out})"]
    for name, group in (("all", verdicts), ("kept", kept)):
        overlaps = [verdict.iou for verdict in group if verdict.iou is not None]
        if overlaps:
            lines.append(f"mean IoU with the truth, {name}: {np.mean(overlaps):.3f} over {len(overlaps)} images")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.out, "--out")
    screen = Screen(area=tuple(args.area), max_entropy=args.max_entropy)
    steps = make_pseudo_labels(args.predictions, args.out, screen=screen, truth=args.truth)
    verdicts = list(track(steps, description="screening", transient=True))
    print(report(verdicts))
    if all(verdict.reason for verdict in verdicts):
        raise UserError("Every prediction was left out: loosen --area or --max-entropy, or look at the predictions.")
    print(f"pseudo labels: {args.out}")


if __name__ == "__main__":
    run_tool(main)
