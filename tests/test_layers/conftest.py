"""A SAM small enough for a test: 64 px input, published prompt encoder and mask decoder, random weights."""

from functools import partial

import numpy as np
import pytest
import torch

from sparsevision.layers.promptable import SegmentAnything, sam_around

SIDE = 64


@pytest.fixture(scope="session")
def tiny_sam() -> SegmentAnything:
    modeling = pytest.importorskip("segment_anything.modeling")
    torch.manual_seed(0)
    encoder = modeling.ImageEncoderViT(
        img_size=SIDE,
        patch_size=16,
        embed_dim=32,
        depth=2,
        num_heads=2,
        out_chans=256,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=2,
        global_attn_indexes=(1,),
    )
    return SegmentAnything(network=sam_around(encoder, image_size=SIDE))


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (37, 53, 3), dtype=np.uint8)
