"""Write scenes for nerfstudio (transforms.json), or take them from it into LLFF's layout.

A scene that has transforms.json is written as LLFF has it: poses_bounds.npy, images, label, test_label and sparse/0.
Any other is written as nerfstudio has it: transforms.json, images, masks, depths and colmap/sparse/0. Masks of
nerfstudio are 0 where the object is, labels of LLFF 255. Each scene is loaded again to see that its cameras are the
same. Nothing is written into SOURCE.
"""

import argparse
import sys
from pathlib import Path

from sparsevision.datasets.views.layouts import LAYOUTS
from sparsevision.datasets.views.prepare.command_line import run_conversion
from sparsevision.datasets.views.prepare.listed import ListedScenes

EXAMPLE = """examples:
  python tools/dataset_converters/transforms_json.py data/spin_nerf/book --out data/studio/book --factor 4
  python tools/dataset_converters/transforms_json.py data/spin_nerf/book --out data/studio/book --factor 4 --verify
  python tools/dataset_converters/transforms_json.py data/spin_nerf/book --out data/studio/book --factor 4 --depth depth
  python tools/dataset_converters/transforms_json.py downloads/kitchen --out data/kitchen
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of both directions."""
    parser.set_defaults(factor=1.0)
    layouts = [layout for layout in LAYOUTS if layout != "nerfstudio"]
    parser.add_argument(
        "--layout", choices=["auto", *layouts], default="auto", help="of scenes without transforms.json"
    )
    parser.add_argument("--depth", metavar="FOLDER", help="disparities beside the images that become depth files")


def make(args: argparse.Namespace) -> ListedScenes:
    """The scenes that the command line describes."""
    return ListedScenes(Path(args.source), args.factor, args.layout, args.depth)


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and the same), 1 when --verify found differences, 2 on bad input."""
    return run_conversion(arguments, description=__doc__, examples=EXAMPLE, make=make, add_options=add_options)


if __name__ == "__main__":
    sys.exit(main())
