"""Sparse labels for a prepared set of point clouds: drawn by a published protocol, or from a published index file.

Writes one file for all scenes of a split. What a scene gets depends on the seed and the scene's name alone, on no other
scene. Points without a class to learn are left out and counted.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from sparsevision.annotation import POINT_PROTOCOLS, PointLabels, load_annotations, save_annotations
from sparsevision.datasets.points.scene import read_scene, scene_keys
from sparsevision.datasets.points.sparse_labels import (
    MAX_BYTES,
    label_indices,
    official_indices,
    simulate_scene,
    without_suffix,
)
from sparsevision.engine import run_tool
from sparsevision.engine.safe_unpickle import safe_unpickle
from sparsevision.selection import KCenter
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  0.1 % of every class, at least one point of it:
    python tools/annotation/point_labels.py data/S3DIS --protocol class_even --budget 0.001 --seed 0
  the same as CPCM's released sampler does it, bias included:
    python tools/annotation/point_labels.py data/ScanNet --protocol official --budget 0.001
  and as in the version of it for S3DIS that never draws for windows (raw class 13):
    python tools/annotation/point_labels.py data/S3DIS --protocol official --budget 0.001 --classes 0 1 2 3 4 5 6 7 8 \\
        9 10 11 12
  20 points a scene, at random or where place and colour are most different:
    python tools/annotation/point_labels.py data/ScanNet --protocol points_k --budget 20
    python tools/annotation/point_labels.py data/ScanNet --protocol points_k --budget 20 --active
  one click on every object, spread over its superpoint:
    python tools/annotation/point_labels.py data/ScanNet --protocol otoc --budget 1 --spread
  a published file of indices; nothing in it is executed:
    python tools/annotation/point_labels.py data/ScanNet --official points20
"""
NAMED = 5


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("root", type=Path, help="the prepared set, e.g. data/ScanNet")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--protocol", choices=POINT_PROTOCOLS, help="which points to label")
    source.add_argument("--official", type=Path, metavar="FILE", help="a published file {scene: point indices}")
    parser.add_argument("--budget", help="share with a point (0.001 is 0.1 %%), or a whole number of points or clicks")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    parser.add_argument("--split", default="train", help="whose scenes; several joined by + (default: train)")
    parser.add_argument("--classes", type=int, nargs="+", help="raw ids that official and class_even draw for")
    parser.add_argument("--spread", action="store_true", help="otoc: a click labels its whole superpoint")
    parser.add_argument("--active", action="store_true", help="points_k: spread over place and colour, not at random")
    parser.add_argument("--out", type=Path, help="file to write (default: in ROOT/sparse, named after the options)")
    parser.add_argument("--overwrite", action="store_true", help="replace a file with other labels")
    args = parser.parse_args(arguments)
    if args.protocol and args.budget is None:
        parser.error(f"--protocol {args.protocol} needs --budget")
    if args.official and (args.budget or args.spread or args.active or args.classes):
        parser.error("--official takes the points of the file: leave --budget, --classes, --spread and --active out")
    if args.spread and args.protocol != "otoc":
        parser.error("--spread is for --protocol otoc")
    if args.seed < 0:
        parser.error("--seed must be 0 or more")
    return args


def number(text: str) -> float:
    """--budget: a whole number stays one, everything else is a float. Raises UserError."""
    try:
        return int(text) if text.isascii() and text.isdecimal() else float(text)
    except ValueError as error:
        raise UserError(f"--budget {text!r:.40}: expected a share such as 0.001, or a whole number.") from error


def simulated(args: argparse.Namespace, keys: list[str]) -> dict[str, PointLabels]:
    """Labels of every scene by the protocol."""
    options = {"protocol": args.protocol, "budget": number(args.budget), "seed": args.seed, "spread": args.spread}
    options |= {"classes": args.classes, "selector": KCenter() if args.active else None}
    steps = track(keys, description="drawing", transient=True)
    return {key: simulate_scene(read_scene(args.root / key), key, **options) for key in steps}


def published(args: argparse.Namespace, keys: list[str]) -> dict[str, PointLabels]:
    """Labels of every scene that the file names; says which scenes are on one side only."""
    if not args.official.is_file():
        raise UserError(
            f"--official {args.official}: there is no such file. Give the path of an index file, e.g. of CPCM's "
            "release or of ScanNet's data-efficient benchmark."
        )
    indices = official_indices(safe_unpickle(args.official).content, path=args.official)
    report_missing(f"scenes of {args.split} have no entry in the file", [k for k in keys if k not in indices])
    report_missing(f"scenes of the file are not in {args.split}", sorted(set(indices) - set(keys)))
    shared = [key for key in keys if key in indices]
    if not shared:
        raise UserError(f"{args.official}: has no scene of {args.root}; its first are {', '.join([*indices][:3])}.")
    steps = track(shared, description="reading", transient=True)
    return {key: label_indices(read_scene(args.root / key), key, indices[key], path=args.official) for key in steps}


def report_missing(words: str, keys: list[str]) -> None:
    """Print how many scenes are missing, and the first of them."""
    if keys:
        print(f"{len(keys)} {words}: {', '.join(keys[:NAMED])}{', ...' if len(keys) > NAMED else ''}")


def default_out(args: argparse.Namespace) -> Path:
    """ROOT/sparse/<protocol>_<budget>_seed<k>.npz, or official_<file>.npz."""
    if args.official:
        return args.root / "sparse" / f"official_{without_suffix(args.official.name)}.npz"
    variant = "_active" * args.active + "_spread" * args.spread
    return args.root / "sparse" / f"{args.protocol}{variant}_{number(args.budget):g}_seed{args.seed}.npz"


def write(path: Path, labels: dict[str, PointLabels], *, overwrite: bool) -> str:
    """Save the labels; "kept" where the file has the same ones. Raises UserError where it has others."""
    if path.exists() and not overwrite:
        if load_annotations(path, max_bytes=MAX_BYTES) == labels:
            return "kept, it has these labels"
        raise UserError(f"{path}: is there with other labels; choose another --out, or replace it with --overwrite.")
    save_annotations(path, labels)
    return "written"


def class_names(root: Path) -> list[str]:
    """The classes of the prepared set, from its card. Raises UserError."""
    try:
        names = json.loads((root / "dataset.json").read_text(encoding="utf-8"))["classes"]
        return [str(name) for name in names]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{root}: dataset.json is missing or names no classes; is this a prepared set?") from error


def table(labels: dict[str, PointLabels], root: Path, names: Sequence[str]) -> Iterable[str]:
    """What was labelled, line by line."""
    counts = [len(points) for points in labels.values()]
    covered = [set(points.labels.tolist()) for points in labels.values()]
    present = [set(np.unique(read_scene(root / key).segment).tolist()) & set(range(len(names))) for key in labels]
    missed = [name for index, name in enumerate(names) if index not in set().union(*covered)]
    dropped = sum(points.meta["dropped"] for points in labels.values())
    repeated = sum(points.meta["repeated"] for points in labels.values())
    yield f"scenes                    {len(labels)}"
    yield f"labels a scene            mean {np.mean(counts):.2f}, min {min(counts)}, max {max(counts)}"
    yield f"classes labelled a scene  mean {np.mean([*map(len, covered)]):.2f} of {np.mean([*map(len, present)]):.2f}"
    yield f"classes never labelled    {', '.join(missed) or 'none'}"
    yield f"left out                  {dropped} points without a class to learn, {repeated} drawn twice"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    names = class_names(args.root)
    keys = list(dict.fromkeys(key for split in args.split.split("+") for key in scene_keys(args.root, split)))
    labels = published(args, keys) if args.official else simulated(args, keys)
    if not any(map(len, labels.values())):
        raise UserError("no scene would get any label, so nothing is written; look at --classes, or at the index file.")
    out = args.out or default_out(args)
    print(f"{out}: {write(out, labels, overwrite=args.overwrite)}")
    print("\n".join(table(labels, args.root, names)))


if __name__ == "__main__":
    run_tool(main)
