"""What the pages tell people to type is checked: scripts exist, flags parse, configs and targets exist, quick ones run.

A block that needs what a test machine does not have says so in the line above it: `<!-- needs: data, GPU -->`.
Its commands are checked but not run. `<!-- runs -->` marks a block whose commands are run.
"""

import configparser
import functools
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tool_runner import ROOT, run_tool

FENCE = re.compile(r"(?P<mark><!--[^\n]*-->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
OUTSIDE = re.compile(r"https?:|mailto:|#")
SHELL = {"bash", "sh", "shell", "console"}
EVERYDAY = {
    "cd",
    "cp",
    "curl",
    "export",
    "git",
    "ln",
    "ls",
    "mkdir",
    "npm",
    "ns-train",
    "source",
    "tar",
    "unzip",
    "which",
}
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
    def runs(self) -> bool:
        """True when the page says that its commands run anywhere."""
        return self.mark == "<!-- runs -->"

    def commands(self) -> list[list[str]]:
        """Its command lines, split as a shell would, without comments, prompts and VARIABLE=value prefixes."""
        joined = self.body.replace("\\\n", " ")
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


@functools.cache
def help_of(tool: str, subcommand: str = "") -> str:
    """What `--help` prints, of one subcommand if named."""
    return run_tool(tool, *([subcommand] if subcommand else []), "--help").out


def check_flags(tool: str, arguments: list[str]) -> None:
    """Every --flag of the command line is one that the tool knows."""
    text = help_of(tool)
    choice = re.search(r"\{([\w,]+)\}", text)
    if arguments and choice and arguments[0] in choice[1].split(","):
        text += help_of(tool, arguments[0])
    for word in arguments:
        flag = word.split("=")[0]
        if word.startswith("--"):
            assert re.search(rf"{re.escape(flag)}(?![\w-])", text), f"tools/{tool} has no option {flag}"


def check_configs(words: list[str]) -> None:
    """Every path below configs/ exists; a glob or braces are left to the shell."""
    for word in words:
        if word.startswith("configs/") and not set(word) & set("*{<"):
            assert (ROOT / word).exists(), f"{word} does not exist"


def check_python(words: list[str]) -> None:
    """`python tools/x.py ...`, `python -m package`, `python -c ...`."""
    if words[1] == "-m":
        module = ROOT.joinpath(*words[2].split("."))
        assert words[2] in {"venv", "pip", "pytest"} or module.is_dir() or module.with_suffix(".py").is_file(), words
    elif words[1] == "-c":
        compile(words[2], "command", "exec")
    elif words[1].startswith("tools/"):
        assert (ROOT / words[1]).is_file(), f"{words[1]} does not exist"
        check_flags(words[1].removeprefix("tools/"), words[2:])


def check_make(words: list[str]) -> None:
    """`make target`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in words[1:]:
        if "=" not in target and not target.startswith("-"):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"the Makefile has no target {target}"


def check_pip(words: list[str]) -> None:
    """`pip install ".[sam,demo]"` names extras that exist."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for named in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        for extra in named.split(","):
            assert extra in setup["options.extras_require"], f"setup.cfg has no extra '{extra}'"


def check_script(words: list[str]) -> None:
    """`bash tools/dist_train.sh ...`."""
    script = words[1] if words[0] in {"bash", "sh"} else words[0]
    assert (ROOT / script).is_file(), f"{script} does not exist"


def check_command(words: list[str]) -> None:
    """Dispatch on the first word."""
    head = words[0].removeprefix(".venv/bin/")
    if re.fullmatch(r"python[\d.]*", head):
        check_python(words)
    elif head in {"bash", "sh"} or head.startswith(("tools/", "./tools/")):
        check_script(words)
    elif head in {"make", "pip"}:
        {"make": check_make, "pip": check_pip}[head](words)
    else:
        assert head in EVERYDAY, f"what is '{head}'? add it to EVERYDAY in this test, or fix the page"


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=str)
def test_commands_of_the_pages_exist(block):
    for words in block.commands():
        if words:
            check_command(words)
            if "files of this page" not in block.mark:
                check_configs(words)


@pytest.mark.parametrize("block", [block for block in SHELL_BLOCKS if block.runs], ids=str)
def test_quick_commands_run(block, tmp_path):
    for words in block.commands():
        line = [sys.executable if re.fullmatch(r"python[\d.]*", word) else word for word in words[:1]] + words[1:]
        finished = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert finished.returncode == 0, f"{shlex.join(words)}\n{finished.stdout}\n{finished.stderr}"


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=str)
def test_python_of_the_pages_compiles(block):
    compile(block.body, str(block), "exec")


def test_relative_links_of_the_pages_lead_somewhere():
    broken = []
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", prose) if not OUTSIDE.match(target)]
        lost = [target for target in targets if not (page.parent / target.split("#")[0]).exists()]
        broken += [f"{page.relative_to(ROOT)}: {target}" for target in lost]
    assert not broken, "links to nothing:\n" + "\n".join(broken)
