"""The demo page of all methods, or masks for photographs of your own.

Exit codes: 0, everything asked for ran; 3, the page was written and says why some entries could not run; 2, none could.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sparsevision.apis import CamouflageInferencer
from sparsevision.apis.camouflage import DEFAULT_CONFIG
from sparsevision.demo import ENTRIES, run_demo
from sparsevision.engine.cli import run_tool
from sparsevision.utils import UserError, check_out_folder, did_you_mean
from sparsevision.utils.command_line import tool_parser
from sparsevision.utils.processes import usable_processors

EXAMPLE = """examples:
  python tools/demo.py                                       run the main entries, write work_dirs/demo/index.html
  python tools/demo.py --all --out-dir work_dirs/gallery     run every entry
  python tools/demo.py --only spin_nerf                      run one
  python tools/demo.py photo.jpg --out-dir work_dirs/photo   segment photographs with GenSAM
"""
INCOMPLETE = 3
AT_ONCE = 2


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("images", nargs="*", help="files, folders or globs to segment; none: make the page")
    parser.add_argument("--out-dir", default="work_dirs/demo", help="where results go (default: %(default)s)")
    parser.add_argument("--all", action="store_true", help="every entry, also those that take longer")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"entries of the page: {', '.join(_names())}")
    parser.add_argument(
        "--jobs", type=int, help=f"entries at a time (default: the number of processors, at most {AT_ONCE})"
    )
    parser.add_argument("--cover", type=Path, metavar="FILE", help="also write a .webp with a picture of each entry")
    parser.add_argument("--model", default=DEFAULT_CONFIG, help="config for photographs (default: %(default)s)")
    parser.add_argument("--checkpoint", help="weights for a model that learns")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the page, or segment the photographs."""
    args = parse_args(arguments)
    check_out_folder(args.out_dir, "--out-dir")
    if args.images:
        segment(args)
        return
    chosen = _chosen(args.only, every=args.all)
    if args.cover and args.cover.suffix != ".webp":
        raise UserError(f"--cover {args.cover}: expected a name that ends with .webp.")
    if args.jobs is not None and args.jobs < 1:
        raise UserError(f"--jobs {args.jobs}: expected 1 or more.")
    demo = run_demo(
        [entry for entry in ENTRIES if entry.name in chosen],
        args.out_dir,
        jobs=args.jobs or min(AT_ONCE, usable_processors(), len(chosen)),
        offered=[entry for entry in ENTRIES if entry.name not in chosen],
        cover=args.cover,
    )
    print(f"\nThe page: {demo.page.resolve()}")
    if demo.problems:
        sys.exit(INCOMPLETE)


def segment(args: argparse.Namespace) -> None:
    """Segment files and say where the pictures are."""
    inferencer = CamouflageInferencer(model=args.model, checkpoint=args.checkpoint)
    for result in inferencer(args.images, out_dir=args.out_dir):
        files = ", ".join(str(path) for path in result.files.values())
        print(f"{result.name}: {result.mask.mean():.1%} of the image is foreground; {files}")


def _names() -> list[str]:
    return [entry.name for entry in ENTRIES]


def _chosen(only: Sequence[str] | None, *, every: bool) -> list[str]:
    for name in only or ():
        if name not in _names():
            raise UserError(f"--only {name}: expected one of {', '.join(_names())}.{did_you_mean(name, _names())}")
    return list(only or (entry.name for entry in ENTRIES if every or entry.main))


if __name__ == "__main__":
    run_tool(main)
