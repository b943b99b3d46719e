"""Motion-I2V from a config and its checkpoints: both stages in one file, or each in its own."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor

from sparsevision.apis.model import default_device, on_device
from sparsevision.engine import load_checkpoint, load_state_dict, read_config, weights_of
from sparsevision.methods.motion_i2v import FrameRenderer, MotionI2V, MotionPredictor
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

PathLike = str | Path
ABOUT = {
    "motion": "stage 1 (from an image to motion)",
    "frames": "stage 2 (from motion to frames)",
    "whole": "both stages",
    "flow": "an autoencoder of flow, without a stage",
    "other": "no stage of Motion-I2V",
}


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What there is of Motion-I2V, in evaluation mode.

    Attributes:
        motion: stage 1, or None.
        frames: stage 2, or None.
        render: (image, flow=..., seeds=..., ...) -> video, see `FrameRenderer.sample`; None without stage 2.
        image_size: (height, width) that the config names: its `image_size`, or `size` in its test pipeline; or None.
    """

    motion: MotionPredictor | None
    frames: FrameRenderer | None
    render: Callable[..., Tensor] | None
    image_size: tuple[int, int] | None

    @property
    def fields(self) -> int:
        """F, the number of frames after the first one."""
        return (self.motion or self.frames).frames

    @property
    def multiple(self) -> int:
        """What height and width of an image have to be multiples of."""
        stages = [stage for stage in (self.motion, self.frames) if stage is not None]
        return math.lcm(*(stage.image_codec.stride * stage.unet.architecture.stride for stage in stages))

    @property
    def reads_words(self) -> bool:
        """Whether a stage is told the prompt."""
        return any(stage is not None and stage.text is not None for stage in (self.motion, self.frames))


def stages_of(model: BaseModel, *, loaded: tuple[str, ...] = ("motion", "frames")) -> Stages:
    """The stages of a model, without those that have no weights.

    Raises:
        UserError: not a model of Motion-I2V.
    """
    parts = _parts_of(model)
    frames = parts["frames"] if "frames" in loaded else None
    render = None if frames is None else model.render if isinstance(model, MotionI2V) else frames.sample
    return Stages(
        motion=parts["motion"] if "motion" in loaded else None,
        frames=frames,
        render=render,
        image_size=_image_size(getattr(model, "cfg", None) or {}),
    )


def load_stages(
    config: PathLike | Config,
    checkpoint: PathLike | None = None,
    *,
    motion: PathLike | None = None,
    frames: PathLike | None = None,
    device: str | None = None,
) -> Stages:
    """Build a config's model and load its weights; a stage of `MotionI2V` without weights is left out.

    Args:
        config: of `MotionI2V`, `MotionPredictor` or `FrameRenderer`: a Config, a path, or the name of a shipped one.
        checkpoint: of the config's model.
        motion: of stage 1, or of both.
        frames: of stage 2, or of both.
        device: None takes a GPU if there is one.

    Raises:
        UserError: no checkpoint, one of another stage, or not the config of a Motion-I2V.
        CheckpointError: weights of another architecture.
    """
    cfg = read_config(config)
    model = MODELS.build(cfg.model)
    model.cfg = cfg
    parts = {name: part for name, part in _parts_of(model).items() if part is not None}
    files = _files(parts, checkpoint, {"motion": motion, "frames": frames})
    for name, path in files.items():
        _load_part(parts[name], path, name, whole_wanted=path is checkpoint and len(parts) == 2)
    return stages_of(on_device(model, device or default_device()).eval(), loaded=tuple(files))


def stage_of(state: Mapping[str, Tensor]) -> str:
    """Of which stage these weights are: "motion", "frames", "whole", "flow" or "other"."""
    roots = {name.split(".")[0] for name in state}
    if roots & {"motion", "frames"}:
        return "whole"
    if "unet" in roots:
        return "motion" if "flow_codec" in roots else "frames"
    return "flow" if "flow_codec" in roots else "other"


def _image_size(cfg: Mapping) -> tuple[int, int] | None:
    pipeline = cfg.get("test_dataloader", {}).get("dataset", {}).get("pipeline", ())
    sizes = [cfg.get("image_size"), *(step.get("size") for step in reversed(pipeline))]
    return next((tuple(size) for size in sizes if size is not None), None)


def _parts_of(model: BaseModel) -> dict[str, BaseModel | None]:
    if isinstance(model, MotionI2V):
        return {"motion": model.motion, "frames": model.frames}
    found = {
        "motion": model if isinstance(model, MotionPredictor) else None,
        "frames": model if isinstance(model, FrameRenderer) else None,
    }
    if not any(found.values()):
        raise UserError(
            f"{type(model).__name__} makes no videos; I2VInferencer needs MotionI2V or one of its stages, e.g. a "
            "config of configs/motion_i2v."
        )
    return found


def _files(
    parts: Mapping[str, BaseModel], checkpoint: PathLike | None, given: Mapping[str, PathLike | None]
) -> dict[str, PathLike]:
    """{part: file}."""
    named = {name: path for name, path in given.items() if path is not None}
    lost = [name for name in named if name not in parts]
    if lost:
        raise UserError(
            f"{lost[0]}={named[lost[0]]}: the config has no {ABOUT[lost[0]]}; take one of MotionI2V, such as "
            "tiny_motion_i2v_shapes."
        )
    files = named if checkpoint is None else dict.fromkeys(parts, checkpoint) | named
    if not files:
        raise UserError("Motion-I2V learns its weights: give a checkpoint, or one for each stage (motion, frames).")
    return files


def _load_part(part: BaseModel, path: PathLike, name: str, *, whole_wanted: bool) -> None:
    state = dict(weights_of(load_checkpoint(path)))
    found = stage_of(state)
    if found == "whole":
        state = {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
    elif found != name or whole_wanted:
        expected = "whole" if whole_wanted else name
        remedy = f" Give it as the checkpoint of {found}." if found in ("motion", "frames") else ""
        raise UserError(f"{path} holds {ABOUT[found]}; expected {ABOUT[expected]}.{remedy}")
    load_state_dict(part, state, source=path)
    if getattr(part, "controlnet", None) is not None and not any(key.startswith("controlnet.") for key in state):
        part.controlnet = None  # what would be made of the UNet has not learned to follow tracks
