"""Prepare posed scenes at one image size: SPIn-NeRF's benchmark, MVSeg, LLFF and NVOS.

A prepared scene holds images_<factor> (copied, or made from images), poses_bounds.npy (copied, or made from the COLMAP
model), sparse/0, and beside the images label, label_full, test_label, lama_images and depth, each file under its
image's name and masks at the images' size. What is odd in the raw files is noted. An interrupted run goes on where it
was. Nothing is written into SOURCE.
"""

import argparse
import sys
from pathlib import Path

from sparsevision.datasets.views.prepare.command_line import run_conversion
from sparsevision.datasets.views.prepare.scene_set import SceneSet

EXAMPLE = """examples:
  python tools/dataset_converters/spin_nerf.py downloads/spinnerf-dataset --out data/spin_nerf --factor 4
  python tools/dataset_converters/spin_nerf.py downloads/spinnerf-dataset --out data/spin_nerf --factor 4 --verify
  python tools/dataset_converters/spin_nerf.py downloads/statue --out data/spin_nerf/statue --factor 2 --layout llff
  python tools/dataset_converters/spin_nerf.py downloads/nerf_llff_data --out data/mvseg --factor 4 --layout mvseg \\
      --annotations downloads/mvseg
  python tools/dataset_converters/spin_nerf.py downloads/nerf_llff_data --out data/nvos --factor 4 --layout nvos \\
      --annotations downloads/nvos
"""
LAYOUTS = ("spin_nerf", "mvseg", "llff", "nvos")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of these sets."""
    parser.add_argument("--layout", choices=LAYOUTS, default="spin_nerf", help="default: %(default)s")
    parser.add_argument("--annotations", type=Path, help="folder of the masks of mvseg, or the NVOS release")


def make(args: argparse.Namespace) -> SceneSet:
    """The scenes that the command line describes."""
    return SceneSet(Path(args.source), args.layout, args.factor, args.annotations)


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and the same), 1 when --verify found differences, 2 on bad input."""
    return run_conversion(arguments, description=__doc__, examples=EXAMPLE, make=make, add_options=add_options)


if __name__ == "__main__":
    sys.exit(main())
