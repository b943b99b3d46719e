"""LPIPS 0.1: how differently two images look, as the weighted distance of their features in a classifier's trunk.

Source: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, CVPR 2018, eq. 1.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.engine.checkpoint import load_checkpoint, load_state_dict, weights_of
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean
from sparsevision.weights import resolve_weights

TRUNKS = {"vgg": "vgg16", "alex": "alexnet"}
TAPS = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}  # layers of torchvision's `features`, all of them ReLUs
CHANNELS = {"vgg": (64, 128, 256, 512, 512), "alex": (64, 192, 384, 256, 256)}
SMALLEST = {"vgg": 16, "alex": 31}  # pixels; below this a feature map is empty
# ImageNet's mean and standard deviation for images in [-1, 1], rounded as the published metric rounds them.
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
EPSILON = 1e-10


@MODELS.register_module()
class LPIPS(nn.Module):
    """The distance of two images (B,3,H,W) in [-1, 1]; frozen, differentiable in the images.

    `features` and `distance` are the two halves, so that features of a fixed target are computed once.

    Args:
        net: "vgg" or "alex", the trunk. Papers compare the networks by "alex" and train with "vgg".
        weights: file, or name in the catalogue of weights; None leaves random numbers.

    Raises:
        UserError: an unknown net; weights that are not there (see `resolve_weights`).
        CheckpointError: weights of another network.
    """

    def __init__(self, net: str = "vgg", weights: str | Path | None = None) -> None:
        super().__init__()
        if net not in TRUNKS:
            raise UserError(f"LPIPS has no net '{net}'.{did_you_mean(net, TRUNKS)} Known: {', '.join(TRUNKS)}.")
        self.net = net
        self.trunk = convolutions_of(net)
        self.heads = nn.ParameterList(torch.full((channels,), 1 / channels) for channels in CHANNELS[net])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)
        if weights is not None:
            path = resolve_weights(weights)
            load_state_dict(self, weights_of(load_checkpoint(path)), source=path)
        self.requires_grad_(False)

    def forward(self, a: Tensor, b: Tensor, *, spatial: bool = False) -> Tensor:
        """Distances (B,) of a and b, both (B,3,H,W) in [-1, 1]; a map (B,H,W) with `spatial`.

        Raises:
            UserError: see `features`; or the images are of different sizes.
        """
        if a.shape[1:] != b.shape[1:]:
            raise UserError(f"LPIPS compares images of one size; got {tuple(a.shape)} and {tuple(b.shape)}.")
        size = tuple(a.shape[-2:]) if spatial else None
        return self.distance(self.features(a), self.features(b), size=size)

    def features(self, images: Tensor) -> list[Tensor]:
        """Five maps (B,C,h,w) of images (B,3,H,W) in [-1, 1]; the channels of each place have the length 1.

        Raises:
            UserError: no images of three channels, or fewer pixels than the trunk needs (vgg 16, alex 31 a side).
        """
        least = SMALLEST[self.net]
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < least:
            raise UserError(
                f"LPIPS ({self.net}) needs images (B,3,H,W) of at least {least} pixels a side; got "
                f"{tuple(images.shape)}. Take a larger crop or a larger rendering."
            )
        values = (images - self.shift) / self.scale
        maps = []
        for number, layer in enumerate(self.trunk):
            values = layer(values)
            if number in TAPS[self.net]:
                maps.append(values / (torch.linalg.vector_norm(values, dim=1, keepdim=True) + EPSILON))
        return maps

    def distance(self, a: Sequence[Tensor], b: Sequence[Tensor], *, size: tuple[int, int] | None = None) -> Tensor:
        """Distances (B,) from the `features` of two batches; with a size (H,W) maps (B,H,W) of it."""
        maps = [
            ((one - other).square() * head.view(1, -1, 1, 1)).sum(1, keepdim=True)
            for one, other, head in zip(a, b, self.heads, strict=True)
        ]
        if size is None:
            return torch.stack([values.mean((1, 2, 3)) for values in maps]).sum(0)
        enlarged = [F.interpolate(values, size, mode="bilinear", align_corners=False) for values in maps]
        return torch.stack(enlarged).sum(0)[:, 0]


def convolutions_of(net: str) -> nn.Sequential:
    """Torchvision's `features` up to the last layer that is looked at, with random weights; skips the classifier."""
    from torchvision import models  # here, since torch's compiler comes with it, which takes a second

    with torch.device("meta"):
        trunk = getattr(models, TRUNKS[net])(weights=None).features[: TAPS[net][-1] + 1]
    trunk = trunk.to_empty(device="cpu")
    for layer in trunk:
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return trunk
