"""Running: safe checkpoints, strict overrides, the Runner, hooks, and what stands behind tools/train.py and test.py."""

from sparsevision.engine.checkpoint import LoadReport, load_checkpoint, load_state_dict, save_checkpoint
from sparsevision.engine.checkpoint_diagnosis import CheckpointError
from sparsevision.engine.cli import run_tool
from sparsevision.engine.overrides import OverrideAction, add_cfg_options, apply_overrides

__all__ = [
    "CheckpointError",
    "LoadReport",
    "OverrideAction",
    "add_cfg_options",
    "apply_overrides",
    "load_checkpoint",
    "load_state_dict",
    "run_tool",
    "save_checkpoint",
]
