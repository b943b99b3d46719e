"""The tiny CLIP, the stand-in SAM and the golden numbers of GenSAM."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from sparsevision.methods.gensam.clip_heatmap import ClipHeatmap
from sparsevision.methods.gensam.network import ClipConfig, SpatialCLIP

GOLDEN = Path(__file__).parents[2] / "golden" / "gensam"


def golden_weight(name, shape):
    """The rule of the golden numbers for a weight with this official name."""
    seed = zlib.crc32(name.encode()) & 0xFFFFFFFF
    noise = np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
    leaf = name.split(".")[-1]
    if name == "logit_scale":
        return np.array(np.log(1 / 0.07), np.float32)
    if name == "token_embedding.weight":
        return noise * np.float32(0.02)
    if leaf in ("positional_embedding", "class_embedding"):
        return noise * np.float32(0.3)
    if ".ln_" in "." + name and leaf == "weight":
        return (1 + 0.1 * noise).astype(np.float32)
    if leaf.endswith("bias"):
        return noise * np.float32(0.1)
    if leaf in ("proj", "text_projection") and len(shape) == 2:
        return noise * np.float32(shape[0] ** -0.5)
    if len(shape) >= 2:
        return noise * np.float32(np.prod(shape[1:]) ** -0.5)
    return noise * np.float32(0.1)


@dataclass
class StandInMasks:
    """Full-resolution logits (3,H,W) that need no upsampling."""

    scores: torch.Tensor
    low_res: torch.Tensor

    def upsample(self, index):
        return self.low_res[index]


class StandInSAM:
    """The stand-in SAM of the golden numbers: Gaussian bumps at the points, a slab for the box."""

    def __init__(self):
        self.calls = []
        self.embedded = 0

    def set_image(self, image):
        self.embedded += 1
        return image.shape[:2]

    def predict(self, embedding, *, points=None, labels=None, box=None, mask_input=None, multimask=True):
        self.calls.append({"points": points, "labels": labels, "box": box, "mask_input": mask_input})
        logits, scores = stand_in_logits(*embedding, points, labels, box)
        return StandInMasks(scores=torch.from_numpy(scores), low_res=torch.from_numpy(logits))


def stand_in_logits(height, width, points, labels, box):
    yy, xx = np.mgrid[:height, :width].astype(np.float64)
    maps = []
    for spread in (0.05, 0.10, 0.20):
        two_var = 2 * (spread * max(height, width)) ** 2
        logit = np.full((height, width), -1.0)
        for (x, y), label in zip(() if points is None else points, () if points is None else labels, strict=True):
            logit += (2.0 if label == 1 else -1.0) * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / two_var)
        if box is not None:
            logit += np.where((xx >= box[0]) & (xx <= box[2]) & (yy >= box[1]) & (yy <= box[3]), 0.5, -2.0)
        maps.append(logit.astype(np.float32))
    maps = np.stack(maps)
    return maps, (1 - np.abs((maps > 0).mean((1, 2)) - 0.08)).astype(np.float32)


@pytest.fixture(scope="session")
def golden():
    """Every golden array by "file/key", and the JSON under "json"."""
    arrays = {}
    for path in GOLDEN.glob("*.npz"):
        with np.load(path, allow_pickle=False) as file:
            arrays.update({f"{path.stem}/{key}": file[key] for key in file.files})
    arrays["json"] = json.loads((GOLDEN / "gensam.json").read_text())
    return arrays


@pytest.fixture(scope="session")
def golden_state(golden):
    sizes = golden["json"]["clip_config"]
    config = ClipConfig(
        embed_dim=sizes["embed"],
        grid=sizes["res"] // sizes["patch"],
        patch=sizes["patch"],
        image_width=sizes["width"],
        image_layers=sizes["layers"],
        text_width=sizes["twidth"],
        text_layers=sizes["tlayers"],
        context=sizes["context"],
        vocab=sizes["vocab"],
    )
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in SpatialCLIP(config).state_dict().items()}
    return {name: torch.from_numpy(golden_weight(name, shape)) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def clip(golden_state):
    return SpatialCLIP.from_state_dict(golden_state)


@pytest.fixture(scope="session")
def backend(clip):
    return ClipHeatmap(clip=clip)


@pytest.fixture(scope="session")
def features(clip, golden):
    """Image features (1,197,D) of the golden test image."""
    heatmap = ClipHeatmap(clip=clip)
    return heatmap.features([golden["heatmaps/image"]])


@pytest.fixture
def stand_in_sam():
    return StandInSAM()
