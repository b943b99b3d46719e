"""Published radiance fields to checkpoints of ours: NeRF in PyTorch, DS-NeRF, SPIn-NeRF without tiny-cuda-nn.

Both networks, coarse and fine, are kept; their sizes are read off the weights and printed as the config needs them.
Networks of tiny-cuda-nn are refused: only that library knows the order of their weights.
"""

import argparse
from collections.abc import Mapping, Sequence

from sparsevision.engine import run_tool, save_checkpoint
from sparsevision.engine.model_converter import model_converter_parser, naming, read_published
from sparsevision.methods.spin_nerf.convert import Converted, convert_with_report

EXAMPLE = """examples:
  python tools/model_converters/spin_nerf.py logs/fern/200000.tar weights/nerf_fern.pth
  python tools/model_converters/spin_nerf.py logs/statue/010000.tar weights/spin_nerf_statue.pth
"""
DEFAULTS = {"depth": 8, "width": 256, "skip_after": 4}


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    return model_converter_parser(__doc__, EXAMPLE).parse_args(arguments)


def convert(content: Mapping) -> tuple[dict, Converted]:
    """{"state_dict", "meta"} for `SPInNeRF`, and what was found. Raises UserError for other content."""
    found = convert_with_report(content)
    meta = {"method": "spin_nerf", "preset": "published", "fields": found.fields}
    meta |= {} if found.iteration is None else {"source_iteration": found.iteration}
    return {"state_dict": {f"renderer.{name}": value for name, value in found.state.items()}, "meta": meta}, found


def config_line(found: Converted) -> str:
    """The renderer as a config writes it."""
    fields = []
    for name, options in found.fields.items():
        own = "".join(f", {key}={value!r}" for key, value in options.items() if DEFAULTS[key] != value)
        fields.append(f"{name}=dict(type=VanillaNeRF{own})")
    return f"renderer=dict(type=Renderer, {', '.join(fields)})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, and say what was found."""
    args = parse_args(arguments)
    content = read_published(args.checkpoint, holds="networks")
    with naming(args.checkpoint):
        converted, found = convert(content)
    save_checkpoint(converted, args.out)
    when = "" if found.iteration is None else f" after {found.iteration} iterations"
    print(f"{args.out}: {len(found.state)} tensors of {' and '.join(found.fields)} field{when}")
    print(config_line(found))


if __name__ == "__main__":
    run_tool(main)
