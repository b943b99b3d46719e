"""The features that FVD compares: I3D's answers for the 400 classes of Kinetics; weights come from a file of the user.

Sources: Carreira and Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017 (the network: Inception-v1 with every
kernel inflated over time); Unterthiner et al., "FVD: A new Metric for Video Generation", 2019 (its use). Parameters
have the names of the usual PyTorch files (`rgb_imagenet.pt`, `i3d_pretrained_400.pt`). TorchScript programs hold
code and are refused.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.engine.checkpoint import load_checkpoint, load_state_dict, weights_of
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

CLASSES = 400
SIZE = 224
SHORTEST = 9  # frames; the last average is over two steps of time, each of eight frames
NORM_EPSILON = 1e-3
COUNTER = "bn.num_batches_tracked"
# Name of a block: channels of its input, of the 1x1x1 branch, of (reduction, 3x3x3) twice, and after the pooling.
MIXED = {
    "Mixed_3b": (192, 64, (96, 128), (16, 32), 32),
    "Mixed_3c": (256, 128, (128, 192), (32, 96), 64),
    "Mixed_4b": (480, 192, (96, 208), (16, 48), 64),
    "Mixed_4c": (512, 160, (112, 224), (24, 64), 64),
    "Mixed_4d": (512, 128, (128, 256), (24, 64), 64),
    "Mixed_4e": (512, 112, (144, 288), (32, 64), 64),
    "Mixed_4f": (528, 256, (160, 320), (32, 128), 128),
    "Mixed_5b": (832, 256, (160, 320), (32, 128), 128),
    "Mixed_5c": (832, 384, (192, 384), (48, 128), 128),
}
FEATURES = 1024


class I3D(nn.Module):
    """Clips (B,3,T,H,W) in [-1,1] -> class scores (B,400) before softmax, in the mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, kernel=7, stride=2)
        self.MaxPool3d_2a_3x3 = SamePool((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, kernel=3)
        self.MaxPool3d_3a_3x3 = SamePool((1, 3, 3), (1, 2, 2))
        for name, widths in MIXED.items():
            if name == "Mixed_4b":
                self.MaxPool3d_4a_3x3 = SamePool((3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                self.MaxPool3d_5a_2x2 = SamePool((2, 2, 2), (2, 2, 2))
            self.add_module(name, Mixed(*widths))
        self.logits = nn.ModuleDict({"conv3d": nn.Conv3d(FEATURES, CLASSES, 1)})

    def forward(self, video: Tensor) -> Tensor:
        """(B,3,T,H,W), T >= 9 -> (B,400)."""
        x = video
        for name, layer in self.named_children():
            x = x if name == "logits" else layer(x)
        pooled = F.avg_pool3d(x, (2, *x.shape[-2:]), stride=1)
        return self.logits["conv3d"](pooled).mean((2, 3, 4))

    def completed_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A state of old files, without the counters of batches, with them; they play no part."""
        counters = {name: value for name, value in self.state_dict().items() if name.endswith(COUNTER)}
        return counters | dict(state)


class Unit(nn.Module):
    """Convolution without bias, batch norm, ReLU; padded so that only the stride changes the size."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride=stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,T,H,W) -> (B,C',T/s,H/s,W/s), rounded up."""
        return F.relu(self.bn(self.conv3d(padded(x, self.conv3d.kernel_size, self.conv3d.stride))))


class SamePool(nn.Module):
    """The largest of each window; zeros outside count, which after a ReLU is no difference."""

    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,T,H,W) -> the same with each size divided by the stride, rounded up."""
        return F.max_pool3d(padded(x, self.kernel, self.stride), self.kernel, self.stride)


class Mixed(nn.Module):
    """Four ways through a block of Inception, side by side."""

    def __init__(self, inputs: int, direct: int, second: tuple[int, int], third: tuple[int, int], pooled: int) -> None:
        super().__init__()
        self.b0 = Unit(inputs, direct)
        self.b1a, self.b1b = Unit(inputs, second[0]), Unit(*second, kernel=3)
        self.b2a, self.b2b = Unit(inputs, third[0]), Unit(*third, kernel=3)
        self.b3a, self.b3b = SamePool((3, 3, 3), (1, 1, 1)), Unit(inputs, pooled)

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,T,H,W) -> (B,C',T,H,W)."""
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)


@MODELS.register_module()
class I3DFeatures(nn.Module):
    """Clips in [0,1] of any size -> what FVD compares; frozen.

    Args:
        weights: file with a state dict of I3D on Kinetics-400 (colours).

    Raises:
        UserError: the file is not there.
        CheckpointError: it is damaged, holds more than tensors, or weights of another network.
    """

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        path = Path(weights).expanduser()
        if not path.is_file():
            raise UserError(
                f"i3d: there are no I3D weights at '{weights}'; nothing is downloaded. Give a state dict of I3D on "
                "Kinetics-400 with the usual PyTorch names (rgb_imagenet.pt), or leave i3d out."
            )
        self.network = I3D()
        load_state_dict(self.network, weights_of(load_checkpoint(path)), source=path)
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, video: Tensor) -> Tensor:
        """Features (B,400) of video (B,3,T,H,W) in [0,1]; each frame is resized to 224 x 224, whatever its shape.

        Raises:
            UserError: fewer than nine frames.
        """
        return self.network(i3d_input(video.to(self.network.logits["conv3d"].weight)))


def i3d_input(video: Tensor) -> Tensor:
    """What I3D reads, (B,3,T,224,224) in [-1,1], of video (B,3,T,H,W) in [0,1].

    Raises:
        UserError: fewer than nine frames, or another shape.
    """
    if video.ndim != 5 or video.shape[1] != 3 or video.shape[2] < SHORTEST:
        raise UserError(
            f"FVD: expected clips (B,3,T,H,W) of T >= {SHORTEST} frames, got {tuple(video.shape)}; make longer "
            "clips, or leave i3d out."
        )
    frames = F.interpolate(video.transpose(1, 2).flatten(0, 1), (SIZE, SIZE), mode="bilinear", align_corners=False)
    return 2 * frames.unflatten(0, (len(video), -1)).transpose(1, 2) - 1


def padded(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """x (B,C,T,H,W) with zeros around it so that a window gives size / stride, rounded up; the odd one comes last."""
    missing = []
    for size, window, step in zip(x.shape[2:], kernel, stride, strict=True):
        total = max((-(-size // step) - 1) * step + window - size, 0)
        missing = [total // 2, total - total // 2, *missing]
    return F.pad(x, missing)
