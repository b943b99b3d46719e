"""Vision models that learn from, or are steered by, a few annotations."""

from sparsevision.version import __version__

__all__ = ["__version__"]
