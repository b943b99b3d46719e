"""What was made of a scene, and what was noted on the way: the card beside it and the table of a converter."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparsevision.utils import atomic_write

CARD = "source.json"
FORMAT = 1


@dataclass
class SceneReport:
    """Counts of a prepared scene; `notes` are sentences about odd things in its files."""

    views: int = 0
    test: int = 0
    size: str = ""
    labels: int = 0
    test_labels: int = 0
    points: int = 0
    notes: list[str] = field(default_factory=list)


def write_card(folder: Path, settings: Mapping[str, Any], report: SceneReport) -> None:
    """Write source.json, which marks a prepared scene. No times and no folders of this machine are in it."""
    content = {"format": FORMAT, "settings": dict(settings), "notes": report.notes}
    with atomic_write(folder / CARD) as stream:
        stream.write((json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def read_card(folder: Path) -> Mapping[str, Any] | None:
    """The card of a prepared scene; None where there is none."""
    try:
        card = json.loads((folder / CARD).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return card if isinstance(card, dict) and card.get("format") == FORMAT else None


def table(reports: Mapping[str, SceneReport], problems: Mapping[str, Sequence[str]]) -> str:
    """A row for each scene."""
    rows = [("scene", "views", "test", "size", "labels", "test labels", "key points", "notes", "problems")]
    for key, report in reports.items():
        counts = (report.views, report.test, report.size, report.labels, report.test_labels, f"{report.points:,}")
        rows.append((key, *map(str, counts), str(len(report.notes)), str(len(problems.get(key, ())) or "none")))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(pairs)
        ).rstrip()
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )
