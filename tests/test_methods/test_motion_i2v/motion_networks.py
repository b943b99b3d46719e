"""Networks of the golden numbers, and tiny ones for everything else."""

import torch
from golden_motion import golden_numbers, golden_weight

from sparsevision.methods.motion_i2v.architecture import Architecture

CONFIG = golden_numbers()["config"]
GOLDEN_ARCHITECTURE = Architecture(
    channels=CONFIG["block_out_channels"],
    layers=CONFIG["layers_per_block"],
    text_channels=CONFIG["cross_attention_dim"],
    spatial_heads=CONFIG["spatial_heads"],
    temporal_heads=CONFIG["temporal_heads"],
    max_positions=CONFIG["pe_max_len"],
    norm_groups=CONFIG["norm_num_groups"],
)
TINY = Architecture(
    channels=(8, 16),
    layers=1,
    attention_levels=(False, True),
    text_channels=None,
    spatial_heads=2,
    temporal_heads=2,
    norm_groups=4,
)


def published(network, prefix):
    """The network with the golden weights; the tables of positions are its own."""
    state = {
        key: value if key.endswith("pos_encoder.pe") else golden_weight(prefix, key, tuple(value.shape))
        for key, value in network.state_dict().items()
    }
    network.load_state_dict(state)
    return network.eval()


def awake(network, seed=0):
    """The network with random weights also where it starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            spread = value[0].numel() ** -0.5 if value.ndim > 1 else 0.1
            value.copy_(torch.randn(value.shape, generator=generator) * spread + (value.ndim == 1))
    return network


def random_flow(clips, frames, height, width, *, scale=2.0, seed=0):
    """(B,F,2,H,W) with field 0 zero."""
    generator = torch.Generator().manual_seed(seed)
    flow = scale * torch.randn(clips, frames, 2, height, width, generator=generator)
    flow[:, 0] = 0
    return flow
