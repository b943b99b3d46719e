"""Released files of Motion-I2V, AnimateDiff and Stable Diffusion 1.5 to checkpoints of our two stages, and back.

stage1 makes a checkpoint of `MotionPredictor`, stage2 one of `FrameRenderer`; the text encoder and its tokenizer stay
in their folder, which a config names as `text=dict(type=StoredCLIPText, weights=FOLDER)`. What a file is wrapped in,
and whether its names are those of the release, of diffusers or of a single file (LDM), is found out.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from sparsevision.engine import load_checkpoint, run_tool, save_checkpoint, weights_of
from sparsevision.methods.motion_i2v.convert import LAYOUTS, with_image_channels
from sparsevision.methods.motion_i2v.released_files import (
    AUTOENCODERS,
    FRONTS,
    STAGES,
    TEXT_PLACES,
    assemble_stage,
    read_part,
    released_part,
    stage_files,
)
from sparsevision.utils import UserError, atomic_write, require
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/model_converters/motion_i2v.py stage1 weights/motion_i2v_stage1.pth --models downloads/models
  python tools/model_converters/motion_i2v.py stage2 weights/motion_i2v_stage2.pth --models downloads/models
  python tools/model_converters/motion_i2v.py stage2 weights/start_stage2.pth --spatial sd15/unet \\
      --motion-modules mm_sd_v15_v2.ckpt --image-vae v1-5-pruned-emaonly.safetensors
  python tools/model_converters/motion_i2v.py part spatial v1-5-pruned-emaonly.safetensors weights/start.pth \\
      --image-channels 4
  python tools/model_converters/motion_i2v.py export motion_modules weights/motion_i2v_stage2.pth adapter.safetensors \\
      --to diffusers
"""
MODELS = {1: "MotionPredictor", 2: "FrameRenderer"}
LOW = {1: 0.0, 2: -1.0}  # what black is for the autoencoder of images, as released
GIVEN = {  # option -> (part, stages that have it)
    "--unet": (None, (1, 2)),
    "--controlnet": ("controlnet", (1,)),
    "--flow-vae": ("flow_vae", (1,)),
    "--spatial": ("spatial", (2,)),
    "--motion-modules": ("motion_modules", (2,)),
    "--image-vae": ("image_vae", (1, 2)),
}


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    commands = parser.add_subparsers(dest="command", required=True)
    for stage in STAGES:
        _add_stage(commands.add_parser(f"stage{stage}", help=f"to a checkpoint of {MODELS[stage]}"), stage)
    part = commands.add_parser("part", help="one part alone, with the names that it has in a stage's checkpoint")
    part.add_argument("part", choices=FRONTS)
    part.add_argument("file", type=Path, help="the file to read; nothing in it is executed")
    part.add_argument("out", type=Path, help="the checkpoint to write")
    part.add_argument(
        "--image-channels", type=int, default=0, help="of spatial: channels to put before the others, for stage 1 (4)"
    )
    export = commands.add_parser("export", help="a part of a checkpoint of ours under the names of others")
    export.add_argument("part", choices=FRONTS)
    export.add_argument("checkpoint", type=Path, help="of a stage, or of both")
    export.add_argument("out", type=Path, help="the file to write; .safetensors, or else torch's format")
    export.add_argument("--to", default="official", choices=LAYOUTS["vae"], help="whose names (default: %(default)s)")
    return parser.parse_args(arguments)


def _add_stage(parser: argparse.ArgumentParser, stage: int) -> None:
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--models", type=Path, help="the release's folder `models`, for all that is not given itself")
    for option, (part, stages) in GIVEN.items():
        if stage in stages:
            parser.add_argument(
                option, dest=part or f"stage{stage}", type=Path, help="a file, or a folder of a diffusers model"
            )
    if stage == 1:
        parser.add_argument("--no-controlnet", action="store_true", help="leave out what tracks steer with")


def convert_stage(stage: int, args: argparse.Namespace) -> None:
    """Put a stage together, and say what was found and how a config has it."""
    given = {part: path for part in FRONTS if (path := getattr(args, part, None)) is not None}
    without = frozenset(["controlnet"] if getattr(args, "no_controlnet", False) else [])
    files = stage_files(stage, models=args.models, given=given, without=without)
    found = assemble_stage(stage, files)
    save_checkpoint(found.checkpoint, args.out)
    print(f"{args.out}: {len(found.checkpoint['state_dict'])} tensors of stage {stage} from {', '.join(files)}")
    print(
        f"model: {MODELS[stage]} with preset='published', image_codec=dict(type=ImageVAECodec, low={LOW[stage]}, ...)"
    )
    for setting, value in found.settings.items():
        if value:
            print(f"{setting}: dict({', '.join(f'{name}={item!r}' for name, item in value.items())})")
    if found.settings["architecture"]:
        print("Numbers of heads and of groups leave no trace in weights: give those that it was trained with.")
    for path, names in found.leftover.items():
        print(f"{path}: {_left_over(names)}")
    if args.models is not None:
        _tell_text(args.models / TEXT_PLACES[stage])


def _tell_text(folder: Path) -> None:
    absent = [name for name in ("tokenizer", "text_encoder") if not (folder / name).is_dir()]
    told = f"{folder} lacks {' and '.join(absent)}: take them from Stable Diffusion 1.5" if absent else str(folder)
    print(f"text (stays in its folder): {told}")


def convert_part(part: str, path: Path, out: Path, image_channels: int) -> None:
    """Write one part; stage 1's UNet begins as Stable Diffusion's, blind to the image."""
    if image_channels and part != "spatial":
        raise UserError(f"--image-channels is for the part spatial, not for {part}.")
    state, leftover = read_part(path, part)
    if image_channels:
        state = with_image_channels(state, image_channels=image_channels)
    save_checkpoint({"state_dict": {FRONTS[part] + name: value for name, value in state.items()}}, out)
    print(f"{out}: {len(state)} tensors of {part}, named {FRONTS[part]}*")
    if leftover:
        print(_left_over(leftover))


def export_part(part: str, checkpoint: Path, out: Path, layout: str) -> None:
    """Write a part of ours under other names."""
    if layout not in LAYOUTS["vae" if part in AUTOENCODERS else part]:
        raise UserError(f"{part} has no place in files of '{layout}'.")
    try:
        state = released_part(weights_of(load_checkpoint(checkpoint)), part, layout)
    except UserError as error:
        raise error if str(checkpoint) in str(error) else UserError(f"{checkpoint}: {error}") from error
    if out.suffix == ".safetensors":
        save_safetensors(state, out)
    else:
        save_checkpoint(state, out)
    print(f"{out}: {len(state)} tensors of {part} with the names of '{layout}'")


def save_safetensors(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write tensors so that afterwards `path` holds all of them, or what it held before."""
    safetensors = require("safetensors.torch", extra="video", why="files that end in .safetensors")
    with atomic_write(path) as file:
        file.write(safetensors.save({name: value.contiguous().clone() for name, value in state.items()}))


def _left_over(names: Sequence[str]) -> str:
    parts = Counter(name.split(".")[0] for name in names)
    return f"{len(names)} left over: {', '.join(f'{part} ({count})' for part, count in parts.items())}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    if args.command == "part":
        convert_part(args.part, args.file, args.out, args.image_channels)
    elif args.command == "export":
        export_part(args.part, args.checkpoint, args.out, args.to)
    else:
        convert_stage(int(args.command.removeprefix("stage")), args)


if __name__ == "__main__":
    run_tool(main)
