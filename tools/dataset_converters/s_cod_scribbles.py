"""Convert S-COD scribble PNGs to annotation JSON, exactly: drawing the JSON gives the same pixels."""

import sys

from sparsevision.datasets.converter_cli import run_converter
from sparsevision.datasets.converters import scribble_format

EXAMPLE = """example:
  python tools/dataset_converters/s_cod_scribbles.py data/COD/TrainDataset/Scribble \\
      --out data/COD/TrainDataset/ScribbleJSON
"""


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is converted (or verified), 1 when --verify found differences, 2 on bad input."""
    return run_converter(arguments, description=__doc__, examples=EXAMPLE, form=lambda args: scribble_format())


if __name__ == "__main__":
    sys.exit(main())
