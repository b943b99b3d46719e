"""What sparse annotations are, and what they cost: the labels that the next section trains from."""

import csv
from pathlib import Path

from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.engine import call_tool

DATA = Path("data/tiny_camouflage")


def run(folder: Path) -> DemoResult:
    """Make the data and report on the scribbles that come with them."""
    train = DATA / "TrainDataset"
    commands = [
        call_tool("make_synthetic.py", "camouflage", "--out", DATA, "--seed", "0"),
        call_tool(
            "annotation/annotation_report.py", train / "Annotations/scribble",
            "--truth", train / "GT", "--threshold", "128", "--images", train / "Imgs", "--out", folder,
        ),
    ]  # fmt: skip
    return DemoResult(
        pictures=[Picture(folder / "report.png", "scribbles on eight of the images, and what their budget bought")],
        metrics=_rows(folder / "report.csv"),
        commands=commands,
        remark="Minutes are those of a cost model whose prices have sources and can be edited; docs/annotate.md shows "
        "how to annotate images of your own, with the time measured.",
    )


def longer() -> list[str]:
    """Annotating images of one's own in the browser, and the report on it."""
    return [
        "python tools/annotation/annotate.py photos --out my_labels",
        "python tools/annotation/annotation_report.py my_labels --images photos --out work_dirs/my_report",
    ]


def _rows(table: Path) -> dict[str, dict[str, float]]:
    """Strokes, share of labelled pixels and minutes of each row of the report."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        f"{row['kind']} of class {row['label']}" if row["label"] else row["kind"]: {
            "strokes": float(row["count"]),
            "% of pixels": 100 * float(row["pixel_share"]),
            "minutes": float(row["modelled_seconds"]) / 60,
        }
        for row in rows
    }


ENTRY = DemoEntry(
    name="annotations",
    title="Two strokes an image",
    about="Sparse annotations are simulated from dense truth, seeded and nested: one stroke on the animal and one "
    "beside it. The report says what they cover and what they would cost a person.",
    run=run,
    longer=longer,
)
