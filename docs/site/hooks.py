"""What the site adds to docs/: the READMEs beside the configs, links out of docs/, and visible "Needs" marks.

mkdocs calls these functions while it builds (`hooks` in mkdocs.yml). The pages are plain Markdown without it.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ("configs/*/README.md", "CONTRIBUTING.md")
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(((?!https?:|mailto:|#)[^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```[^\n]*$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"^<!-- needs: (.+?) -->$", re.MULTILINE)
RUNS = re.compile(r"^<!-- runs -->$", re.MULTILINE)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Take the pages that lie outside of docs/ into the site, under their own paths."""
    for pattern in BESIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at what the site holds, and show the marks of command blocks."""
    marked = RUNS.sub("", NEEDS.sub(r'<p class="needs">Needs: \1</p>\n', markdown))
    return _outside_of_fences(marked, lambda text: LINK.sub(lambda found: _link(found, page, files), text))


def _outside_of_fences(markdown: str, change) -> str:
    pieces, start = [], 0
    for fence in FENCED.finditer(markdown):
        pieces += [change(markdown[start : fence.start()]), fence[0]]
        start = fence.end()
    return "".join([*pieces, change(markdown[start:])])


def _link(found: re.Match, page: Page, files: Files) -> str:
    """The link as the site needs it: to one of its pages, or the text alone where the target is a file of the code."""
    text, target = found.groups()
    path, _, anchor = target.partition("#")
    uri = _in_the_site(_in_the_repository(page, path))
    if files.get_file_from_path(uri) is None:
        outside = not _in_the_repository(page, path).startswith("docs/")
        return text if outside and (ROOT / _in_the_repository(page, path)).exists() else found[0]
    relative = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".")
    return f"[{text}]({relative}{'#' + anchor if anchor else ''})"


def _in_the_repository(page: Page, path: str) -> str:
    """The path of a link's target from the root of the repository."""
    source = Path(page.file.abs_src_path).relative_to(ROOT).parent.as_posix()
    return posixpath.normpath(posixpath.join(source, path))


def _in_the_site(path: str) -> str:
    """`docs/x.md` is `x.md` there, all else keeps its path."""
    return path.removeprefix("docs/")
