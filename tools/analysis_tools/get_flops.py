"""Floating-point operations and parameters of a config's model, counted while it runs on random input."""

import argparse
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sparsevision.apis.example import build_example
from sparsevision.engine import add_cfg_options, run_tool
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/analysis_tools/get_flops.py tiny_sparseseg_resnet18_scribble_30e_camouflage \\
      --size 352 352

A multiply-add counts as two operations. Matrix products, convolutions and attention are counted; additions,
normalisation, activations and whatever runs outside torch are not.
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("--size", type=int, nargs=2, default=[352, 352], metavar=("H", "W"), help="input size")
    parser.add_argument("--mode", default="tensor", choices=["tensor", "predict", "loss"], help="which forward")
    parser.add_argument("--depth", type=int, default=2, help="how deep the modules are listed")
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def parameters(module: nn.Module) -> int:
    """How many numbers the module holds as parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def table(model: nn.Module, counts: dict[str, dict], *, depth: int) -> list[tuple[str, int, int]]:
    """(module, parameters, operations) of the whole model and of its parts down to a depth."""
    root = type(model).__name__
    rows = [(root, parameters(model), sum(counts.get("Global", {}).values()))]
    for name, module in model.named_modules():
        operations = sum(counts.get(f"{root}.{name}", {}).values())
        if name and name.count(".") < depth and (operations or parameters(module)):
            rows.append((name, parameters(module), operations))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    example = build_example(args.config, size=tuple(args.size), options=args.cfg_options)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        example.forward(args.mode)
    counts = counter.get_flop_counts()
    print(f"{args.config}: {args.mode} of one {args.size[0]} x {args.size[1]} input; a multiply-add is two operations")
    print(f"{'module':50} {'parameters':>15} {'operations':>22}")
    for name, number, operations in table(example.model, counts, depth=args.depth):
        print(f"{name:50} {number:15,} {operations:22,}")


if __name__ == "__main__":
    run_tool(main)
