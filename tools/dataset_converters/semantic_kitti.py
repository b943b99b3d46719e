"""Prepare SemanticKITTI as seen by the front camera: scans, labels and pictures in, coloured clouds out.

SOURCE holds sequences/NN with velodyne, image_2 and calib.txt (KITTI odometry) and labels (SemanticKITTI). Sequence 08
is the split "val", the others of 00 to 10 are "train", 11 to 21 "test". An interrupted run goes on where it was.
"""

import sys
from pathlib import Path

from sparsevision.datasets.points.prepare.command_line import run_prepare
from sparsevision.datasets.points.prepare.semantic_kitti import SemanticKITTI

EXAMPLE = """examples:
  python tools/dataset_converters/semantic_kitti.py downloads/kitti/dataset --out data/SemanticKITTI --workers 8
  python tools/dataset_converters/semantic_kitti.py downloads/kitti/dataset --out data/SemanticKITTI --verify
"""


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is done (and the same), 1 when --verify found differences, 2 on bad input."""
    return run_prepare(
        arguments, description=__doc__, examples=EXAMPLE, make=lambda args: SemanticKITTI(Path(args.source))
    )


if __name__ == "__main__":
    sys.exit(main())
