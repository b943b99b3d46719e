"""Convert P-COD point PNGs (squares around each point) to annotation JSON with the points themselves."""

import argparse
import sys

from sparsevision.datasets.converter_cli import run_converter
from sparsevision.datasets.converters import point_format

EXAMPLE = """example:
  python tools/dataset_converters/p_cod_points.py data/COD/TrainDataset/Point \\
      --out data/COD/TrainDataset/PointJSON --side 11
"""


def add_side(parser: argparse.ArgumentParser) -> None:
    """The option that only points need."""
    parser.add_argument("--side", type=int, help="side of the squares in pixels, odd (default: found in each picture)")


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is converted (or verified), 1 when --verify found differences, 2 on bad input."""
    return run_converter(
        arguments,
        description=__doc__,
        examples=EXAMPLE,
        form=lambda args: point_format(args.side),
        add_options=add_side,
    )


if __name__ == "__main__":
    sys.exit(main())
