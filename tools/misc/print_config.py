"""Print a config with everything that it inherits, after --cfg-options, as Python."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from sparsevision.engine import add_cfg_options, read_config, run_tool
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser

FORMATS = (".py", ".yml", ".json")

EXAMPLE = """example:
  python tools/misc/print_config.py tiny_sparseseg_resnet18_scribble_30e_camouflage \\
      --cfg-options train_dataloader.batch_size=2
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("--out", type=Path, help="also write it to this file (.py, .yml or .json)")
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    cfg = read_config(args.config, args.cfg_options)
    print(cfg.pretty_text)
    if args.out:
        write(cfg, args.out)


def write(cfg: Config, path: Path) -> None:
    """Write the config in the format that the suffix names.

    Raises:
        UserError: another suffix, or the file cannot be written.
    """
    if path.suffix not in FORMATS:
        raise UserError(f"--out {path}: expected a name that ends with {', '.join(FORMATS)}")
    try:
        cfg.dump(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


if __name__ == "__main__":
    run_tool(main)
