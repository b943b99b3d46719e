"""GMFlow: optical flow by matching all pixels of two images, then refining at twice the resolution.

Source: Xu, Zhang, Cai, Rezatofighi and Tao, "GMFlow: Learning Optical Flow via Global Matching", CVPR 2022; the model
with one refinement. Parameters have the names of the authors' files. Attention, matching (an attention whose values are
places) and the spreading of flow are torch's scaled_dot_product_attention; the windows around a pixel are sums over
shifts, which takes a hundredth of the memory of gathering them.
"""

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.engine.checkpoint import load_checkpoint, load_state_dict, weights_of
from sparsevision.registry import MODELS
from sparsevision.utils import UserError
from sparsevision.weights import resolve_weights

CHANNELS = 128
LAYERS = 6
UPSAMPLING = 4  # the finer of the two scales is a quarter of the image
COARSE_WINDOWS, FINE_WINDOWS = 2, 8  # windows of attention along each side, at an eighth and at a quarter
MATCH_RADIUS, SPREAD_RADIUS = 4, 1  # pixels of the finer scale
MULTIPLE = 32  # sides must be multiples of this: a quarter of them is split in eight windows
LEAST_SIDE = 384  # the height of the authors' training crops; much smaller images have windows of too few pixels
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@MODELS.register_module()
class GMFlow(nn.Module):
    """Flow from one image to another, frozen.

    Args:
        weights: file, or a name of the catalogue of weights ("gmflow"); None leaves random numbers.
        least_side: images whose shorter side has fewer pixels are enlarged to it, and the flow is brought back to their
            size; 1 for never. At 250 x 370 pixels of Middlebury's motorcycle it halves the error, in three times the
            time.

    Raises:
        UserError: weights that are not there (says how to get them).
        CheckpointError: weights of another network.
    """

    def __init__(self, weights: str | Path | None = None, *, least_side: int = LEAST_SIDE) -> None:
        super().__init__()
        self.least_side = least_side
        self.backbone = _Backbone()
        self.transformer = nn.Module()
        self.transformer.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.feature_flow_attn = nn.Module()
        self.feature_flow_attn.q_proj = nn.Linear(CHANNELS, CHANNELS)
        self.feature_flow_attn.k_proj = nn.Linear(CHANNELS, CHANNELS)
        self.upsampler = nn.Sequential(
            nn.Conv2d(2 + CHANNELS, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 9 * UPSAMPLING**2, 1)
        )
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        if weights is not None:
            path = resolve_weights(weights)
            load_state_dict(self, weights_of(load_checkpoint(path)), source=path)
        self.requires_grad_(False).eval()

    @classmethod
    def pretrained(cls) -> Self:
        """With the cached weights of `python tools/get_weights.py gmflow`."""
        return cls("gmflow")

    @torch.no_grad()
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow (B,2,H,W) in pixels, (dx,dy), from `first` to `second`, both (B,3,H,W) in [0,1] of any size.

        Raises:
            UserError: no two batches of images of one shape.
        """
        if first.shape != second.shape or first.ndim != 4 or first.shape[1] != 3:
            raise UserError(
                f"GMFlow needs two batches (B,3,H,W) of one shape, got {tuple(first.shape)} and {tuple(second.shape)}."
            )
        size, both = first.shape[-2:], torch.cat([first, second])
        enlarged = tuple(round(side * max(1, self.least_side / min(size))) for side in size)
        flow = self._padded_flow(_resize(both, enlarged))
        scale = flow.new_tensor([size[1] / enlarged[1], size[0] / enlarged[0]])
        return _resize(flow, size) * scale.view(2, 1, 1)

    def _padded_flow(self, both: Tensor) -> Tensor:
        height, width = both.shape[-2:]
        both = (both - self.mean) / self.std
        both = F.pad(both, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        return self._flow(both)[..., :height, :width]

    def _flow(self, both: Tensor) -> Tensor:
        fine, coarse = self.backbone(both)
        first, second = self._attend(*coarse.chunk(2), windows=COARSE_WINDOWS)
        flow = self._spread_everywhere(first, _match_everywhere(first, second))
        flow = 2 * F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True)
        first, second = fine.chunk(2)
        first, second = self._attend(first, _bring_back(second, flow), windows=FINE_WINDOWS)
        flow = self._spread_nearby(first, flow + _match_nearby(first, second))
        return self._upsample(first, flow)

    def _attend(self, first: Tensor, second: Tensor, *, windows: int) -> tuple[Tensor, Tensor]:
        """Features (B,C,h,w) of both images that know of each other."""
        batch, _, height, width = first.shape
        places = _positions(height // windows, width // windows).to(first).repeat(1, windows, windows)
        own = (torch.cat([first, second]) + places).movedim(1, -1)
        for number, layer in enumerate(self.transformer.layers):
            own = layer(own, own.roll(batch, 0), windows=windows, shifted=number % 2 == 1)
        first, second = own.movedim(-1, 1).chunk(2)
        return first, second

    def _spread_everywhere(self, features: Tensor, flow: Tensor) -> Tensor:
        """Flow where nothing matches comes from where features are alike. The key is a projection of the query,
        as in the authors' code, with which the weights were learned."""
        query = self.feature_flow_attn.q_proj(_flat(features))
        key = self.feature_flow_attn.k_proj(query)
        return _as_map(F.scaled_dot_product_attention(query, key, _flat(flow)), flow)

    def _spread_nearby(self, features: Tensor, flow: Tensor) -> Tensor:
        query = _as_map(self.feature_flow_attn.q_proj(_flat(features)), features)
        key = _as_map(self.feature_flow_attn.k_proj(_flat(features)), features)
        scores = torch.stack([(query * near).sum(1) for near, _ in _shifts(key, SPREAD_RADIUS)])
        shares = (scores / math.sqrt(CHANNELS)).softmax(0)
        nearby = (near for near, _ in _shifts(flow, SPREAD_RADIUS))
        return sum(share.unsqueeze(1) * near for share, near in zip(shares, nearby, strict=True))

    def _upsample(self, features: Tensor, flow: Tensor) -> Tensor:
        """Every fine pixel is a mean of the nine coarse ones around it, with learned weights."""
        batch, _, height, width = flow.shape
        weights = self.upsampler(torch.cat([flow, features], 1))
        weights = weights.view(batch, 9, UPSAMPLING**2, height, width).softmax(1)
        around = F.unfold(UPSAMPLING * flow, 3, padding=1).view(batch, 2, 9, height, width)
        fine = torch.einsum("bkfhw,bckhw->bcfhw", weights, around).reshape(batch, -1, height, width)
        return F.pixel_shuffle(fine, UPSAMPLING)


class _Backbone(nn.Module):
    """Features of images (B,3,H,W): (B,C,H/4,W/4) and (B,C,H/8,W/8), the same kernels at two strides."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.layer1 = nn.Sequential(_Residual(64, 64), _Residual(64, 64))
        self.layer2 = nn.Sequential(_Residual(64, 96, stride=2), _Residual(96, 96))
        self.layer3 = nn.Sequential(_Residual(96, 128), _Residual(128, 128))
        self.conv2 = nn.Conv2d(128, CHANNELS, 1)
        self.trident_conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        values = F.instance_norm(self.conv1(images)).relu()
        values = self.conv2(self.layer3(self.layer2(self.layer1(values))))
        return self.trident_conv(values), F.conv2d(values, self.trident_conv.weight, stride=2, padding=1)


class _Residual(nn.Module):
    def __init__(self, channels: int, out: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        same = stride == 1 and channels == out
        self.downsample = None if same else nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride))

    def forward(self, values: Tensor) -> Tensor:
        changed = F.instance_norm(self.conv1(values)).relu()
        changed = F.instance_norm(self.conv2(changed)).relu()
        kept = values if self.downsample is None else F.instance_norm(self.downsample(values))
        return (kept + changed).relu()


class _Layer(nn.Module):
    """Attention to the own image, then to the other one and a perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = _Attention()
        self.cross_attn_ffn = _Attention()
        self.cross_attn_ffn.mlp = nn.Sequential(
            nn.Linear(2 * CHANNELS, 8 * CHANNELS, bias=False), nn.GELU(), nn.Linear(8 * CHANNELS, CHANNELS, bias=False)
        )
        self.cross_attn_ffn.norm2 = nn.LayerNorm(CHANNELS)

    def forward(self, own: Tensor, other: Tensor, *, windows: int, shifted: bool) -> Tensor:
        """own, other: (B,h,w,C)."""
        own = own + self.self_attn(own, own, windows=windows, shifted=shifted)
        cross = self.cross_attn_ffn
        message = cross(own, other, windows=windows, shifted=shifted)
        return own + cross.norm2(cross.mlp(torch.cat([own, message], -1)))


class _Attention(nn.Module):
    """Attention of one head within windows (B,h,w,C); shifted ones lie half a window further, without wrapping."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj", "merge"):
            self.add_module(name, nn.Linear(CHANNELS, CHANNELS, bias=False))
        self.norm1 = nn.LayerNorm(CHANNELS)

    def forward(self, own: Tensor, other: Tensor, *, windows: int, shifted: bool) -> Tensor:
        height, width = own.shape[1:3]
        shift = (height // windows // 2, width // windows // 2) if shifted else (0, 0)
        query, key, value = (
            _split(projected.roll((-shift[0], -shift[1]), (1, 2)), windows)
            for projected in (self.q_proj(own), self.k_proj(other), self.v_proj(other))
        )
        allowed = _one_region(height, width, windows).to(own.device) if shifted else None
        message = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return self.norm1(self.merge(_join(message, height, width).roll(shift, (1, 2))))


def _split(values: Tensor, windows: int) -> Tensor:
    """(B,h,w,C) -> (B,windows^2,pixels of one,C)."""
    batch, height, width, channels = values.shape
    tall, wide = height // windows, width // windows
    values = values.view(batch, windows, tall, windows, wide, channels).transpose(2, 3)
    return values.reshape(batch, windows**2, tall * wide, channels)


def _join(values: Tensor, height: int, width: int) -> Tensor:
    """The inverse of `_split`."""
    windows = math.isqrt(values.shape[1])
    values = values.view(len(values), windows, windows, height // windows, width // windows, -1).transpose(2, 3)
    return values.reshape(len(values), height, width, -1)


@cache
def _one_region(height: int, width: int, windows: int) -> Tensor:
    """Bool (windows^2,n,n): whether two pixels of a shifted window are neighbours in the image, not around its edge."""

    def halves(side: int) -> Tensor:
        window = side // windows
        return torch.arange(side) >= side - window // 2

    region = halves(height)[:, None].int() * 2 + halves(width)
    region = _split(region[None, :, :, None], windows)[0, ..., 0]
    return region[:, :, None] == region[:, None]


@cache
def _positions(height: int, width: int) -> Tensor:
    """Sines and cosines of the place, (C,h,w): rows in the first half of the channels, columns in the second."""
    powers = 10000 ** (torch.arange(CHANNELS // 4) * 4 / CHANNELS)

    def waves(side: int) -> Tensor:
        angles = torch.arange(1, side + 1)[:, None] / (side + 1e-6) * 2 * math.pi / powers
        return torch.stack([angles.sin(), angles.cos()], -1).flatten(1).T

    rows = waves(height)[:, :, None].expand(-1, -1, width)
    return torch.cat([rows, waves(width)[:, None].expand(-1, height, -1)])


def _resize(values: Tensor, size: tuple[int, int]) -> Tensor:
    if values.shape[-2:] == tuple(size):
        return values
    return F.interpolate(values, size, mode="bilinear", align_corners=False)


def _flat(values: Tensor) -> Tensor:
    """(B,C,h,w) -> (B,h*w,C)."""
    return values.flatten(2).transpose(1, 2)


def _as_map(values: Tensor, like: Tensor) -> Tensor:
    """(B,h*w,C) -> (B,C,h,w)."""
    return values.transpose(1, 2).reshape(like.shape)


def _grid(like: Tensor) -> Tensor:
    """(x,y) of every pixel, (B,2,h,w)."""
    batch, _, height, width = like.shape
    y, x = torch.meshgrid(*(torch.arange(side, device=like.device) for side in (height, width)), indexing="ij")
    return torch.stack([x, y]).to(like).expand(batch, -1, -1, -1)


def _match_everywhere(first: Tensor, second: Tensor) -> Tensor:
    """Flow (B,2,h,w): the mean of all places in the second image, weighted by how alike they are."""
    grid = _grid(first)
    places = F.scaled_dot_product_attention(_flat(first), _flat(second), _flat(grid))
    return _as_map(places, grid) - grid


def _match_nearby(first: Tensor, second: Tensor) -> Tensor:
    """Flow (B,2,h,w) of at most MATCH_RADIUS pixels each way."""
    near = [
        ((first * moved).sum(1) / math.sqrt(CHANNELS)).masked_fill(~inside, -math.inf)
        for moved, inside in _shifts(second, MATCH_RADIUS)
    ]
    shares = torch.stack(near, 1).softmax(1)
    steps = torch.arange(-MATCH_RADIUS, MATCH_RADIUS + 1, device=first.device, dtype=first.dtype)
    dy, dx = torch.meshgrid(steps, steps, indexing="ij")
    return torch.einsum("bkhw,ck->bchw", shares, torch.stack([dx.flatten(), dy.flatten()]))


def _shifts(values: Tensor, radius: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The map seen dy and dx pixels further, row by row of the window, 0 outside; and bool (h,w), what is inside."""
    height, width = values.shape[-2:]
    padded = F.pad(values, (radius,) * 4)
    inside = F.pad(torch.ones(height, width, dtype=torch.bool, device=values.device), (radius,) * 4)
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            window = (..., slice(dy, dy + height), slice(dx, dx + width))
            yield padded[window], inside[window]


def _bring_back(features: Tensor, flow: Tensor) -> Tensor:
    """Features of the second image where the flow leads, 0 outside."""
    height, width = features.shape[-2:]
    places = (_grid(flow) + flow).movedim(1, -1)
    half = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=flow.device, dtype=flow.dtype)
    return F.grid_sample(features, places / half - 1, align_corners=True)
