"""From a backbone's maps to a pyramid of one width."""

from collections.abc import Sequence

from torch import Tensor, nn


class Level(nn.Module):
    """A convolution and a GroupNorm, no activation."""

    def __init__(self, *, in_channels: int, channels: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride=stride, padding=kernel // 2)
        self.norm = nn.GroupNorm(groups, channels)
        nn.init.xavier_uniform_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B,C_in,h,w) -> (B,C,h/stride,w/stride)."""
        return self.norm(self.conv(features))


class Neck(nn.Module):
    """A 1 x 1 convolution for each map, and halving 3 x 3 convolutions of the last one for the levels beyond.

    Args:
        in_channels: of the backbone's maps, finest first.
        channels: C of the pyramid.
        levels: L; the first further level is made of the backbone's last map, each next one of the level before.
        groups: of the GroupNorm; must divide C.
    """

    def __init__(self, *, in_channels: Sequence[int], channels: int = 256, levels: int = 4, groups: int = 32) -> None:
        super().__init__()
        mapped = list(in_channels)[:levels]
        further = levels - len(mapped)
        inputs = [in_channels[-1], *[channels] * further][:further]
        self.levels = nn.ModuleList(
            [Level(in_channels=n, channels=channels, kernel=1, stride=1, groups=groups) for n in mapped]
            + [Level(in_channels=n, channels=channels, kernel=3, stride=2, groups=groups) for n in inputs]
        )
        self.mapped = len(mapped)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """[(B,C_i,h,w), ...] -> L maps (B,C,h,w)."""
        pyramid = [level(features) for level, features in zip(self.levels, maps, strict=False)]
        source = maps[-1]
        for level in self.levels[self.mapped :]:
            source = level(source)
            pyramid.append(source)
        return pyramid
