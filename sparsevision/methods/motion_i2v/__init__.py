"""Motion-I2V: image to video steered by a few tracks (Shi et al., SIGGRAPH 2024)."""

from sparsevision.methods.motion_i2v.autoencoder import GaussianLatents, KLAutoencoder, rename_old_attention
from sparsevision.methods.motion_i2v.schedule import NoiseSchedule, clip_noise, seeded

__all__ = [
    "GaussianLatents",
    "KLAutoencoder",
    "NoiseSchedule",
    "clip_noise",
    "rename_old_attention",
    "seeded",
]
