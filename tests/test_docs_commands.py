"""Every command line of the pages is taken by its tool, names configs that exist and keys that they have.

And each is run by a test: its block is marked `<!-- runs -->`, or says what it needs, and some test runs the tool.
"""

import argparse
import ast
import functools
import itertools
import re
import shlex
from pathlib import Path
from unittest import mock

import pytest
from doc_pages import PAGES, SHELL_BLOCKS
from tool_runner import ROOT, run_tool

from sparsevision.engine.overrides import options_of, read_config
from sparsevision.utils import find_config

TOOL = re.compile(r"tools/([\w/]+\.py)")
INNER = re.compile(r"`((?:python )?tools/[\w/]+\.py[^`]*)`")
LAUNCHERS = {"tools/dist_train.sh": "train.py", "tools/dist_test.sh": "test.py"}
NO_FILES = {"my_config.py", "CONFIG", "full", "small"}
NOT_RUN = {"source", "cd", "mkdir", "curl", "export", "pip", "make"}


class Parsed(BaseException):
    """Thrown where a tool has read its command line, so that it does nothing else."""

    def __init__(self, values: argparse.Namespace):
        self.values = values


def parse(tool: str, arguments: list[str]) -> argparse.Namespace:
    """What the tool's own parser makes of a command line."""
    original = argparse.ArgumentParser.parse_args

    def read_and_stop(parser, args=None, namespace=None):
        raise Parsed(original(parser, args, namespace))

    with mock.patch.object(argparse.ArgumentParser, "parse_args", read_and_stop):
        try:
            finished = run_tool(tool, *arguments)
        except Parsed as parsed:
            return parsed.values
    pytest.fail(f"tools/{tool} {shlex.join(arguments)}\n{finished.err or finished.out}")


def command_of(words: list[str]) -> tuple[str, list[str]] | None:
    """(tool, arguments) of a command line that calls a tool of ours."""
    if words[0] in {"bash", "sh"} and words[1] in LAUNCHERS:
        positional = list(itertools.takewhile(lambda word: not word.startswith("-"), words[2:]))
        processes = next(index for index, word in enumerate(positional) if word.isdigit())
        return LAUNCHERS[words[1]], [*positional[:processes], *words[3 + processes :]]
    for place, word in enumerate(words[:2]):
        if found := TOOL.fullmatch(word):
            return found[1], words[place + 1 :]
    return None


COMMANDS = [
    (block, *found) for block in SHELL_BLOCKS for words in block.commands() if words and (found := command_of(words))
]


def name_of(value: object) -> str:
    """A short name of a parameter."""
    return shlex.join(value)[:40] if isinstance(value, list) else str(value)


def overrides_of(values: argparse.Namespace) -> dict[str, object]:
    """The changes to the config that a command line asks for."""
    options = getattr(values, "cfg_options", None) or {}
    return options_of(options) if isinstance(options, list) else options


def named_configs(values: argparse.Namespace) -> list[str]:
    """The configs that a command line names, in whatever option."""
    found = [value for name, value in vars(values).items() if re.fullmatch(r"(\w+_)?configs?", name)]
    flat = itertools.chain.from_iterable(value if isinstance(value, list) else [value] for value in found)
    return [str(value) for value in flat if value and str(value) not in NO_FILES]


@functools.cache
def takes(config: str, options: str) -> None:
    """The config exists and has the keys that `--cfg-options` changes."""
    read_config(find_config(config), dict(ast.literal_eval(options)))


@pytest.mark.parametrize(("block", "tool", "arguments"), COMMANDS, ids=name_of)
def test_the_tool_takes_the_command(block, tool, arguments):
    values = parse(tool, arguments)
    if "files of this page" in block.mark:
        return
    for config in named_configs(values):
        takes(config, repr(tuple(overrides_of(values).items())))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_command_lines_within_the_text_are_taken_too(page):
    for line in INNER.findall(page.read_text(encoding="utf-8").replace("\n", " ")):
        words = shlex.split(line.removeprefix("python "))
        assert (ROOT / words[0]).is_file(), line
        if (
            any(word.startswith("--") for word in words)
            and "..." not in words
            and not re.search(r"[A-Z]{2}|[{*<]", line)
        ):
            known_flags(words[0].removeprefix("tools/"), words[1:])


def known_flags(tool: str, words: list[str]) -> None:
    """The flags of an incomplete command line, as a sentence has it, are the tool's."""
    text = run_tool(tool, "--help").out
    for word in words:
        flag = word.split("=")[0]
        assert not flag.startswith("--") or re.search(rf"{flag}(?![\w-])", text), f"tools/{tool} has no {flag}"


@functools.cache
def texts_of_tests() -> list[str]:
    """The content of every test file but this one."""
    paths = set((ROOT / "tests").rglob("test_*.py")) - {Path(__file__)}
    return [path.read_text(encoding="utf-8") for path in paths]


@pytest.mark.parametrize("tool", sorted({tool for _, tool, _ in COMMANDS}))
def test_some_test_runs_the_tool(tool):
    quoted = re.compile(rf'"(tools/)?{re.escape(tool)}"|"{re.escape(Path(tool).name)}"')
    assert any(map(quoted.search, texts_of_tests()))


@pytest.mark.parametrize("block", [block for block in SHELL_BLOCKS if not block.runs and not block.needs], ids=str)
def test_a_block_says_what_it_needs_unless_a_test_runs_it(block):
    told = "files of this page" in block.mark
    assert told or all(words[0] in NOT_RUN for words in block.commands() if words), (
        f"{block}: write `<!-- needs: ... -->` above the block, or `<!-- runs -->` if a test machine can run it"
    )
