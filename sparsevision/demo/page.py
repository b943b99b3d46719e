"""The demo page: a section for each part of the demo."""

import html
from pathlib import Path

from sparsevision.demo.entry import DemoEntry, DemoResult
from sparsevision.visualization.html_page import figure, number_table, write_html_page


def write_page(folder: Path, outcomes: list[tuple[DemoEntry, DemoResult | str, float]]) -> Path:
    """Write `folder/index.html`. Each outcome: the entry, its result or the reason why it was skipped, seconds."""
    sections = "\n".join(_section(folder, *outcome) for outcome in outcomes)
    minutes = sum(seconds for _, _, seconds in outcomes) / 60
    intro = (
        f"Vision from a few annotations. Everything below was computed on this machine in {minutes:.1f} minutes; each "
        "section ends with the commands that make it again."
    )
    return write_html_page(folder / "index.html", title="sparsevision", intro=intro, sections=sections)


def _section(folder: Path, entry: DemoEntry, outcome: DemoResult | str, seconds: float) -> str:
    head = f"<h2>{html.escape(entry.title)}</h2><p>{html.escape(entry.about)}</p>"
    if isinstance(outcome, str):
        return f'<section id="{entry.name}">{head}<p class="skipped">Skipped: {html.escape(outcome)}</p></section>'
    pictures = "".join(figure(folder, picture.path, picture.caption) for picture in outcome.pictures)
    commands = html.escape("\n".join(outcome.commands))
    return f"""<section id="{entry.name}">{head}
<div class="pictures">{pictures}</div>
{number_table(outcome.metrics)}
<p class="soft">{html.escape(outcome.remark)} {seconds:.0f} s.</p>
<pre>{commands}</pre></section>"""
