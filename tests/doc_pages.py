"""The pages of the documentation, taken apart: blocks, and the command lines in them.

A block of commands that needs what a test machine does not have says so in the line above it:
`<!-- needs: data, GPU -->`; the site shows that line. `<!-- runs -->` marks a block whose commands a test runs.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tool_runner import ROOT

FENCE = re.compile(r"(?P<mark><!--[^\n]*-->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = {"bash", "sh", "shell", "console"}
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("configs/*/README.md"), *ROOT.glob("data/*.md")]
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    body: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def needs(self) -> str:
        """What the page says that its commands need, "" if nothing."""
        found = re.fullmatch(r"<!-- needs: (.+) -->", self.mark)
        return found[1] if found else ""

    @property
    def runs(self) -> bool:
        """True when the page says that its commands run anywhere."""
        return self.mark == "<!-- runs -->"

    def commands(self) -> list[list[str]]:
        """Its command lines, split as a shell would, without comments and prompts; variables are filled in."""
        joined = self.body.replace("\\\n", " ")
        for name, value in re.findall(r"^([A-Z_]+)=(\S+)$", joined, re.MULTILINE):
            joined = joined.replace(f"${name}", value)
        lines = [shlex.split(line.removeprefix("$ "), comments=True) for line in joined.splitlines()]
        pieces = [piece for line in lines for piece in split_at_and(line)]
        return [without_variables(piece) for piece in pieces if piece]


def split_at_and(words: list[str]) -> list[list[str]]:
    """`a && b` is two commands."""
    pieces: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            pieces.append([])
        else:
            pieces[-1].append(word)
    return pieces


def without_variables(words: list[str]) -> list[str]:
    """`OMP_NUM_THREADS=2 python x.py` -> `python x.py`."""
    start = next((index for index, word in enumerate(words) if not re.fullmatch(r"[A-Z_]+=.*", word)), len(words))
    return words[start:]


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page.relative_to(ROOT).as_posix(),
            line=text.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            body=found["body"],
            mark=(found["mark"] or "").strip(),
        )
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
SHELL_BLOCKS = [block for block in BLOCKS if block.language in SHELL]
PYTHON_BLOCKS = [block for block in BLOCKS if block.language == "python"]
