"""A page of pictures and numbers: one HTML file with its pictures beside it, readable on a phone, no network needed."""

import html
import os
from pathlib import Path

from sparsevision.utils import atomic_write

STYLE = """
:root { --ink: #1d2433; --soft: #5b6577; --paper: #fbfaf7; --card: #ffffff; --line: #e5e2da; --accent: #0b7a5c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --soft: #a3a9b5; --paper: #15181e; --card: #1d2129; --line: #31363f; --accent: #4fc9a4; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.02em; }
h2 { margin: 0 0 .3rem; font-size: 1.3rem; }
h3 { margin: 1rem 0 .3rem; font-size: .95rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: 1rem; }
nav a { padding: .25rem .8rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card);
  color: var(--accent); text-decoration: none; font-size: .9rem; }
.soft { color: var(--soft); }
section { margin-top: 1.8rem; padding: 1.2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .8rem; }
.pictures { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
figure { margin: 0; }
figure.wide { grid-column: 1 / -1; }
figure img, figure video { width: 100%; display: block; border-radius: .4rem; border: 1px solid var(--line); }
figcaption { font-size: .88rem; color: var(--soft); padding-top: .3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 8rem; padding-left: 0; }
pre { margin: 0; padding: .7rem .9rem; border-radius: .4rem; background: var(--paper); border: 1px solid var(--line);
  font-size: .84rem; white-space: pre-wrap; overflow-wrap: anywhere; }
pre code { display: block; padding-left: 1.2rem; text-indent: -1.2rem; }
pre code + code { margin-top: .35rem; }
.skipped { border-left: 4px solid #c9821f; padding-left: .8rem; }
"""


def write_html_page(path: str | Path, *, title: str, intro: str, sections: str) -> Path:
    """Write the file. `intro` is plain text, `sections` HTML made of `figure`, `number_table` and the like."""
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>
<h1>{html.escape(title)}</h1>
<p class="soft">{html.escape(intro)}</p>
{sections}
</body></html>
"""
    path = Path(path)
    with atomic_write(path) as file:
        file.write(page.encode("utf-8"))
    return path


def figure(folder: Path, path: Path, caption: str, *, wide: bool = False) -> str:
    """A picture or a video of a page in `folder`, and the line under it; a wide one takes the whole row."""
    source = html.escape(Path(os.path.relpath(path, folder)).as_posix())
    text = html.escape(caption)
    if path.suffix == ".mp4":
        shown = f'<video src="{source}" title="{text}" controls loop muted playsinline preload="metadata"></video>'
    else:
        shown = f'<a href="{source}"><img src="{source}" alt="{text}" loading="lazy"></a>'
    opening = '<figure class="wide">' if wide else "<figure>"
    return f"{opening}{shown}<figcaption>{text}</figcaption></figure>"


def number_table(metrics: dict[str, dict[str, float]]) -> str:
    """A row of numbers for each label."""
    if not metrics:
        return ""
    columns = list(dict.fromkeys(name for row in metrics.values() for name in row))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ["", *columns])
    rows = "".join(_row(label, row, columns) for label, row in metrics.items())
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _row(label: str, row: dict[str, float], columns: list[str]) -> str:
    cells = "".join(f"<td>{row[name]:.3f}</td>" if name in row else "<td></td>" for name in columns)
    return f"<tr><td>{html.escape(label)}</td>{cells}</tr>"
