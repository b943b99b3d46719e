"""Bring DSEC's events and the labels of DSEC-Semantic together, make clicks, and check the result.

Any of the three layouts in use is read, that of the official archives is written. Without --out the clicks are put
beside the labels. From 19classes/ alone, 11classes/ is made before it is clicked.
"""

import sys

from sparsevision.datasets.events.prepare import DSECSemantic
from sparsevision.datasets.events.prepare_cli import run_prepare

EXAMPLE = """examples:
  python tools/dataset_converters/dsec_semantic.py downloads/train_events downloads/train_semantic_segmentation \\
      --splits train --out data/DSEC --points 1 10 --verify
  python tools/dataset_converters/dsec_semantic.py data/DSEC --verify
  python tools/dataset_converters/dsec_semantic.py data/tiny_street/dsec --sequences all --sensor-size 96 128 \\
      --crop-bottom 8 --verify
"""


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and in order), 1 when --verify found problems, 2 on bad input."""
    return run_prepare(arguments, description=__doc__, examples=EXAMPLE, make=lambda args: DSECSemantic())


if __name__ == "__main__":
    sys.exit(main())
