"""Make the sparse annotations that a person could have made, from a folder of dense masks (or of optical flow).

Every image gets <out>/<stem>.json. The same seed gives the same files on every machine, whatever other images there
are; a smaller --per-class gives the beginning of what a larger one gives.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from sparsevision.datasets.dense_masks import MaskReader, find_masks, refuse_binary
from sparsevision.datasets.simulate_folder import KINDS, Simulation, find_flows, simulate_folder
from sparsevision.engine import run_tool
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  one scribble per class, as PNG with the codes of S-COD as well:
    python tools/annotation/simulate.py data/tiny_camouflage/TrainDataset/GT --threshold 128 --kind scribbles \\
        --out work_dirs/scribbles --png work_dirs/scribbles_png
  five points per class of a set with class ids, a tenth of them wrong:
    python tools/annotation/simulate.py masks --kind points --per-class 5 --mislabel 0.1 --classes 0 1 2 --out points
  a box around every object, drawn inexactly:
    python tools/annotation/simulate.py masks --kind boxes --per-class all --jitter 0.1 --out boxes
  tracks of fast spots from flow (.npy, .npz, .flo):
    python tools/annotation/simulate.py flow --kind tracks --per-class 10 --moving 0.9 --out tracks
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("masks", type=Path, help="folder of dense masks; of optical flow for tracks")
    parser.add_argument("--out", type=Path, required=True, help="folder for the annotations, one JSON an image")
    parser.add_argument("--kind", choices=KINDS, required=True, help="what to simulate")
    parser.add_argument("--per-class", default="1", help="how many per class; boxes: or 'all'; tracks: per video")
    parser.add_argument("--seed", type=int, default=0)
    truth = parser.add_argument_group("truth")
    truth.add_argument("--threshold", type=int, help="masks are binary: brighter pixels are class 1 (COD: 128)")
    truth.add_argument("--ignore-index", type=int, help="value of pixels without truth (default: 255)")
    form = parser.add_argument_group("form")
    form.add_argument("--width", type=int, default=3, help="scribbles: brush width in pixels")
    form.add_argument("--per-component", action="store_true", help="points, clicks: per connected component of a class")
    form.add_argument(
        "--centre-bias", type=float, help="points, clicks: 0 anywhere in the region, 1 at its centre (default: 0, 1)"
    )
    form.add_argument("--min-pixels", type=int, default=1, help="boxes: leave smaller objects out")
    form.add_argument("--moving", type=float, default=0.0, help="tracks: 0 start anywhere, 1 on the fastest pixels")
    form.add_argument("--stride", type=int, default=1, help="tracks: annotate every so many frames")
    noise = parser.add_argument_group("noise")
    noise.add_argument("--jitter", type=float, default=0.0, help="boxes: share of the side by which edges are off")
    noise.add_argument("--shift", type=float, default=0.0, help="points, clicks: pixels by which they are off")
    noise.add_argument("--drop", type=float, default=0.0, help="share that is forgotten")
    noise.add_argument("--mislabel", type=float, default=0.0, help="share that gets a wrong class")
    noise.add_argument("--classes", type=int, nargs="+", default=[], help="ids that wrong classes are drawn from")
    files = parser.add_argument_group("files")
    files.add_argument("--png", type=Path, help="folder for label PNGs with the codes of S-COD (points, scribbles)")
    files.add_argument("--side", type=int, default=1, help="points in these PNGs: squares of this side (P-COD: 11)")
    files.add_argument("--overwrite", action="store_true", help="replace files that are there with other content")
    files.add_argument("--workers", type=int, default=0, help="processes; the files do not depend on it")
    return parser.parse_args(arguments)


def simulation_of(args: argparse.Namespace) -> Simulation:
    """What the command line asks for.

    Raises:
        UserError: options that do not fit together.
    """
    if args.mislabel and not args.classes and args.threshold is None and args.kind != "clicks":
        raise UserError("--mislabel needs the ids to draw wrong classes from: add, for instance, --classes 0 1 2.")
    if args.workers < 0:
        raise UserError(f"--workers {args.workers}: expected a number of processes, 0 for none but this one.")
    ignore_index = 255 if args.ignore_index is None else args.ignore_index
    masks = MaskReader(args.threshold, None if args.threshold is not None else ignore_index)
    names = ("kind", "seed", "width", "per_component", "centre_bias", "jitter", "min_pixels", "moving", "stride")
    names += ("drop", "mislabel", "shift", "side")
    return Simulation(
        **{name: getattr(args, name) for name in names},
        per_class=count_of(args.per_class, args.kind),
        masks=masks,
        classes=tuple(args.classes or ((0, 1) if args.threshold is not None else ())),
    )


def count_of(text: str, kind: str) -> int | None:
    """--per-class as a number; None for all boxes. Raises UserError on anything else."""
    if text == "all" and kind == "boxes":
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise UserError(f"--per-class {text!r:.40}: expected a whole number{', or all' if kind == 'boxes' else ''}.")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.out, "--out")
    check_out_folder(args.png, "--png")
    simulation = simulation_of(args)
    found = find_flows(args.masks) if args.kind == "tracks" else find_masks(args.masks)
    if args.kind != "tracks" and args.threshold is None and args.ignore_index is None:
        refuse_binary(found.values())
    steps = simulate_folder(found, args.out, simulation, png=args.png, overwrite=args.overwrite, workers=args.workers)
    counts = Counter(track(steps, description="simulating", total=len(found), transient=True))
    print(f"{args.out}: {counts['written']} written, {counts['kept']} already up to date")


if __name__ == "__main__":
    run_tool(main)
