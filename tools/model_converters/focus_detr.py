"""Released Focus-DETRs and DINOs (detrex, IDEA-Research) to checkpoints of ours and back, detectron2 ResNets to ours.

What the file is, and which detector it needs, is read off its names and shapes, and printed as a config needs it.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparsevision.engine import load_checkpoint, run_tool, save_checkpoint, weights_of
from sparsevision.engine.model_converter import model_converter_parser, naming, print_left_over, read_published
from sparsevision.methods.focus_detr.convert import (
    convert_backbone,
    convert_with_report,
    is_detectron2_backbone,
    released_checkpoint,
)
from sparsevision.methods.focus_detr.released_names import LAYOUTS
from sparsevision.methods.focus_detr.weights_to_settings import check_whole, settings_of_weights

EXAMPLE = """examples:
  python tools/model_converters/focus_detr.py focus_detr_r50_4scale_12ep.pth weights/focus_detr_r50.pth
  python tools/model_converters/focus_detr.py dino_r50_4scale_12ep.pth weights/dino_r50.pth
  python tools/model_converters/focus_detr.py checkpoint0011_4scale.pth weights/idea_dino_r50.pth
  python tools/model_converters/focus_detr.py R-50.pkl weights/resnet50.pth
  python tools/model_converters/focus_detr.py work_dirs/mine/iter_90000.pth back.pth --to focus_detr
"""
POSITION = (
    "Positions are not in the file: configs of 24 and 36 epochs with a ResNet, and IDEA-Research, have "
    "architecture=dict(temperature=20, offset=0.0)."
)


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = model_converter_parser(__doc__, EXAMPLE)
    parser.add_argument("--to", choices=LAYOUTS, help="the other way round: from ours to these names")
    return parser.parse_args(arguments)


def convert(content: Mapping) -> tuple[dict, list[str], dict]:
    """{"state_dict", "meta"} for `FocusDETR`, the names that are left over, and the settings that the weights need.

    Raises:
        UserError: content of another kind, tensors that are missing or of another shape, by name.
    """
    found = convert_with_report(content)
    settings = settings_of_weights(found.state)
    strangers = check_whole(found.state, settings)
    meta = {
        "method": "focus_detr",
        "preset": "published",
        "source": LAYOUTS[found.layout].title,
        "num_classes": settings["num_classes"],
    }
    if isinstance(content.get("iteration"), int):
        meta["source_iteration"] = content["iteration"]
    state = {name: value for name, value in found.state.items() if name not in strangers}
    return {"state_dict": state, "meta": meta}, found.leftover + strangers, settings


def config_line(settings: Mapping) -> str:
    """The model as a config writes it."""
    return f"model = {_as_code({'type': 'FocusDETR', **settings, 'preset': 'published'})}"


def _as_code(value: object) -> str:
    if isinstance(value, Mapping):
        return f"dict({', '.join(f'{name}={_as_code(item)}' for name, item in value.items())})"
    return value.__name__ if isinstance(value, type) else value if value == "FocusDETR" else repr(value)


def to_ours(path: Path, out: Path) -> None:
    """Convert a released file, and say what was found."""
    content = read_published(path)
    with naming(path):
        if is_detectron2_backbone(content):
            state, leftover = convert_backbone(content)
            save_checkpoint({"state_dict": state, "meta": {"source": "detectron2"}}, out)
            print(f"{out}: {len(state)} tensors of a ResNet; backbone=dict(type=ResNetBackbone, pretrained='{out}')")
        else:
            converted, leftover, settings = convert(content)
            save_checkpoint(converted, out)
            print(f"{out}: {len(converted['state_dict'])} tensors of {converted['meta']['source']}")
            print(config_line(settings))
            print(POSITION)
    print_left_over(leftover)


def to_released(path: Path, out: Path, layout: str) -> None:
    """Write a checkpoint of ours under released names, as {"model": ...}."""
    with naming(path):
        state = released_checkpoint(weights_of(load_checkpoint(path)), layout)
    save_checkpoint({"model": state}, out)
    print(f"{out}: {len(state)} tensors with the names of {LAYOUTS[layout].title}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    if args.to:
        to_released(args.checkpoint, args.out, args.to)
    else:
        to_ours(args.checkpoint, args.out)


if __name__ == "__main__":
    run_tool(main)
