"""The stages of Motion-I2V so small that they answer at once; no weight of them is zero."""

import torch

from sparsevision.methods.motion_i2v import FrameRenderer, MotionPredictor, PatchFlowCodec, PixelShuffleCodec

SMALL = {
    "channels": (8, 16),
    "layers": 1,
    "attention_levels": (False, True),
    "text_channels": 8,
    "spatial_heads": 2,
    "temporal_heads": 2,
    "norm_groups": 4,
}
SHARED = {
    "frames": 3,
    "architecture": SMALL,
    "text": {"type": "HashedText", "channels": 8, "tokens": 4},
    "schedule": {"prediction": "velocity"},
    "steps": 3,
    "guidance": {"text": 2.0},
    "preset": "fixed",
}
BLOCKS = {"type": "RandomBlocks", "block": 4}


def predictor(**options):
    """Stage 1 in small; the last layers of its ControlNet are not zero, so that tracks act."""
    settings = SHARED | {"controlnet": {"stem_channels": 8}, "sparse": BLOCKS, "trains": "controlnet"} | options
    model = MotionPredictor(
        image_codec=PixelShuffleCodec(patch=4),
        flow_codec=PatchFlowCodec(patch=4, latent_scale=0.5),
        region={"type": "BoxRegion", "half": 4},
        **settings,
    )
    return stirred(model)


def renderer(**options):
    """Stage 2 in small."""
    return stirred(FrameRenderer(image_codec=PixelShuffleCodec(patch=4), **(SHARED | options)))


def stirred(model):
    """The model with no weight left at zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return model.eval()
