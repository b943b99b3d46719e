"""Write the generated tables, or check them: `python -m sparsevision.zoo [--check]`."""

import argparse
import sys
from pathlib import Path

from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.pages import render_pages, repository_root

EXAMPLE = """example:
  python -m sparsevision.zoo --check
"""


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    description = "Write model-index.yml and the tables of configs/*/README.md and docs/model_zoo.md."
    parser = tool_parser(description, EXAMPLE, prog="python -m sparsevision.zoo")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    parser.add_argument("--root", type=Path, help="the checkout (default: the one this package lies in)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when all is up to date, 1 when --check found stale files, 2 on a bad metafile."""
    args = parse_args(arguments)
    try:
        root = args.root or repository_root()
        stale = [page for page in render_pages(root) if page.is_stale()]
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    names = ", ".join(str(page.path.relative_to(root)) for page in stale)
    if args.check:
        print(f"out of date: {names}; run: python -m sparsevision.zoo" if stale else "the zoo's tables are up to date")
        return int(bool(stale))
    for page in stale:
        page.path.write_text(page.content, encoding="utf-8")
    print(f"wrote {names}" if stale else "nothing to do: the zoo's tables are up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
