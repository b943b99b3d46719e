"""Write the fidelity tables of the pages: golden numbers of the published code, ours, and the difference.

Runs the tests that compare with them, listens to their comparisons, and keeps of each number the place that differs
most, measured by its tolerance. A number that no test compares has no row.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparsevision.engine import run_tool
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.runs import write_block
from sparsevision.zoo.tables import markdown_table

EXAMPLE = """examples:
  python tools/analysis_tools/fidelity_table.py
  python tools/analysis_tools/fidelity_table.py --methods gensam cpcm
"""
ROOT = Path(__file__).resolve().parents[2]
ROWS = Path(__file__).with_suffix(".json")
MARKER = "fidelity"
HEADER = ("number", "published", "ours", "difference", "tolerance", "test")


@dataclass(frozen=True)
class Comparison:
    """One comparison of a test: numbers of both sides where they are single ones, else None."""

    test: str
    theirs: float | None
    ours: float | None
    difference: float
    tolerance: float

    @property
    def used(self) -> float:
        """The share of the tolerance that the difference takes."""
        return self.difference / self.tolerance if self.tolerance else self.difference


def read_rows() -> dict[str, dict[str, str]]:
    """Method -> {test: what it compares}."""
    return json.loads(ROWS.read_text(encoding="utf-8"))


def listen(tests: Sequence[str]) -> list[Comparison]:
    """Run tests by id in a Python of their own; the comparisons they made.

    Raises:
        UserError: a test failed, was skipped, or does not exist.
    """
    with tempfile.TemporaryDirectory() as folder:
        heard = Path(folder) / "heard.json"
        environment = os.environ | {
            "FIDELITY_FILE": str(heard),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]),
        }
        options = ["-q", "-p", "no:cacheprovider", "-p", "comparisons", "-o", "enable_assertion_pass_hook=true"]
        command = [sys.executable, "-m", "pytest", *options, *tests]
        finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if finished.returncode or not heard.is_file():
            said = finished.stdout[-3000:] + finished.stderr[-1000:]
            raise UserError(f"the tests did not pass; see `{' '.join(command)}`:\n{said}")
        return [Comparison(**entry) for entry in json.loads(heard.read_text())]


def row_of(what: str, test: str, comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """A line of the table. Without a comparison of numbers the test asks for equality."""
    mine = [comparison for comparison in comparisons if comparison.test == test]
    source = f"`{test.partition('::')[0].removeprefix('tests/')}`"
    if not mine:
        return (what, "", "", "0", "equal", source)
    worst = max(mine, key=lambda one: (one.used, one.tolerance > 0, abs(one.theirs or 0)))
    tolerance = f"{worst.tolerance:.2g}" if worst.tolerance else "equal"
    sides = (_number(worst.theirs), _number(worst.ours))
    return (what, *sides, f"{worst.difference:.1e}" if worst.difference else "0", tolerance, source)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"


def write_table(method: str, rows: dict[str, str], comparisons: Sequence[Comparison]) -> None:
    """Put the table of a method into its page."""
    page = ROOT / "docs" / f"{method}.md"
    table = markdown_table(HEADER, [row_of(what, test, comparisons) for test, what in rows.items()])
    write_block(page, table, marker=MARKER)


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    known = sorted(read_rows())
    parser.add_argument("--methods", nargs="+", choices=known, default=known, help="whose tables (default: all)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    for method in args.methods:
        rows = read_rows()[method]
        write_table(method, rows, listen(list(rows)))
        print(f"docs/{method}.md: {len(rows)} rows")


if __name__ == "__main__":
    run_tool(main)
