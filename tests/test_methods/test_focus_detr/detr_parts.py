"""Networks of Focus-DETR in test sizes, and the released one with golden weights."""

from functools import cache

import torch
from golden_detr import focus_inputs, focus_state, normalised_batch
from torch import nn

from sparsevision.methods.focus_detr.backbones import ResNetBackbone
from sparsevision.methods.focus_detr.budget import Budget
from sparsevision.methods.focus_detr.convert import NETWORK, convert_checkpoint
from sparsevision.methods.focus_detr.decoder import Decoder
from sparsevision.methods.focus_detr.encoder import Encoder
from sparsevision.methods.focus_detr.heads import box_head, class_head
from sparsevision.methods.focus_detr.neck import Neck
from sparsevision.methods.focus_detr.network import FocusNetwork
from sparsevision.methods.focus_detr.presets import PRESETS
from sparsevision.methods.focus_detr.proposals import ProposalTransform
from sparsevision.methods.focus_detr.selector import ForegroundSelector
from sparsevision.utils.settings import switches_of_preset


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
    budget=None,
    selector="focus",
    channels=32,
    levels=4,
    layers=2,
    heads=4,
    hidden=64,
    object_tokens=6,
    num_classes=5,
    queries=20,
    background_embedding=False,
):
    """A whole network; small by default, of random weights."""
    switches = switches_of_preset(PRESETS, preset, changes)
    backbone = backbone or Strides()
    sizes = {"layers": layers, "channels": channels, "heads": heads, "levels": levels, "hidden": hidden}
    choice = {
        "modulation": switches.modulation,
        "top_alpha_twice": switches.top_alpha_twice,
        "aligned_upsampling": switches.aligned_upsampling,
    }
    selectors = {"focus": lambda: ForegroundSelector(channels=channels, levels=levels, **choice), None: lambda: None}
    return FocusNetwork(
        backbone=backbone,
        neck=Neck(in_channels=backbone.channels, channels=channels, levels=levels, groups=min(32, channels // 4)),
        proposals=ProposalTransform(channels=channels),
        selector=selectors[selector]() if isinstance(selector, str | None) else selector,
        encoder=Encoder(
            **sizes,
            object_tokens=None if selector is None else object_tokens,
            object_score=switches.object_score,
            stale_value=switches.stale_value,
            own_class_heads=num_classes if switches.own_class_heads else None,
            background_embedding=background_embedding,
        ),
        decoder=Decoder(**sizes),
        class_heads=nn.ModuleList(class_head(channels, num_classes) for _ in range(layers + 1)),
        box_heads=nn.ModuleList(box_head(channels) for _ in range(layers + 1)),
        query_content=nn.Embedding(queries, channels),
        budget=budget or Budget(cascade=(1.0, 0.6), by_batch=switches.batch_budget),
        switches=switches,
    )


@cache
def released():
    """The released ResNet-50 network with golden weights, in evaluation."""
    net = network(
        backbone=ResNetBackbone(depth=50),
        budget=Budget(by_batch=True),
        channels=256,
        layers=6,
        heads=8,
        hidden=2048,
        object_tokens=300,
        num_classes=80,
        queries=900,
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
