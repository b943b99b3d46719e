"""nerfstudio: its components behind our interfaces, our scenes and fields in its programs.

Nothing here imports nerfstudio before a class is built; `plugin` does, and only nerfstudio imports that.
"""

from sparsevision.methods.spin_nerf.studio.fields import StudioHashField, StudioVanillaField
from sparsevision.methods.spin_nerf.studio.renderer import StudioRenderer
from sparsevision.methods.spin_nerf.studio.sampler import StudioSampler

__all__ = ["StudioHashField", "StudioRenderer", "StudioSampler", "StudioVanillaField"]
