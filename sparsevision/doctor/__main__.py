"""Say what works here: `python -m sparsevision.doctor [--json] [--quick]`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from sparsevision.doctor.examination import examine
from sparsevision.doctor.report import report
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python -m sparsevision.doctor
  python -m sparsevision.doctor --json > doctor.json
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    description = "What works here and what to install. Nothing is downloaded. Exit code 0 when the core works."
    parser = tool_parser(description, EXAMPLE, prog="python -m sparsevision.doctor")
    parser.add_argument("--json", action="store_true", help="everything that was found, for programs")
    parser.add_argument("--quick", action="store_true", help="look optional packages up without importing them")
    parser.add_argument("--timeout", type=float, default=60, metavar="S", help="seconds for imports (default: 60)")
    args = parser.parse_args(arguments)
    if args.timeout <= 0:
        parser.error("--timeout must be above 0")
    return args


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 when the core works, else 1."""
    args = parse_args(arguments)
    found = examine(quick=args.quick, timeout=args.timeout)
    print(json.dumps(asdict(found) | {"core_works": found.core_works}, indent=2) if args.json else report(found))
    return 0 if found.core_works else 1


if __name__ == "__main__":
    sys.exit(main())
