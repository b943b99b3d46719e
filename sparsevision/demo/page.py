"""The demo page: a section for each entry, with small copies of its pictures in one folder beside it."""

import html
import shutil
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from sparsevision.demo.entry import DemoResult, Outcome
from sparsevision.utils import atomic_write
from sparsevision.visualization.html_page import figure, number_table, write_html_page

MEDIA = "media"
MOVING = (".mp4", ".gif")
LARGEST = (1280, 2400)  # pixels of a picture on the page
QUALITY = 78
WIDE = 2.4  # width over height from which on a picture takes the whole row


def write_page(folder: Path, outcomes: Sequence[Outcome], *, minutes: float) -> Path:
    """Write `folder/index.html` and `folder/media`; the two are all that another device needs.

    Args:
        folder: holds what the entries made.
        outcomes: what became of each.
        minutes: that all of it took.
    """
    shutil.rmtree(folder / MEDIA, ignore_errors=True)
    contents = "".join(
        f'<a href="#{outcome.entry.name}">{html.escape(outcome.entry.title.split(":")[0])}</a>' for outcome in outcomes
    )
    sections = "\n".join(_section(folder, outcome) for outcome in outcomes)
    intro = (
        f"Vision from a few annotations. What is shown below was computed on this machine in {minutes:.1f} minutes. "
        "Each section ends with the commands that make it again, and with those of the longer training."
    )
    return write_html_page(
        folder / "index.html", title="sparsevision", intro=intro, sections=f"<nav>{contents}</nav>\n{sections}"
    )


def _section(folder: Path, outcome: Outcome) -> str:
    entry = outcome.entry
    parts = [f"<h2>{html.escape(entry.title)}</h2><p>{html.escape(entry.about)}</p>"]
    if outcome.result is not None:
        parts.append(_shown(folder, outcome, outcome.result))
    elif outcome.problem:
        parts.append(f'<p class="skipped">Skipped: {html.escape(outcome.problem)}</p>')
    else:
        parts.append(
            '<p class="skipped">Not part of the short demo. <code>make gallery</code> runs it, and so does '
            f"<code>python tools/demo.py --only {entry.name}</code>.</p>"
        )
    parts.append(_commands("Longer, not run here", entry.longer()))
    return f'<section id="{entry.name}">{"".join(parts)}</section>'


def _shown(folder: Path, outcome: Outcome, result: DemoResult) -> str:
    figures = "".join(
        _figure(folder, f"{outcome.entry.name}_{number:02}", picture.path, picture.caption)
        for number, picture in enumerate(result.pictures, start=1)
    )
    took = f"{outcome.seconds:.0f} s, {outcome.processor_seconds:.0f} s of processor time."
    return (
        f'<div class="pictures">{figures}</div>{number_table(result.metrics)}'
        f'<p class="soft">{html.escape(result.remark)} {took}</p>{_commands("Made by", result.commands)}'
    )


def _commands(title: str, commands: Sequence[str]) -> str:
    lines = "".join(f"<code>{html.escape(command)}</code>" for command in commands)
    return f"<h3>{html.escape(title)}</h3><pre>{lines}</pre>"


def _figure(folder: Path, name: str, path: Path, caption: str) -> str:
    """The figure of a small copy of a picture or video."""
    if path.suffix in MOVING:
        target = folder / MEDIA / f"{name}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return figure(folder, target, caption)
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail(LARGEST)
    target = folder / MEDIA / f"{name}.webp"
    with atomic_write(target) as file:
        small.save(file, format="WEBP", quality=QUALITY, method=6)
    return figure(folder, target, caption, wide=small.width > WIDE * small.height)
