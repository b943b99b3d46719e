"""Tables of scores as plain text, for logs."""

import io
import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def text_table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> str:
    """A table in text: the first column flush left, the others right."""
    table = Table(titles[0], title=title)
    for column in titles[1:]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=120, color_system=None, legacy_windows=False).print(table)
    return text.getvalue()


def share_text(value: float) -> str:
    """A share with three digits; "-" for NaN."""
    return "-" if math.isnan(value) else f"{value:.3f}"
