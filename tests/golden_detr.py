"""The weights and images that the golden numbers of Focus-DETR were made with, rebuilt from names and seeds."""

import json
import math
import re
import zlib
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parent / "golden" / "focus_detr"
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def golden_arrays(name):
    """The arrays of one file, by name."""
    return dict(np.load(GOLDEN / f"{name}.npz", allow_pickle=False))


def golden_numbers():
    """The json of the golden folder."""
    return json.loads((GOLDEN / "focus_detr.json").read_text())


def focus_state():
    """The published state dict (R50, 705 names) with golden weights."""
    shapes = json.loads((GOLDEN / "state_dict_shapes_r50.json").read_text())
    return {key: focus_weight(key, tuple(shape)) for key, shape in shapes.items()}


def _shared_name(key):
    """Heads that the published network stores under several names have one value."""
    key = re.sub(r"^transformer\.decoder\.(class_embed|bbox_embed)\.", r"\1.", key)
    return re.sub(r"^(transformer\.encoder\.enhance_MCSP|enhance_MCSP_layerlist)\.\d+\.", "class_embed.6.", key)


def _star(noise):
    """Bias of the sampling offsets: 8 directions, 4 levels, 4 points, plus noise."""
    angles = torch.arange(8) * (2 * math.pi / 8)
    directions = torch.stack([angles.cos(), angles.sin()], -1)
    directions = directions / directions.abs().max(-1, keepdim=True)[0]
    steps = torch.arange(1, 5).view(1, 1, 4, 1)
    return (directions.view(8, 1, 1, 2).repeat(1, 4, 4, 1) * steps).reshape(-1) + noise


def _vector(key, normal):
    if key.endswith(".weight"):
        return 1 + normal(0.1)
    return -2 + normal(0.5) if "class_embed" in key else normal(0.05)


def _matrix(key, shape, normal):
    fan = math.prod(shape[1:])
    if any(part in key for part in ("level_embeds", "tgt_embed", "label_enc")):
        return normal(0.5)
    if "bbox_embed" in key and shape[0] == 4:
        return normal(0.2 / math.sqrt(fan))
    if key == "transformer.enc_mask_predictor.layer2.4.weight":
        return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 0.25
    if "enc_mask_predictor.layer2" in key:
        return normal(2.5 / math.sqrt(fan))
    if "class_embed" in key:
        return normal(1.5 / math.sqrt(fan))
    return normal(math.sqrt(1.6 / fan)) if len(shape) == 4 else normal(1 / math.sqrt(fan))


def focus_weight(key, shape):
    """One weight by its published name."""
    key = _shared_name(key)
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()) & 0xFFFFFFFF)

    def normal(scale):
        return torch.randn(shape, generator=generator) * scale

    if "running_var" in key:
        return torch.rand(shape, generator=generator) * 0.5 + 0.75
    if "running_mean" in key:
        return normal(0.05)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.long)
    if key == "transformer.alpha":
        return torch.tensor([0.2, -0.15, 0.1])
    if key.endswith("sampling_offsets.bias"):
        return _star(normal(0.1))
    if key.endswith("sampling_offsets.weight"):
        return normal(0.02)
    return _vector(key, normal) if len(shape) == 1 else _matrix(key, shape, normal)


def focus_inputs(sizes, seed, n):
    """[(image (3,h,w) float in 0..255, boxes (n,4) xyxy pixels, labels (n,))]; one generator for all, in order."""
    generator = torch.Generator().manual_seed(seed)
    inputs = []
    for height, width in sizes:
        centres = torch.rand(n, 2, generator=generator) * 0.6 + 0.2
        sides = torch.rand(n, 2, generator=generator) * 0.3 + 0.05
        corners = torch.cat([centres - sides / 2, centres + sides / 2], 1).clamp(0, 1)
        labels = torch.randint(0, 80, (n,), generator=generator)
        image = torch.randint(0, 256, (3, height, width), generator=generator).float()
        inputs.append((image, corners * torch.tensor([width, height, width, height]), labels))
    return inputs


def normalised_batch(images):
    """(B,3,H,W): images normalised, then padded right and below with 0."""
    height, width = (max(image.shape[axis] for image in images) for axis in (1, 2))
    batch = torch.zeros(len(images), 3, height, width)
    for place, image in zip(batch, images, strict=True):
        normal = (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        place[:, : image.shape[1], : image.shape[2]] = normal
    return batch
