"""The demo page of all methods, or masks for photographs of your own.

python tools/demo.py                                    run every entry, write work_dirs/demo/index.html
python tools/demo.py --only sparse_seg                  run one
python tools/demo.py photo.jpg --out-dir work_dirs/photo   segment photographs with GenSAM
"""

import argparse
from collections.abc import Sequence

from sparsevision.apis import CamouflageInferencer
from sparsevision.apis.camouflage import DEFAULT_CONFIG
from sparsevision.demo import ENTRIES, run_demo
from sparsevision.engine.cli import run_tool
from sparsevision.utils import UserError, check_out_folder, did_you_mean


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", help="files, folders or globs to segment; none: make the page")
    parser.add_argument("--out-dir", default="work_dirs/demo", help="where results go (default: %(default)s)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"entries of the page: {', '.join(_names())}")
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
    page = run_demo([entry for entry in ENTRIES if entry.name in _chosen(args.only)], args.out_dir)
    print(f"\nThe page: {page.resolve()}")


def segment(args: argparse.Namespace) -> None:
    """Segment files and say where the pictures are."""
    inferencer = CamouflageInferencer(model=args.model, checkpoint=args.checkpoint)
    for result in inferencer(args.images, out_dir=args.out_dir):
        files = ", ".join(str(path) for path in result.files.values())
        print(f"{result.name}: {result.mask.mean():.1%} of the image is foreground; {files}")


def _names() -> list[str]:
    return [entry.name for entry in ENTRIES]


def _chosen(only: Sequence[str] | None) -> list[str]:
    for name in only or ():
        if name not in _names():
            raise UserError(f"--only {name}: expected one of {', '.join(_names())}.{did_you_mean(name, _names())}")
    return list(only or _names())


if __name__ == "__main__":
    run_tool(main)
