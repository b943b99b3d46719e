"""Files of Motion-I2V's release, AnimateDiff and Stable Diffusion put together to a stage of ours, and cut out again.

Whatever a file is wrapped in and however its names are, `convert` tells; here is which files a stage is made of, where
the release keeps them, and what they are called in a checkpoint of `MotionPredictor` or `FrameRenderer`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sparsevision.engine.checkpoint import load_checkpoint
from sparsevision.engine.checkpoint_diagnosis import check_readable
from sparsevision.methods.motion_i2v.codecs import PUBLISHED_SCALE
from sparsevision.methods.motion_i2v.convert import convert_checkpoint, convert_with_report, released_checkpoint
from sparsevision.methods.motion_i2v.weights_to_settings import check_stage, picture_channels
from sparsevision.utils import UserError, require

FLOWGEN = "stage1/StableDiffusion-FlowGen"
STAGES = {1: ("stage1", "controlnet", "flow_vae", "image_vae"), 2: ("spatial", "motion_modules", "image_vae")}
PLACES = {  # in the release's folder `models`
    1: {
        "stage1": f"{FLOWGEN}/unet",
        "controlnet": f"{FLOWGEN}/controlnet",
        "flow_vae": f"{FLOWGEN}/vae_flow",
        "image_vae": "stage2/StableDiffusion/vae",
    },
    2: {
        "spatial": "stage2/DreamBooth_LoRA/realistic_unet.ckpt",
        "motion_modules": "stage2/Motion_Module/motion_block.bin",
        "image_vae": "stage2/DreamBooth_LoRA/realisticVisionV51_v20Novae.safetensors",
    },
}
TEXT_PLACES = {1: FLOWGEN, 2: "stage2/StableDiffusion"}
FRONTS = {  # of names in a stage's checkpoint
    "stage1": "unet.",
    "stage2": "unet.",
    "spatial": "unet.",
    "motion_modules": "unet.",
    "controlnet": "controlnet.",
    "flow_vae": "flow_codec.autoencoder.",
    "image_vae": "image_codec.autoencoder.",
}
OF_MOTION = (
    "stage1",
    "controlnet",
    "flow_vae",
)  # in a checkpoint of MotionI2V behind "motion.", the rest behind "frames."
AUTOENCODERS = {"flow_vae": 2, "image_vae": 3}  # and the channels of their pictures
FILE_NAMES = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin", "controlnet.bin")


class StageFile(NamedTuple):
    """A stage put together.

    Attributes:
        checkpoint: {"state_dict", "meta"}, for `MotionPredictor` or `FrameRenderer`.
        settings: what of `Architecture` and of the ControlNet the weights need, without heads and groups, which leave
            no trace in weights.
        leftover: file -> names in it that have no place.
    """

    checkpoint: dict[str, Any]
    settings: dict[str, Any]
    leftover: dict[Path, list[str]]


def stage_files(stage: int, *, models: Path | None, given: Mapping[str, Path], without: frozenset[str]) -> dict:
    """Which file each part of a stage is read from: those that are given, otherwise the release's.

    Args:
        stage: 1 or 2.
        models: the release's folder.
        given: part -> file, or folder of a diffusers model. "stage2" stands for both parts of stage 2's UNet.
        without: parts that are left out.

    Raises:
        UserError: a file is missing (names the part and the place), or one part is given twice.
    """
    if "stage2" in given and not {"spatial", "motion_modules"}.isdisjoint(given):
        raise UserError(
            "give the whole UNet of stage 2 (--unet), or its parts (--spatial, --motion-modules), not both."
        )
    parts = ("stage2", "image_vae") if "stage2" in given else STAGES[stage]
    found = {}
    for part in parts:
        if part in without:
            continue
        if part not in given and models is None:
            raise UserError(f"{part}: no file; give one, or the folder of the release with --models.")
        found[part] = weights_file(given[part] if part in given else models / PLACES[stage][part], part)
    return found


def weights_file(path: Path, part: str) -> Path:
    """The file itself, or the one with weights in a folder. Raises UserError where there is none."""
    candidates = [path / name for name in FILE_NAMES] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    names = f" with {' or '.join(FILE_NAMES)}" if path.is_dir() or not path.suffix else ""
    raise UserError(f"{part}: there is no {path}{names}; get this file of the model, or give another one for {part}.")


def read_weights(path: Path) -> Mapping[str, Any]:
    """What a file holds, read without running anything in it: safetensors, or torch's formats with tensors alone.

    Raises:
        UserError: it is missing, cut short, or needs pickled code.
    """
    if path.suffix != ".safetensors":
        return load_checkpoint(path)
    check_readable(path)
    safetensors = require("safetensors.torch", extra="video", why="files that end in .safetensors")
    try:
        return safetensors.load_file(path)
    except Exception as error:  # the library raises one class of its own, and OSError
        raise UserError(f"{path} is cut short, damaged or no safetensors file ({error}); get it again.") from error


def read_part(path: Path, part: str) -> tuple[dict[str, Tensor], list[str]]:
    """A part of `FRONTS` under our names, and names in the file that have no place in it.

    Raises:
        UserError: the file holds another part (says which); names the file.
    """
    try:
        found = convert_with_report(read_weights(path), part="vae" if part in AUTOENCODERS else part)
        channels = picture_channels(found.state) if part in AUTOENCODERS else None
        if channels != AUTOENCODERS.get(part):
            raise UserError(
                f"This is an autoencoder of pictures with {channels} channels; {part} has {AUTOENCODERS[part]}."
            )
    except UserError as error:
        raise error if str(path) in str(error) else UserError(f"{path}: {error}") from error
    return found.state, found.leftover


def assemble_stage(stage: int, files: Mapping[str, Path]) -> StageFile:
    """Put a stage together.

    Raises:
        UserError: a file holds another part, or tensors are missing or of shapes that do not fit each other.
    """
    state, leftover = {}, {}
    for part, path in files.items():
        found, rest = read_part(path, part)
        state |= {FRONTS[part] + name: value for name, value in found.items()}
        if rest:
            leftover[path] = rest
    settings, strangers = check_stage(stage, state)
    for name in strangers:
        del state[name]
    codecs = {name.split(".")[0] for name in state if ".autoencoder." in name}
    state |= {f"{codec}.latent_scale": torch.tensor(PUBLISHED_SCALE) for codec in sorted(codecs)}
    sources = {part: path.name for part, path in files.items()}
    meta = {"method": "motion_i2v", "preset": "published", "stage": stage, "sources": sources, **settings}
    return StageFile({"state_dict": state, "meta": meta}, settings, leftover)


def released_part(state: Mapping[str, Tensor], part: str, layout: str) -> dict[str, Tensor]:
    """A part of a checkpoint of ours under the names of another code base; see `released_checkpoint`.

    Args:
        state: of a `MotionPredictor`, a `FrameRenderer` or a `MotionI2V`.
        part: a key of `FRONTS`.
        layout: "official", "diffusers" or "ldm".

    Raises:
        UserError: the checkpoint has no such part, or the layout no place for it.
    """
    kind = "vae" if part in AUTOENCODERS else part
    for model in ("", "motion." if part in OF_MOTION else "frames."):
        front = model + FRONTS[part]
        own = {name.removeprefix(front): value for name, value in state.items() if name.startswith(front)}
        if own:
            return released_checkpoint(convert_checkpoint(own, part=kind), part=kind, layout=layout)
    raise UserError(f"has no {part}: no name in it begins with {FRONTS[part]}")
