"""The radiance field of the release, of nerfstudio's components (`make nerfstudio`): for graphics cards.

`implementation="tcnn"` in `field` takes tiny-cuda-nn's fused grid and networks where that package is installed.
"""

from sparsevision.methods.spin_nerf import BoxCoordinates, StudioHashField, StudioRenderer

field = dict(
    type=StudioHashField,
    coordinates=dict(type=BoxCoordinates, low=(-100.0, -100.0, -100.0), high=(100.0, 100.0, 100.0)),
)
renderer = dict(
    type=StudioRenderer,
    fine=dict(field),
    coarse=dict(field),
    num_samples=64,
    num_fine_samples=64,
    linear_in_disparity=True,
    white_background=True,
    density_noise=1.0,
)
