"""The radiance field of the release: two hash grids over a box of side 200, 64 and 64 more samples a ray.

The same of nerfstudio's components, and with tiny-cuda-nn's fused ones, is in studio_hash.py beside this file.
"""

from sparsevision.methods.spin_nerf import BoxCoordinates, HashGridField, Renderer

field = dict(
    type=HashGridField,
    coordinates=dict(type=BoxCoordinates, low=(-100.0, -100.0, -100.0), high=(100.0, 100.0, 100.0)),
)
renderer = dict(
    type=Renderer,
    fine=dict(field),
    coarse=dict(field),
    num_samples=64,
    num_fine_samples=64,
    linear_in_disparity=True,
    white_background=True,
    density_noise=1.0,
)
