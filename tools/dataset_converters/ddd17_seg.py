"""Unpack the masks of DDD17-Seg, make clicks, and check the result.

The source is the folder of the unpacked archive, which holds dir0, dir1, ... or data/dir0, ... Masks that are zipped in
there are unpacked into --out.
"""

import sys

from sparsevision.datasets.events.prepare import DDD17Seg
from sparsevision.datasets.events.prepare_cli import run_prepare

EXAMPLE = """examples:
  python tools/dataset_converters/ddd17_seg.py downloads/ddd17_seg --out data/ddd17_seg --points 1 10 --verify
  python tools/dataset_converters/ddd17_seg.py data/tiny_street/ddd17 --sequences all --sensor-size 96 128 \\
      --crop-bottom 24 --verify
"""


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and in order), 1 when --verify found problems, 2 on bad input."""
    return run_prepare(arguments, description=__doc__, examples=EXAMPLE, make=lambda args: DDD17Seg())


if __name__ == "__main__":
    sys.exit(main())
