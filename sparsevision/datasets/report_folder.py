"""A folder of annotation files, looked at as a whole: what `tools/annotation/annotation_report.py` reads and prints."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from sparsevision.annotation import Annotation, CostModel, load_annotations
from sparsevision.annotation.files import write_bytes
from sparsevision.annotation.report import ItemTable, ReportRow, item_table
from sparsevision.datasets.dense_masks import MaskReader
from sparsevision.utils import UserError

CLASSES_FILE = "lists/classes.txt"  # where the annotation page keeps the names, one a line
_MAX_NAMES_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class FullMasks:
    """What dense labels of the same images would cost.

    Attributes:
        images: how many there are.
        seconds: a full segmentation of each.
        polygons: an outline of each object of the truth; None without truth.
    """

    images: int
    seconds: float
    polygons: float | None


def find_annotations(folder: str | Path) -> dict[str, Path]:
    """{stem: path} of the annotation files in a folder and, as "tracks/<stem>", in its tracks/ folder, sorted.

    Raises:
        UserError: no such folder, or no .json or .npz in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; expected one of annotation files, one JSON an image.")
    files = [*sorted(folder.iterdir()), *sorted((folder / "tracks").glob("*"))]
    files = [path for path in files if path.is_file() and path.suffix in (".json", ".npz") and path.name[0] != "."]
    if not files:
        raise UserError(f"{folder}: holds no annotation file (.json, .npz); simulate some, or annotate its images.")
    found: dict[str, Path] = {}
    for path in files:
        stem = path.stem if path.parent == folder else f"tracks/{path.stem}"
        if stem in found:
            raise UserError(f"{folder}: holds both '{found[stem].name}' and '{path.name}'; keep one of them.")
        found[stem] = path
    return found


def read_annotations(path: str | Path) -> dict[str, Annotation]:
    """The annotations of a file by name, whatever way they were saved."""
    loaded = load_annotations(path)
    if isinstance(loaded, Annotation):
        return {loaded.kind: loaded}
    return loaded if isinstance(loaded, dict) else {str(index): each for index, each in enumerate(loaded)}


def read_tables(
    files: Mapping[str, Path], *, model: CostModel, truths: Mapping[str, Path], reader: MaskReader
) -> Iterator[tuple[str, ItemTable]]:
    """(stem, its items) of every annotation file, with the truth of that stem where there is one.

    Raises:
        UserError: a broken file, or a truth of another size; names the file.
    """
    for stem, path in files.items():
        annotations = read_annotations(path)
        truth = reader(truths[stem]) if stem in truths else None
        try:
            yield stem, item_table(annotations, model=model, truth=truth, ignore_index=reader.ignore_index)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error


def class_names(folder: str | Path, files: Mapping[str, Path]) -> list[str]:
    """Names by class id: the annotation page's list, else `meta["classes"]` of the first file, else none."""
    listed = Path(folder) / CLASSES_FILE
    if listed.is_file() and listed.stat().st_size < _MAX_NAMES_BYTES:
        return listed.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for path in list(files.values())[:1]:
        for annotation in read_annotations(path).values():
            names = annotation.meta.get("classes")
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return names
    return []


def full_masks(tables: Mapping[str, ItemTable], model: CostModel) -> FullMasks:
    """The price of dense labels for the images that were annotated."""
    images = sum(table.size > 0 for table in tables.values())
    objects = sum(count for table in tables.values() for label, count in table.objects.items() if label)
    truth = any(table.objects for table in tables.values())
    return FullMasks(images=images, seconds=images * model.mask, polygons=objects * model.polygon if truth else None)


def write_csv(path: str | Path, rows: Sequence[ReportRow], names: Sequence[str]) -> None:
    """The rows with all their figures; what is unknown is an empty cell."""
    text = io.StringIO()
    columns = [field.name for field in fields(ReportRow)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns[:2], "class", *columns[2:]])
    for row in rows:
        cells = asdict(row)
        known = row.label is not None and row.label < len(names)
        writer.writerow(
            [row.kind, _cell(row.label), names[row.label] if known else "", *map(_cell, [*cells.values()][2:])]
        )
    write_bytes(path, text.getvalue().encode())


def _cell(value: float | int | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
