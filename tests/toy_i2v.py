"""Checkpoints of the tiny Motion-I2V with random weights, as files."""

from pathlib import Path

import torch

from sparsevision.engine import read_config
from sparsevision.registry import MODELS

CONFIG = "tiny_motion_i2v_shapes"


def write_checkpoints(folder: Path) -> dict[str, Path]:
    """Of each stage, of both together ("whole"), of stage 1 without its ControlNet, and of its flow codec alone."""
    torch.manual_seed(0)
    model = MODELS.build(read_config(CONFIG).model)
    motion = model.motion.state_dict()
    states = {
        "motion": motion,
        "frames": model.frames.state_dict(),
        "whole": model.state_dict(),
        "free": {name: value for name, value in motion.items() if not name.startswith("controlnet.")},
        "flow": {name: value for name, value in motion.items() if name.startswith("flow_codec.")},
    }
    for name, state in states.items():
        torch.save({"state_dict": state}, folder / f"{name}.pth")
    return {name: folder / f"{name}.pth" for name in states}
