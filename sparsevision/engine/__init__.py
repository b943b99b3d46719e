"""Running: safe checkpoints, strict overrides, the Runner, hooks, and what stands behind tools/train.py and test.py."""

from sparsevision.engine.checkpoint import LoadReport, load_checkpoint, load_state_dict, save_checkpoint
from sparsevision.engine.checkpoint_diagnosis import CheckpointError

__all__ = ["CheckpointError", "LoadReport", "load_checkpoint", "load_state_dict", "save_checkpoint"]
