"""What the pages tell people to type exists: scripts, targets of make, extras; links lead somewhere; quick blocks run.

`test_docs_commands.py` asks each tool whether it takes its command lines.
"""

import configparser
import re
import shlex
import subprocess
import sys

import pytest
from doc_pages import FENCE, PAGES, PYTHON_BLOCKS, SHELL_BLOCKS
from tool_runner import ROOT

OUTSIDE = re.compile(r"https?:|mailto:|#")
EVERYDAY = {
    "cd",
    "cp",
    "curl",
    "echo",
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
