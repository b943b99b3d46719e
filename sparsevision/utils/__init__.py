"""Small helpers that every layer may import: optional dependencies and errors for people."""

from sparsevision.utils.errors import UserError, closest, did_you_mean
from sparsevision.utils.files import atomic_write, check_out_folder, write_json
from sparsevision.utils.optional import require
from sparsevision.utils.paths import configs_dir, find_config, tool_command, tools_dir

__all__ = [
    "UserError",
    "atomic_write",
    "check_out_folder",
    "closest",
    "configs_dir",
    "did_you_mean",
    "find_config",
    "require",
    "tool_command",
    "tools_dir",
    "write_json",
]
