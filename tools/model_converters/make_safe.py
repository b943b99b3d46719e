"""Take the tensors out of a checkpoint that needs pickled code, without running any of it.

Tensors, arrays, numbers, strings, lists and dicts are kept; every other object is left out and named. A file that is
one whole module (TorchScript, or a pickled nn.Module) becomes the state dict of its tensors.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sparsevision.engine import run_tool, save_checkpoint
from sparsevision.engine.plain import to_plain
from sparsevision.engine.safe_unpickle import Placeholder, safe_unpickle
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/model_converters/make_safe.py downloads/best_epoch.pt weights/best_epoch.pth
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("checkpoint", type=Path, help="the file to read: torch's formats or a plain pickle")
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    return parser.parse_args(arguments)


def without_placeholders(content: Any, where: str, left_out: list[str]) -> Any:
    """A copy without objects that were not rebuilt; their places go into `left_out`."""
    if isinstance(content, dict):
        kept = {}
        for key, value in content.items():
            place = f"{where}.{key}" if where else str(key)
            if isinstance(value, Placeholder):
                left_out.append(f"{place} ({value.name})")
            else:
                kept[key] = without_placeholders(value, place, left_out)
        return kept
    if isinstance(content, list | tuple):
        found = [item for item in content if not isinstance(item, Placeholder)]
        if len(found) < len(content):
            left_out.append(f"{len(content) - len(found)} items of {where or 'the list'}")
        return [without_placeholders(item, where, left_out) for item in found]
    return content


def module_tensors(module: Placeholder, prefix: str = "") -> dict[str, torch.Tensor]:
    """Tensors of a module that was not rebuilt, under the names that its state dict has."""
    found: dict[str, torch.Tensor] = {}
    for name, value in module.items():
        if isinstance(value, Placeholder):
            found |= module_tensors(value, f"{prefix}{name}.")
        elif isinstance(value, torch.Tensor):
            found[f"{prefix}{name}"] = value
    return found


def make_safe(source: Path, out: Path) -> list[str]:
    """Write the plain part of `source` to `out`; returns the places of what was left out.

    Raises:
        UserError: the file cannot be read, or holds no dict and no module.
    """
    content = safe_unpickle(source).content
    if isinstance(content, Placeholder):
        content = module_tensors(content)
    if not isinstance(content, dict) or not content:
        raise UserError(f"{source} holds {type(content).__name__}, not a dict of weights; there is nothing to convert.")
    left_out: list[str] = []
    plain = without_placeholders(content, "", left_out)
    save_checkpoint(to_plain(plain, where=str(source), lenient=True), out)
    return left_out


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert and say what was left out."""
    args = parse_args(arguments)
    left_out = make_safe(args.checkpoint, args.out)
    rest = f"left out: {', '.join(left_out[:10])}" if left_out else "nothing was left out"
    print(f"{args.out}: written; {rest}")


if __name__ == "__main__":
    run_tool(main)
