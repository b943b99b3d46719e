"""Drop boxes of a COCO-format file by a protocol of sparsely annotated detection; the rest becomes a file to share.

What an image keeps depends on the seed and its ids alone. The data set `SparseBoxes` makes the same choice on the fly;
a file fixes it for other programs, and for those who want to see it. Give it to training only.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sparsevision.annotation import BOX_PROTOCOLS
from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.detection.sparse_file import ThinnedFile, thin_box_file
from sparsevision.engine import run_tool
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  half of the boxes, each by the toss of a coin:
    python tools/annotation/sparse_boxes.py data/coco/annotations/instances_train2017.json --protocol random --keep 0.5
  one box of every class that an image shows (SIOD):
    python tools/annotation/sparse_boxes.py data/coco/annotations/instances_train2017.json --protocol one_per_category
  one box an image, as in the hardest setting of Co-mining, and where to write it:
    python tools/annotation/sparse_boxes.py data/tiny_shapes/annotations/instances_train2017.json --protocol extreme \\
        --seed 1 --out work_dirs/one_box.json
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("source", type=Path, help="COCO-format file with all boxes")
    parser.add_argument("--protocol", choices=BOX_PROTOCOLS, default="random", help="default: %(default)s")
    parser.add_argument("--keep", type=float, default=0.5, help="share that random keeps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="file to write (default: beside SOURCE, named after the options)")
    parser.add_argument("--overwrite", action="store_true", help="replace a file with other boxes")
    return parser.parse_args(arguments)


def default_out(args: argparse.Namespace) -> Path:
    """instances_train2017_random0.5_seed0.json beside the source."""
    share = f"{args.keep:g}" if args.protocol == "random" else ""
    return args.source.with_name(f"{args.source.stem}_{args.protocol}{share}_seed{args.seed}.json")


def write(path: Path, thinned: ThinnedFile, *, source: Path, overwrite: bool) -> str:
    """Save the file; says if it was there already. Raises UserError where it would replace another."""
    content = (json.dumps(thinned.document) + "\n").encode()
    if path.exists() and path.resolve() == source.resolve():
        raise UserError(f"--out {path}: is the source itself; choose another name.")
    if path.exists() and not overwrite:
        if path.is_file() and path.read_bytes() == content:
            return "kept, it has these boxes"
        raise UserError(f"{path}: is there with other content; choose another --out, or replace it with --overwrite.")
    write_bytes(path, content)
    return "written"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    thinned = thin_box_file(args.source, protocol=args.protocol, keep=args.keep, seed=args.seed)
    if not thinned.after.any():
        raise UserError("no box would be kept, so nothing is written; raise --keep, or look at the file.")
    out = args.out or default_out(args)
    print(f"{out}: {write(out, thinned, source=args.source, overwrite=args.overwrite)}")
    before, after = int(thinned.before.sum()), int(thinned.after.sum())
    lost = [name for name, count in zip(thinned.classes, thinned.after, strict=True) if not count]
    print(f"boxes kept            {after} of {before} ({after / before:.1%})")
    print(f"images without a box  {thinned.emptied} of {thinned.images} that had one")
    print(f"classes without a box {', '.join(lost) or 'none'}")


if __name__ == "__main__":
    run_tool(main)
