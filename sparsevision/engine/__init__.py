"""Running: safe checkpoints, strict overrides, the Runner, hooks, and what stands behind tools/train.py and test.py."""

from sparsevision.engine.checkpoint import LoadReport, load_checkpoint, load_state_dict, save_checkpoint, weights_of
from sparsevision.engine.checkpoint_diagnosis import CheckpointError
from sparsevision.engine.cli import call_tool, plain_warnings, run_tool
from sparsevision.engine.overrides import OverrideAction, add_cfg_options, apply_overrides, read_config

__all__ = [
    "CheckpointError",
    "LoadReport",
    "OverrideAction",
    "add_cfg_options",
    "apply_overrides",
    "call_tool",
    "load_checkpoint",
    "load_state_dict",
    "plain_warnings",
    "read_config",
    "run_tool",
    "save_checkpoint",
    "weights_of",
]
