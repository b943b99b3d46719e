"""Convert annotations between COCO JSON, LabelMe JSON, CVAT XML and the JSON files of this package.

What the other format has no word for is kept beside it, so that the way back loses nothing. What cannot be kept is
counted in the report.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sparsevision.annotation import formats
from sparsevision.annotation.formats.folder import guess_format, read_folder, write_folder
from sparsevision.engine import run_tool
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/annotation/convert.py instances_val2017.json --to sparsevision --out annotations --clip
  python tools/annotation/convert.py annotations --to labelme --out labelme --images images
  python tools/annotation/convert.py labelme --from labelme --to cvat --out cvat --classes background,ant,bee
"""
READERS = {"coco": formats.read_coco, "labelme": formats.read_labelme, "cvat": formats.read_cvat}
WRITERS = {
    "coco": formats.write_coco,
    "labelme": formats.write_labelme,
    "cvat": formats.write_cvat,
    "sparsevision": write_folder,
}


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("source", type=Path, help="a file, or a folder of files")
    parser.add_argument(
        "--from", dest="source_format", choices=WRITERS, help="its format (default: seen from its content)"
    )
    parser.add_argument("--to", dest="target_format", choices=WRITERS, required=True, help="the format to write")
    parser.add_argument(
        "--out", type=Path, required=True, help="coco: a file; labelme, sparsevision: a folder; cvat: both"
    )
    parser.add_argument("--classes", help="class names, separated by commas, background first: index = id")
    parser.add_argument("--images", type=Path, help="folder of the images, for their names; every image must be there")
    parser.add_argument("--clip", action="store_true", help="move locations up to 1 pixel outside onto the border")
    parser.add_argument("--flatten", action="store_true", help="keep only the last part of the file names of images")
    parser.add_argument("--max-mib", type=int, default=64, help="refuse larger files (default: 64 MiB)")
    parser.add_argument("--overwrite", action="store_true", help="write into an --out that exists")
    return parser.parse_args(arguments)


def read(args: argparse.Namespace) -> tuple[str, formats.AnnotationSet]:
    """The format and the content of the source."""
    limit = args.max_mib * 2**20
    form = args.source_format or guess_format(args.source, max_bytes=limit)
    options = {"classes": classes_of(args), "images": args.images, "max_bytes": limit}
    if form == "sparsevision":
        return form, read_folder(args.source, **options)
    return form, READERS[form](args.source, clip=args.clip, flatten=args.flatten, **options)


def classes_of(args: argparse.Namespace) -> list[str] | None:
    """The names given with --classes."""
    return None if args.classes is None else [name.strip() for name in args.classes.split(",")]


def report(data: formats.AnnotationSet) -> Table:
    """What was converted, by type, and what had to be changed or left out."""
    table = Table()
    table.add_column("what")
    table.add_column("number", justify="right")
    table.add_row("images", str(len(data.annotations)))
    every = [one for by_name in data.annotations.values() for one in by_name.values()]
    for kind in dict.fromkeys(type(one) for one in every):
        table.add_row(kind.__name__, str(sum(len(one) for one in every if type(one) is kind)))
    for sentence, count in data.report.items():
        table.add_row(escape(sentence), str(count), style="yellow")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    if args.max_mib < 1:
        raise UserError("--max-mib must be at least 1")
    if args.out.exists() and not args.overwrite and (not args.out.is_dir() or any(args.out.iterdir())):
        raise UserError(f"{args.out} exists; choose another --out, or pass --overwrite to write into it")
    source_format, data = read(args)
    WRITERS[args.target_format](args.out, data, classes=classes_of(args), images=args.images)
    console = Console()
    console.print(f"{source_format} -> {args.target_format}: {args.out}", markup=False, highlight=False)
    console.print(report(data))


if __name__ == "__main__":
    run_tool(main)
