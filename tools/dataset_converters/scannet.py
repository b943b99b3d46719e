"""Prepare ScanNet V2: raw meshes and annotations in, arrays out, in the layout that the point-cloud data sets read.

SOURCE holds scans, scans_test, scannetv2-labels.combined.tsv and the lists scannetv2_train.txt, _val.txt, _test.txt.
An interrupted run goes on where it was. --verify also compares the classes with the published *.labels.ply.
"""

import argparse
import sys
from pathlib import Path

from sparsevision.datasets.points.prepare.command_line import run_prepare
from sparsevision.datasets.points.prepare.scannet import ScanNet

EXAMPLE = """examples:
  python tools/dataset_converters/scannet.py downloads/scannet --out data/ScanNet --workers 8
  python tools/dataset_converters/scannet.py downloads/scannet --out data/ScanNet --verify
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of this data set."""
    parser.add_argument("--lists", metavar="FOLDER", help="of scannetv2_train.txt and the others (default: SOURCE)")
    parser.add_argument("--found-only", action="store_true", help="leave out scenes of the lists that are not there")


def make(args: argparse.Namespace) -> ScanNet:
    """The data set that the command line describes."""
    return ScanNet(Path(args.source), lists=Path(args.lists) if args.lists else None, found_only=args.found_only)


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and the same), 1 when --verify found differences, 2 on bad input."""
    return run_prepare(arguments, description=__doc__, examples=EXAMPLE, make=make, add_options=add_options)


if __name__ == "__main__":
    sys.exit(main())
