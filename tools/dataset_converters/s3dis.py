"""Prepare S3DIS: raw text files of rooms in, arrays out, in the layout that the point-cloud data sets read.

Each damaged line is named, with what it was read as, or left out. An interrupted run goes on where it was. The split
"val" is --test-area, "train" the other areas; splits area_1 to area_6 are there for six-fold tests.
"""

import argparse
import math
import sys
from pathlib import Path

from sparsevision.datasets.points.prepare.command_line import run_prepare
from sparsevision.datasets.points.prepare.s3dis import ROOMS, S3DIS
from sparsevision.utils import UserError

EXAMPLE = """examples:
  python tools/dataset_converters/s3dis.py downloads/Stanford3dDataset_v1.2_Aligned_Version --out data/S3DIS --workers 8
  python tools/dataset_converters/s3dis.py downloads/Stanford3dDataset_v1.2_Aligned_Version --out data/S3DIS --verify
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of this data set."""
    parser.add_argument("--test-area", type=int, choices=sorted(ROOMS), default=5, help="default: %(default)s")
    parser.add_argument(
        "--thin",
        type=float,
        default=0.01,
        metavar="METRES",
        help="keep one point in cells of this size, as CPCM does; 0 keeps all (default: %(default)s)",
    )


def make(args: argparse.Namespace) -> S3DIS:
    """The data set that the command line describes."""
    if not (math.isfinite(args.thin) and args.thin >= 0):
        raise UserError(f"--thin {args.thin}: expected metres, or 0 to keep all points.")
    return S3DIS(Path(args.source), test_area=args.test_area, thin=args.thin)


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and the same), 1 when --verify found differences, 2 on bad input."""
    return run_prepare(arguments, description=__doc__, examples=EXAMPLE, make=make, add_options=add_options)


if __name__ == "__main__":
    sys.exit(main())
