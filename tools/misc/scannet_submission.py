"""From predictions of a test run to the archive that ScanNet's test server takes.

The server wants a text file for each of the 100 test scenes, with one class number of NYU40 a line, in a zip archive.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress

from sparsevision.datasets.points.scannet_predictions import write_scannet_submission
from sparsevision.datasets.points.scene import scene_keys
from sparsevision.engine import run_tool
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/test.py configs/cpcm/CONFIG.py work_dirs/CONFIG/epoch_180.pth --out work_dirs/test \\
      --cfg-options test_dataloader.dataset.split=test
  python tools/misc/scannet_submission.py work_dirs/test/pred_point_labels --data data/ScanNet --out work_dirs/upload
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("predictions", type=Path, help="folder of <scene>.npy, a class 0 to 19 for each vertex")
    parser.add_argument("--data", default="data/ScanNet", help="the prepared set (default: %(default)s)")
    parser.add_argument("--split", default="test", help="whose scenes are needed (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the text files; <out>.zip is made beside it")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the text files and the archive, and say so."""
    args = parse_args(arguments)
    check_out_folder(args.out, "--out")
    keys = scene_keys(args.data, args.split)
    try:
        with Progress(transient=True) as bar:
            task = bar.add_task("writing", total=len(keys))
            archive = write_scannet_submission(
                args.predictions, args.out, root=args.data, split=args.split, done=lambda scene: bar.advance(task)
            )
    except OSError as error:
        raise UserError(f"{args.out}: cannot be written ({error.strerror or error}); choose another --out.") from error
    print(f"{archive}: {len(keys)} scenes of '{args.split}'")


if __name__ == "__main__":
    run_tool(main)
