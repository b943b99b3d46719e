"""Choose which samples to annotate, or which pixels or points inside one.

Writes names in the order in which they are worth annotating, one a line: with half the budget, take the first half.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparsevision.apis.features import image_features, method_features, read_matrix
from sparsevision.apis.pool import CLOUD_SUFFIXES, Pool, read_names, write_names, write_places
from sparsevision.apis.selectors import NAMES, build_selector
from sparsevision.datasets.image_folder import find_images
from sparsevision.datasets.image_io import read_image
from sparsevision.engine import add_cfg_options, run_tool
from sparsevision.selection import Selector, select_pixels, select_points
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.visualization import draw_points, write_image

EXAMPLE = """examples:
  python tools/annotation/select_samples.py photos --selector vote_k --option k=20 --budget 100 \\
      --out chosen.txt --picture chosen.png                        features: EfficientNet-Lite0
  python tools/annotation/select_samples.py --features features.npy --budget 100 --out chosen.txt
  python tools/annotation/select_samples.py photos --config CONFIG --checkpoint FILE.pth --budget 50 --out chosen.txt
  python tools/annotation/select_samples.py photos --selector uncertainty --predictions probs.npy --budget 50 \\
      --labelled done.txt --out next.txt
  python tools/annotation/select_samples.py photo.jpg --inside --selector k_center --budget 20 --out points.json
  python tools/annotation/select_samples.py room.npy --inside --budget 20 --voxel 0.1 --out points.json
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument(
        "source", nargs="?", help="folder, file or glob of images; with --inside an image or .npy cloud"
    )
    parser.add_argument("--budget", type=int, required=True, help="how many to choose")
    parser.add_argument("--out", type=Path, required=True, help="text file of names; with --inside a .json file")
    parser.add_argument("--selector", default="ideal", help=f"{', '.join(NAMES)} (default: ideal)")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="of the selector, e.g. k=10")
    parser.add_argument("--seed", type=int, default=0, help="of the selectors that draw (default: 0)")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw what was chosen, and where it lies among all")
    parser.add_argument("--labelled", type=Path, metavar="TXT", help="names that have their annotation already")
    add_features(parser.add_argument_group("what to choose by (default: EfficientNet-Lite0 features of the images)"))
    add_cfg_options(parser)
    add_inside(parser.add_argument_group("inside one image or cloud"))
    args = parser.parse_args(arguments)
    if args.seed < 0:
        parser.error("--seed must be 0 or more")
    return args


def add_features(group: argparse._ArgumentGroup) -> None:
    """Options that say where features come from."""
    group.add_argument("--features", type=Path, metavar="NPY", help="features (N, D), one row a sample")
    group.add_argument("--names", type=Path, metavar="TXT", help="names of the rows of --features (default: 0, 1, ...)")
    group.add_argument("--weights", default="efficientnet_lite0", help="file or catalogue name of EfficientNet-Lite0")
    group.add_argument("--config", help="a trained method's config: features are its own")
    group.add_argument("--checkpoint", help="its weights")
    group.add_argument(
        "--split", default="test", choices=["train", "val", "test"], help="whose samples, without images"
    )
    group.add_argument("--predictions", type=Path, metavar="NPY", help="class probabilities (N, C), for uncertainty")


def add_inside(group: argparse._ArgumentGroup) -> None:
    """Options of the inside mode."""
    group.add_argument("--inside", action="store_true", help="choose pixels of one image or points of one cloud")
    group.add_argument("--truth", type=Path, help="mask PNG, or .npy of class ids: write labelled points")
    group.add_argument("--spacing", type=int, default=8, help="side of a cell of candidate pixels (default: 8)")
    group.add_argument("--voxel", type=float, help="side of a voxel of candidate points (default: 1/32 of the cloud)")
    group.add_argument("--place-weight", type=float, default=1.0, help="of position against colour (default: 1)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    selector = build_selector(args.selector, args.option)
    choose_inside(args, selector) if args.inside else choose_samples(args, selector)


def choose_samples(args: argparse.Namespace, selector: Selector) -> None:
    """Names of samples, in order."""
    pool = load_pool(args)
    labelled = pool.rows(args.labelled)
    rng = np.random.default_rng(args.seed)
    chosen = selector.select(pool.features, args.budget, labelled=labelled, rng=rng)
    write_names(args.out, [pool.names[index] for index in chosen])
    print(f"{args.selector}: {len(chosen)} of {len(pool.names)} samples, {len(labelled)} labelled before: {args.out}")
    if args.picture:
        print(f"picture: {write_image(args.picture, pool.picture(chosen, labelled))}")


def load_pool(args: argparse.Namespace) -> Pool:
    """Names and features from wherever the command line says.

    Raises:
        UserError: none or several sources, or a missing one.
    """
    check_sources(args)
    if args.config:
        names, features = method_features(
            args.config, args.checkpoint, images=args.source, split=args.split, options=args.cfg_options
        )
        return Pool(names=names, features=features, images=find_images(args.source)[0] if args.source else None)
    table = args.predictions or args.features
    if args.source is None:
        features = read_matrix(table)
        names = read_names(args.names) if args.names else [str(row) for row in range(len(features))]
        return Pool(names=names, features=features)
    images, _ = find_images(args.source)
    if table:
        return Pool(names=list(images), features=read_matrix(table), images=images)
    cache = args.out.with_name(f"{args.out.stem}.features.npz")
    return Pool(names=list(images), features=image_features(images, weights=args.weights, cache=cache), images=images)


def check_sources(args: argparse.Namespace) -> None:
    """One thing to choose by, and probabilities exactly for uncertainty."""
    given = [flag for flag in ("features", "config", "predictions") if getattr(args, flag)]
    if len(given) > 1:
        raise UserError(f"--{' and --'.join(given)} both say what to choose by; give one of them.")
    if (args.selector == "uncertainty") != (args.predictions is not None):
        raise UserError(
            "--selector uncertainty and --predictions probs.npy (class probabilities, one row a sample) go together."
        )
    if args.source is None and not given:
        raise UserError("nothing to choose from: give a folder of images, --features file.npy, or --config CONFIG.")
    if args.names and (args.source or args.config):
        raise UserError("--names belongs to --features; images and data sets have names of their own.")


def choose_inside(args: argparse.Namespace, selector: Selector) -> None:
    """Places inside one image or cloud."""
    check_inside(args)
    source, rng = Path(args.source), np.random.default_rng(args.seed)
    options = {"selector": selector, "rng": rng, "place_weight": args.place_weight}
    if source.suffix.lower() in CLOUD_SUFFIXES:
        places = select_points(read_matrix(source, what="points"), args.budget, voxel=args.voxel, **options)
    else:
        places = select_pixels(read_image(source), args.budget, spacing=args.spacing, **options)
    unknown = write_places(args.out, source, places, args.truth)
    left_out = f", {unknown} left out (truth unknown)" if unknown else ""
    print(f"{args.selector}: {len(places) - unknown} places inside {source.name}{left_out}: {args.out}")
    if args.picture:
        shown = draw_points(read_image(source), places, np.ones(len(places), dtype=int))
        print(f"picture: {write_image(args.picture, shown)}")


def check_inside(args: argparse.Namespace) -> None:
    """Only what the inside mode uses."""
    if args.source is None:
        raise UserError("--inside needs one image, or one cloud as a .npy file (N, 3 or more).")
    if args.selector == "uncertainty":
        raise UserError("--inside chooses by colour and position; take random, k_center, vote_k or ideal.")
    if args.out.suffix.lower() != ".json":
        raise UserError(f"{args.out}: --inside writes JSON; give a name that ends with .json.")
    if args.picture and Path(args.source).suffix.lower() in CLOUD_SUFFIXES:
        raise UserError("--picture: a cloud cannot be drawn here; leave it out.")
    unused = [flag for flag in ("features", "config", "predictions", "labelled", "names") if getattr(args, flag)]
    if unused:
        raise UserError(f"--inside does not use --{', --'.join(unused)}; leave it out.")


if __name__ == "__main__":
    run_tool(main)
