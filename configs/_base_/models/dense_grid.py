"""A radiance field of dense grids for forward-facing scenes: fast without a graphics card."""

from sparsevision.methods.spin_nerf import DenseGridField, FrustumCoordinates, Renderer

renderer = dict(
    type=Renderer,
    fine=dict(type=DenseGridField, coordinates=dict(type=FrustumCoordinates)),
    num_samples=48,
    num_fine_samples=24,
    keep_coarse_samples=False,
    linear_in_disparity=True,
    activation="softplus",
    pdf_padding=1e-2,
)
