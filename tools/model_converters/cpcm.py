"""Published sparse U-Nets to checkpoints of ours: CPCM's own, MinkowskiEngine's zoo, Pointcept's SpUNet.

The network (14A, 18A, 34A, 34C or other sizes), its inputs, classes and first kernel are read off the weights and
printed as the config needs them. What has no place in the network is named.
"""

import argparse
from collections.abc import Mapping, Sequence

from sparsevision.engine import run_tool, save_checkpoint
from sparsevision.engine.model_converter import model_converter_parser, naming, print_left_over, read_published
from sparsevision.methods.cpcm.convert import Converted, convert_with_report

EXAMPLE = """examples:
  python tools/model_converters/cpcm.py model_best.pth weights/cpcm_scannet.pth
  python tools/model_converters/cpcm.py MinkUNet34C-train-conv1-5.pth weights/minkunet34c_scannet.pth
  python tools/model_converters/cpcm.py spunet/model_best.pth weights/spunet_s3dis.pth
"""
OPTIONAL = {"first_channels": 32, "first_kernel": 3, "widen_when_halving": False, "norm_eps": 1e-5}


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    return model_converter_parser(__doc__, EXAMPLE).parse_args(arguments)


def convert(content: Mapping) -> tuple[dict, Converted]:
    """{"state_dict", "meta"} for `CPCM`, and what was found. Raises UserError for other content."""
    found = convert_with_report(content)
    meta = {"method": "cpcm", "preset": "published", "source": found.source, "variant": found.variant}
    meta |= {"network": found.network, "num_classes": found.network.get("num_classes")}
    meta |= {"source_epoch": content["epoch"]} if isinstance(content.get("epoch"), int) else {}
    state = {f"network.{name}": value for name, value in found.state.items()}
    return {"state_dict": state, "meta": meta}, found


def config_line(found: Converted) -> str:
    """The network as a config writes it."""
    kind, options = f"Res16UNet{found.variant or ''}", dict(found.network)
    if found.variant:
        options = {name: value for name, value in options.items() if name not in ("planes", "layers")}
    options = {name: value for name, value in options.items() if OPTIONAL.get(name) != value}
    return f"network=dict(type={kind}, {', '.join(f'{name}={value!r}' for name, value in options.items())})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, say what was found and what was left over."""
    args = parse_args(arguments)
    content = read_published(args.checkpoint)
    with naming(args.checkpoint):
        converted, found = convert(content)
    save_checkpoint(converted, args.out)
    print(f"{args.out}: {len(converted['state_dict'])} tensors of {found.source}")
    print(config_line(found))
    if "final.kernel" not in found.state:
        print("The file has no classifier: the last layer starts anew, with as many classes as you say.")
    print_left_over(found.leftover)


if __name__ == "__main__":
    run_tool(main)
