"""What a budget of annotations bought: counts, pixels, objects reached, correctness and seconds, as table and picture.

Labelled pixels of boxes are all pixels inside: their "right" says how much of the boxes shows the object. Seconds come
from a cost model that you can edit (--costs, --cost); measured ones from files made with the annotation page.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sparsevision.annotation import AnnotationError, CostModel
from sparsevision.annotation.report import ItemTable, ReportRow, budget_steps, report_rows
from sparsevision.datasets.dense_masks import MaskReader, find_masks, refuse_binary
from sparsevision.datasets.image_folder import find_images
from sparsevision.datasets.image_io import read_image
from sparsevision.datasets.report_folder import (
    class_names,
    find_annotations,
    full_masks,
    read_annotations,
    read_tables,
    write_csv,
)
from sparsevision.engine import run_tool
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser
from sparsevision.visualization.budget_picture import Example, budget_figure

EXAMPLE = """examples:
  python tools/annotation/annotation_report.py work_dirs/scribbles --truth data/tiny_camouflage/TrainDataset/GT \\
      --threshold 128 --images data/tiny_camouflage/TrainDataset/Imgs --out work_dirs/report
  python tools/annotation/annotation_report.py work_dirs/scribbles --cost scribble=6 --cost mask=120
"""
PLAIN_WIDTH = 110  # of the table in files and pipes


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("folder", type=Path, help="folder of annotation files, one an image")
    parser.add_argument("--truth", type=Path, help="folder of dense masks, to say how much is right")
    parser.add_argument("--threshold", type=int, help="these masks are binary: brighter pixels are class 1 (COD: 128)")
    parser.add_argument("--ignore-index", type=int, help="value of pixels without truth (default: 255)")
    parser.add_argument("--images", type=Path, help="folder of the images, for the picture")
    parser.add_argument("--costs", type=Path, help='JSON file of seconds, such as {"point": 2.4, "box": 7}')
    parser.add_argument(
        "--cost", action="append", default=[], metavar="NAME=SECONDS", help="one price; may be repeated"
    )
    parser.add_argument("--examples", type=int, default=8, help="images in the picture (default: 8)")
    parser.add_argument("--out", type=Path, help="folder for report.csv and report.png (default: the table only)")
    return parser.parse_args(arguments)


def cost_model(args: argparse.Namespace) -> CostModel:
    """The prices of the file with those of the command line in their place. Raises UserError on a wrong one."""
    prices = asdict(CostModel.load(args.costs)) if args.costs else {}
    for text in args.cost:
        name, _, seconds = text.partition("=")
        try:
            prices[name] = float(seconds)
            CostModel.from_dict(prices)
        except AnnotationError as error:
            raise UserError(f"--cost {text}: {error}") from error
        except ValueError:
            raise UserError(f"--cost {text}: expected a name and seconds, such as point=3.") from None
    return CostModel.from_dict(prices)


def truth_of(args: argparse.Namespace) -> tuple[dict[str, Path], MaskReader]:
    """The masks by stem, and how they are read."""
    ignore_index = 255 if args.ignore_index is None else args.ignore_index
    reader = MaskReader(args.threshold, None if args.threshold is not None else ignore_index)
    if args.truth is None:
        return {}, reader
    masks = find_masks(args.truth)
    if args.threshold is None and args.ignore_index is None:
        refuse_binary(masks.values())
    return masks, reader


def print_table(rows: Sequence[ReportRow], names: Sequence[str], console: Console) -> None:
    """One line for every type and class; columns that would be empty are left out."""
    lines = [shown_cells(row, names) for row in rows]
    headings = [name for name in lines[0] if any(line[name] for line in lines)]
    table = Table(title="what was annotated", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("type", "class") else "right", no_wrap=True)
    for line in lines:
        table.add_row(*(line[name] for name in headings))
    console.print(table)


def shown_cells(row: ReportRow, names: Sequence[str]) -> dict[str, str]:
    """Heading -> text of a line of the table; empty where nothing is known."""
    measured = "" if row.measured_seconds is None else f"{duration(row.measured_seconds)} ({row.measured_items})"
    return {
        "type": row.kind,
        "class": class_title(row, names),
        "items": str(row.count),
        "images": f"{row.images}/{row.images_with_class}" if row.images_with_class else str(row.images),
        "pixels": str(row.pixels),
        "% labelled": f"{100 * row.pixel_share:.3g}",
        "% right": "" if row.right_share is None else f"{100 * row.right_share:.1f}",
        "objects": f"{row.objects_touched}/{row.objects}" if row.objects else "",
        "model": duration(row.modelled_seconds),
        "measured": measured,
    }


def class_title(row: ReportRow, names: Sequence[str]) -> str:
    """The class's id, and its name if it has one."""
    if row.label is None:
        return ""
    return f"{row.label} {names[row.label]}" if row.label < len(names) else str(row.label)


def duration(seconds: float) -> str:
    """Seconds up to two minutes, then minutes, then hours."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def summary(tables: Mapping[str, ItemTable], rows: Sequence[ReportRow], model: CostModel) -> str:
    """Sentences about the cost against dense labels and the classes that were reached."""
    dense, spent = full_masks(tables, model), rows[-1].modelled_seconds
    lines = [f"{rows[-1].count} annotations in {len(tables)} files: {duration(spent)} by the cost model"]
    if dense.seconds and spent:
        covered = "1 image" if dense.images == 1 else f"{dense.images} images"
        lines.append(f"full masks of {covered}: {duration(dense.seconds)}, {dense.seconds / spent:.1f} times that")
    if dense.polygons and spent:
        lines.append(f"outlines of their objects: {duration(dense.polygons)}, {dense.polygons / spent:.1f} times that")
    present = {label for table in tables.values() for label in table.objects}
    reached = {int(c) for table in tables.values() for c, right in zip(table.label, table.right, strict=True) if right}
    if present:
        lines.append(f"classes with a right label: {len(present & reached)} of {len(present)} in the truth")
    return "\n".join(lines)


def examples_of(
    args: argparse.Namespace, files: Mapping[str, Path], truths: Mapping[str, Path], reader: MaskReader
) -> list[Example]:
    """Some of the images, evenly spread, those first that can be shown with something behind them."""
    images = find_images(args.images)[0] if args.images else {}
    stems = [stem for stem in files if stem in images or stem in truths] or list(files)
    chosen = np.unique(np.linspace(0, len(stems) - 1, max(0, min(args.examples, len(stems)))).round().astype(int))
    return [
        Example(
            title=stems[index],
            annotations=read_annotations(files[stems[index]]),
            picture=read_image(images[stems[index]]) if stems[index] in images else None,
            truth=reader(truths[stems[index]]) > 0 if stems[index] in truths else None,
        )
        for index in chosen
    ]


def draw(path: Path, title: str, examples: list[Example], tables: Mapping[str, ItemTable], model: CostModel) -> None:
    """Write the picture. Raises UserError when that cannot be done."""
    kinds = sorted({str(kind) for table in tables.values() for kind in table.kind})
    curves = {kind: budget_steps(tables, kind=kind) for kind in kinds}
    dense = full_masks(tables, model)
    count = max(1, dense.images)
    prices = {kind: curves[kind][-1].seconds / count for kind in kinds}
    prices |= {} if dense.polygons is None else {"outline of objects": dense.polygons / count}
    prices |= {"full mask": model.mask}
    figure = budget_figure(title=title, examples=examples, curves=curves, prices=prices)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another --out.") from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.out, "--out")
    model, files = cost_model(args), find_annotations(args.folder)
    truths, reader = truth_of(args)
    steps = read_tables(files, model=model, truths=truths, reader=reader)
    tables = dict(track(steps, description="reading", total=len(files), transient=True))
    rows, names = report_rows(tables), class_names(args.folder, files)
    console = Console()
    print_table(rows, names, console if console.is_terminal else Console(width=PLAIN_WIDTH))
    print(summary(tables, rows, model))
    if args.truth and (missing := [stem for stem in files if stem not in truths]):
        print(f"no truth for {len(missing)} of {len(files)} files, such as {missing[0]}")
    if args.out:
        write_csv(args.out / "report.csv", rows, names)
        title = f"{args.folder.name}: {rows[-1].count} annotations in {len(files)} files"
        draw(args.out / "report.png", title, examples_of(args, files, truths, reader), tables, model)
        print(f"wrote {args.out / 'report.csv'} and {args.out / 'report.png'}")


if __name__ == "__main__":
    run_tool(main)
