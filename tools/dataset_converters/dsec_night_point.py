"""Bring DSEC's night drives and the labels of DSEC Night-Point together, and check the result.

The published training labels are clicks already. --points makes others from dense training labels, if you have any
(--dense names their folder in each recording), as labels_weak_1point_per_class; the data set's option `labels` takes
that name.
"""

import argparse
import sys

from sparsevision.datasets.events.prepare import DSECNightPoint
from sparsevision.datasets.events.prepare_cli import run_prepare

EXAMPLE = """examples:
  python tools/dataset_converters/dsec_night_point.py downloads/train_events downloads/DSEC_Night \\
      --out data/DSEC_Night --verify
  python tools/dataset_converters/dsec_night_point.py data/tiny_street/dsec_night --sequences all \\
      --sensor-size 96 128 --crop-bottom 8 --verify
"""


def add_dense(parser: argparse.ArgumentParser) -> None:
    """The option that only the night needs."""
    parser.add_argument(
        "--dense", default="labels_dense", help="folder of dense training labels (default: %(default)s)"
    )


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and in order), 1 when --verify found problems, 2 on bad input."""
    return run_prepare(
        arguments,
        description=__doc__,
        examples=EXAMPLE,
        make=lambda args: DSECNightPoint(dense=args.dense),
        add_options=add_dense,
    )


if __name__ == "__main__":
    sys.exit(main())
