"""Fetch pretrained weights into the cache, and say where they came from."""

import argparse
import sys
from collections.abc import Sequence

from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.weights import CATALOGUE, cache_dir, describe, find_weights, get_weights

EXAMPLE = """examples:
  python tools/get_weights.py mobile_sam efficientnet_lite0
  python tools/get_weights.py --list
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to fetch; --list shows the names")
    parser.add_argument("--list", action="store_true", help="list the known names and what is cached")
    parser.add_argument("--force", action="store_true", help="fetch again what is already cached")
    args = parser.parse_args(arguments)
    if not args.names and not args.list:
        parser.error("give one NAME or more, or --list")
    return args


def show_list() -> None:
    """Print every known name with its source, licence and whether it is cached."""
    print(f"cache: {cache_dir()} (set SPARSEVISION_CACHE to move it)")
    for name, entry in CATALOGUE.items():
        source = f"{entry.recipe.client} package {entry.recipe.package}" if entry.recipe else "official host only"
        state = f"cached: {describe(name)}" if find_weights(name) else "not cached"
        print(f"  {name:20} {entry.what}\n{'':23}{entry.licence}; {source}; {state}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 when all was fetched, else 2."""
    args = parse_args(arguments)
    if args.list:
        show_list()
    failed = 0
    for name in args.names:
        try:
            get_weights(name, force=args.force, say=lambda sentence: print(sentence, flush=True))
        except (UserError, ImportError) as error:
            print(error, file=sys.stderr)
            failed += 1
    return 2 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; nothing half-done was kept")
