"""The radiance field of the release, of nerfstudio's components (`make nerfstudio`): for graphics cards.

`implementation="tcnn"` in the fields takes tiny-cuda-nn's fused grid and networks where that package is installed.
"""

from mmengine.config import read_base

from sparsevision.methods.spin_nerf import StudioHashField, StudioRenderer

with read_base():
    from .hash_grid import *

renderer.update(type=StudioRenderer)
renderer.fine.update(type=StudioHashField)
renderer.coarse.update(type=StudioHashField)
