"""Networks of Focus-DETR in test sizes, and the released one with golden weights."""

from dataclasses import asdict
from functools import cache

import torch
from golden_detr import focus_inputs, focus_state, normalised_batch
from torch import nn

from sparsevision.methods.focus_detr.backbones import ResNetBackbone
from sparsevision.methods.focus_detr.budget import PUBLISHED_CASCADE
from sparsevision.methods.focus_detr.build import Architecture, build_network
from sparsevision.methods.focus_detr.convert import NETWORK, convert_checkpoint
from sparsevision.methods.focus_detr.presets import PRESETS
from sparsevision.utils.settings import switches_of_preset

SMALL = {"channels": 32, "heads": 4, "hidden": 64, "encoder_layers": 2, "decoder_layers": 2}


class Strides(nn.Module):
    """Convolutions at strides 8, 16 and 32, wide enough that borders matter: a backbone in no time."""

    channels = (8, 12, 16)

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 9, stride=8, padding=4)
        self.second = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.third = nn.Conv2d(12, 16, 3, stride=2, padding=1)

    def forward(self, images):
        maps = [self.first(images).relu()]
        maps.append(self.second(maps[0]).relu())
        return [*maps, self.third(maps[1])]


def network(
    *,
    preset="published",
    changes=None,
    backbone=None,
    keep_ratio=0.5,
    cascade=(1.0, 0.6),
    selector="focus",
    sizes=None,
    object_tokens=6,
    num_classes=5,
    num_queries=20,
    background_embedding=False,
):
    """A whole network; small by default, of random weights."""
    return build_network(
        Architecture(**(SMALL | (sizes or {}))),
        backbone=backbone or Strides(),
        num_classes=num_classes,
        num_queries=num_queries,
        selector=selector,
        budget={"keep_ratio": keep_ratio, "cascade": cascade},
        object_tokens=object_tokens,
        background_embedding=background_embedding,
        switches=switches_of_preset(PRESETS, preset, changes),
    )


@cache
def released():
    """The released ResNet-50 network with golden weights, in evaluation."""
    net = network(
        backbone=ResNetBackbone(depth=50),
        sizes=asdict(Architecture()),
        cascade=PUBLISHED_CASCADE,
        object_tokens=300,
        num_classes=80,
        num_queries=900,
    )
    state = convert_checkpoint(focus_state())
    net.load_state_dict(
        {name.removeprefix(NETWORK): value for name, value in state.items() if name.startswith(NETWORK)}
    )
    return net.eval()


def golden_batch(numbers):
    """Images (B,3,H,W) of one golden entry, and their sizes."""
    setting = numbers["image"]
    images = [image for image, _, _ in focus_inputs(setting["sizes"], setting["seed"], setting["n"])]
    return normalised_batch(images), [tuple(size) for size in setting["sizes"]]


def random_images(*sizes, seed=0):
    """A padded batch of noise, and the images' sizes."""
    generator = torch.Generator().manual_seed(seed)
    height, width = (max(size[axis] for size in sizes) for axis in (0, 1))
    batch = torch.zeros(len(sizes), 3, height, width)
    for place, (h, w) in zip(batch, sizes, strict=True):
        place[:, :h, :w] = torch.randn(3, h, w, generator=generator)
    return batch, list(sizes)
