"""What the converters of published weights share: their command line, safe reading, and what is left over."""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sparsevision.engine.safe_unpickle import safe_unpickle
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser


def model_converter_parser(description: str | None, examples: str) -> argparse.ArgumentParser:
    """A parser of CHECKPOINT OUT."""
    parser = tool_parser(description, examples)
    parser.add_argument("checkpoint", type=Path, help="the file to read; nothing in it is executed")
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    return parser


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name before the message of a UserError inside."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def read_published(path: Path, *, holds: str = "weights") -> Mapping:
    """The content of a published file. Raises UserError when it is no dict."""
    content = safe_unpickle(path).content
    if not isinstance(content, Mapping):
        raise UserError(f"{path} holds {type(content).__name__}; expected a dict of {holds}.")
    return content


def print_left_over(names: Sequence[str]) -> None:
    """Say which parts of a file have no place here, if any."""
    if names:
        parts = Counter(name.rsplit(".", 2)[0] for name in names)
        print(f"{len(names)} left over: {', '.join(f'{part} ({count})' for part, count in parts.items())}")
