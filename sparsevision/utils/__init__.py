"""Small helpers that every layer may import: optional dependencies and errors for people."""

from sparsevision.utils.errors import UserError, closest, did_you_mean
from sparsevision.utils.optional import require

__all__ = ["UserError", "closest", "did_you_mean", "require"]
