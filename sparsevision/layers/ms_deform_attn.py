"""Multi-scale deformable attention (Zhu et al., Deformable DETR, ICLR 2021, Eq. 2-3) without compiled operators.

Every query reads a few points of every level of a feature pyramid, bilinearly, and adds them up with its weights. Three
ways give the same numbers: `sample_by_grid` (any device), `sum_rows` (float32 on a CPU, several times faster), and
mmcv's kernel on a GPU where mmcv has it.
"""

import importlib.util
import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.layers.deformable_rows import sum_rows
from sparsevision.utils import UserError

Shapes = Sequence[tuple[int, int]]
MAX_INT32 = 2**31 - 1
FEW_QUERIES = 200  # gradients of fewer ones come sooner from `grid_sample`


def multi_scale_deformable_attention(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """Read a feature pyramid at weighted points; the fastest way that the device has is taken.

    Args:
        value: (B,N,M,D), M heads of width D; the N tokens are the levels' pixels, row by row, level after level.
        shapes: [(h, w), ...] of the L levels.
        locations: (B,Q,M,L,P,2) as (x, y); [0,1] spans a level from edge to edge, outside of it the value is 0.
        weights: (B,Q,M,L,P).

    Returns:
        (B,Q,M*D).

    Raises:
        UserError: the levels do not have N pixels together, or the tensors do not fit each other.
    """
    _check(value, shapes, locations, weights)
    return _way_for(value, locations, weights)(value, shapes, locations, weights)


def sample_by_grid(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """As `multi_scale_deformable_attention`, one `grid_sample` a level, in float32.

    The levels are added up one by one: all together they would take four times the memory.
    """
    batch, _, heads, width = value.shape
    queries = locations.shape[1]
    total = torch.zeros((), device=value.device)
    for level, (part, (height, columns)) in enumerate(zip(_levels(value, shapes), shapes, strict=True)):
        picture = part.permute(0, 2, 3, 1).reshape(batch * heads, width, height, columns).float()
        grid = (2 * locations[:, :, :, level].float() - 1).transpose(1, 2).flatten(0, 1)  # (B*M,Q,P,2)
        samples = F.grid_sample(picture, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        share = weights[:, :, :, level].transpose(1, 2).flatten(0, 1)[:, None]
        total = total + (samples * share).sum(-1)  # (B*M,D,Q)
    return total.view(batch, heads * width, queries).transpose(1, 2).to(value.dtype)


class MultiScaleDeformableAttention(nn.Module):
    """The attention with its four projections: value, offsets, weights, output.

    Args:
        channels: C of queries, values and outputs.
        heads: M; must divide C.
        levels: L of the pyramid.
        points: P that a head reads in each level.

    Raises:
        UserError: the heads do not divide the channels.
    """

    def __init__(self, *, channels: int = 256, heads: int = 8, levels: int = 4, points: int = 4) -> None:
        super().__init__()
        if channels % heads:
            raise UserError(f"MultiScaleDeformableAttention: channels={channels} must be a multiple of heads={heads}.")
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(channels, heads * levels * points * 2)
        self.attention_weights = nn.Linear(channels, heads * levels * points)
        self.value_proj = nn.Linear(channels, channels)
        self.output_proj = nn.Linear(channels, channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Heads look into evenly spread directions, points 1, 2, ... pixels away, with equal weights."""
        angles = torch.arange(self.heads) * (2 * math.pi / self.heads)
        directions = torch.stack([angles.cos(), angles.sin()], -1)
        directions = directions / directions.abs().amax(-1, keepdim=True)
        reach = torch.arange(1, self.points + 1).view(1, 1, -1, 1)
        star = (directions.view(self.heads, 1, 1, 2) * reach).expand(-1, self.levels, -1, -1)
        nn.init.zeros_(self.sampling_offsets.weight)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(star.reshape(-1))
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for projection in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(
        self, query: Tensor, value: Tensor, *, references: Tensor, shapes: Shapes, padding: Tensor | None = None
    ) -> Tensor:
        """Attend; no residual is added.

        Args:
            query: (B,Q,C), with its position already added.
            value: (B,N,C), see `multi_scale_deformable_attention`.
            references: (B,Q,L,2) points, the offsets are pixels of the level; or (B,Q,L,4) boxes as centre and size,
                the offsets are then shares of half the box. All in [0,1] of each level.
            shapes: [(h, w), ...].
            padding: (B,N) bool, True where the value does not count.

        Returns:
            (B,Q,C).
        """
        projected = self.value_proj(value)
        if padding is not None:
            projected = projected.masked_fill(padding[..., None], 0.0)
        projected = projected.view(*value.shape[:2], self.heads, -1)
        locations, weights = self.sampling(query, references, shapes)
        return self.output_proj(multi_scale_deformable_attention(projected, shapes, locations, weights))

    def sampling(self, query: Tensor, references: Tensor, shapes: Shapes) -> tuple[Tensor, Tensor]:
        """Where queries look and how much each place counts: (B,Q,M,L,P,2), (B,Q,M,L,P); arguments as in `forward`."""
        shape = (*query.shape[:2], self.heads, self.levels, self.points)
        weights = self.attention_weights(query).view(*shape[:3], -1).softmax(-1).view(shape)
        offsets = self.sampling_offsets(query).view(*shape[:3], -1)  # x and y of all points, in one run
        places = self._for_points(references[..., :2])
        if references.shape[-1] == 4:
            locations = places + offsets * self._for_points(references[..., 2:] * (0.5 / self.points))
        else:
            locations = places + offsets / self._for_points(_sizes(shapes, query)[None, None])
        return locations.view(*shape, 2), weights

    def _for_points(self, pairs: Tensor) -> Tensor:
        """(B,Q,L,2) -> (B,Q,1,L*P*2): the same for all points of a level, laid out as they are."""
        return pairs[:, :, :, None].expand(-1, -1, -1, self.points, -1).flatten(2)[:, :, None]


def _check(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> None:
    batch, tokens, heads, _ = value.shape
    pixels = sum(height * width for height, width in shapes)
    if tokens != pixels:
        raise UserError(f"value has {tokens} tokens, but the levels {list(shapes)} have {pixels} pixels.")
    expected = (batch, locations.shape[1], heads, len(shapes), locations.shape[4])
    if locations.shape != (*expected, 2) or weights.shape != expected:
        raise UserError(
            f"locations {tuple(locations.shape)} and weights {tuple(weights.shape)} do not fit value "
            f"{tuple(value.shape)} and {len(shapes)} levels; expected (B,Q,M,L,P,2) and (B,Q,M,L,P)."
        )


def _way_for(value: Tensor, locations: Tensor, weights: Tensor) -> Callable[..., Tensor]:
    if value.is_cuda:
        return _sample_by_kernel if _kernel() is not None else sample_by_grid
    learns = torch.is_grad_enabled() and (value.requires_grad or locations.requires_grad or weights.requires_grad)
    least = FEW_QUERIES if learns else 1
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing() or torch.onnx.is_in_onnx_export()
    plain = {value.dtype, locations.dtype, weights.dtype} == {torch.float32} and value.device.type == "cpu"
    fits = locations.shape[1] >= least and value.shape[1] * value.shape[2] <= MAX_INT32
    return sum_rows if plain and fits and not traced else sample_by_grid


def _levels(value: Tensor, shapes: Shapes) -> tuple[Tensor, ...]:
    return value.split([height * width for height, width in shapes], 1)


def _sizes(shapes: Shapes, like: Tensor) -> Tensor:
    """(L,2) as (w, h)."""
    return torch.tensor([(width, height) for height, width in shapes], dtype=like.dtype, device=like.device)


@cache
def _kernel() -> Callable | None:
    """mmcv's function, where its compiled operators are installed."""
    if importlib.util.find_spec("mmcv") is None or importlib.util.find_spec("mmcv._ext") is None:
        return None
    module = importlib.import_module("mmcv.ops.multi_scale_deform_attn")
    return module.MultiScaleDeformableAttnFunction.apply


def _sample_by_kernel(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    sizes = torch.tensor(shapes, dtype=torch.int64, device=value.device)
    areas = sizes.prod(1)
    starts = areas.cumsum(0) - areas
    steps = math.gcd(len(value), 64)
    kind = value.dtype
    tensors = (value.contiguous(), sizes, starts, locations.to(kind).contiguous(), weights.to(kind).contiguous())
    return _kernel()(*tensors, steps)
