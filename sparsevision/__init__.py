"""Vision models that learn from, or are steered by, a few annotations."""

import warnings

from sparsevision.version import __version__

# mmcv without compiled ops is what we build on; it warns of that at every import.
warnings.filterwarnings("ignore", message="Fail to import ``MultiScaleDeformableAttention``")

__all__ = ["__version__"]
