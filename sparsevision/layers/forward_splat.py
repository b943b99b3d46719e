"""Forward splatting: each pixel is thrown where its flow points and spread over the four pixels around that place.

Source: Niklaus and Liu, Softmax Splatting for Video Frame Interpolation, CVPR 2020, Eq. 1-7. `forward_splat` is the
direct form, with gradients for everything. `SplatOperator` serves those who splat many features by the same flows: for
fixed flows splatting is a sparse matrix, which is built once and then only multiplied.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.utils import UserError, did_you_mean

EPSILON = 1e-7  # added to the weights' sum, so that a hole is 0
MODES = ("sum", "average", "linear", "softmax")
WITH_IMPORTANCE = ("linear", "softmax")
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # (down, right) of the pixel above and left of the target
NOWHERE = -2.0  # a coordinate all of whose neighbours are outside


def forward_splat(x: Tensor, flow: Tensor, *, mode: str = "average", importance: Tensor | None = None) -> Tensor:
    """Throw each pixel along its flow; out of the image is lost, where nothing arrives is 0.

    Args:
        x: (B,C,H,W).
        flow: (B,2,H,W), (dx, dy) in pixels, right and down. A pixel whose flow is not finite is dropped.
        mode: "sum"; "average", weighted by the bilinear shares; "linear" and "softmax", weighted by the shares times
            the importance or its exponential.
        importance: (B,1,H,W) of each pixel of x, such as nearness to the camera, for the last two modes alone.

    Returns:
        (B,C,H,W) in x's dtype; sums are taken in float32 at least. Gradients reach x, flow and importance.

    Raises:
        UserError: an unknown mode, an importance too few or too many, or shapes that do not fit.
    """
    _check(x, flow, mode, importance)
    batch, channels, height, width = x.shape
    rows = x.flatten(2).transpose(1, 2).reshape(-1, channels)
    rows = rows.to(torch.promote_types(x.dtype, torch.float32))
    shares = _of_importance(importance, mode)
    if mode != "sum":
        rows = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)  # the weights' sum is splatted as one more channel
    first_row = torch.arange(batch, device=x.device)[:, None] * (height * width)
    total = torch.zeros_like(rows)
    for place, share in zip(*_corners(flow), strict=True):
        share = share if shares is None else share * shares
        total = total.index_add(0, (place + first_row).flatten(), rows * share.reshape(-1, 1).to(rows.dtype))
    if mode != "sum":
        total = total[:, :channels] / (total[:, channels:] + EPSILON)
    return total.view(batch, height * width, channels).transpose(1, 2).reshape(x.shape).to(x.dtype)


class SparseMatrix:
    """A fixed sparse matrix, multiplied with dense rows by `embedding_bag`; gradients reach the dense rows.

    Args:
        rows: (E,) long, of each entry; several of one place add up.
        columns: (E,) long.
        weights: (E,).
        shape: how many rows and columns there are.

    Attributes:
        entries: (rows, columns, weights) as given.
        bags: the entries row by row.
    """

    def __init__(self, rows: Tensor, columns: Tensor, weights: Tensor, shape: tuple[int, int]) -> None:
        self.entries = (rows, columns, weights)
        self.shape = shape
        self.bags = _Bags.of(rows, columns, weights, shape[0])
        self._transposed: _Bags | None = None

    def times(self, dense: Tensor) -> Tensor:
        """dense (columns,C) -> (rows,C), the same dtype, summed in float32 at least."""
        wide = dense.to(torch.promote_types(dense.dtype, torch.float32))
        return _SparseProduct.apply(wide, self).to(dense.dtype)

    def transposed_bags(self) -> "_Bags":
        """The entries column by column, put in order when the first gradient asks for it."""
        if self._transposed is None:
            rows, columns, weights = self.entries
            self._transposed = _Bags.of(columns, rows, weights, self.shape[1])
        return self._transposed


class SplatOperator:
    """Average splatting of a clip's first frame by N fixed flows, ready to be applied to any features of it.

    Each output token is a weighted sum of input tokens. Nothing flows back into the flows.

    Args:
        flow: (B,N,2,h,w) in pixels of this grid, from the first frame to each of N later ones.
        source: (B,N) long, whose clip's features each flow moves; None for those of its own clip.

    Attributes:
        coverage: (B,P,N), P = h*w, the weights' sum at each target pixel; 0 in a hole.
        matrix: of the weights; a row is (clip, pixel, field), a column (clip, pixel).

    Raises:
        UserError: the flow has another shape.
    """

    def __init__(self, flow: Tensor, *, source: Tensor | None = None) -> None:
        if flow.ndim != 5 or flow.shape[2] != 2:
            raise UserError(f"SplatOperator: flow has shape {tuple(flow.shape)}; expected (B,N,2,h,w).")
        self.clips, self.fields = flow.shape[:2]
        self.pixels = flow.shape[3] * flow.shape[4]
        own_clip = torch.arange(self.clips, device=flow.device)[:, None]
        source = own_clip.expand(-1, self.fields) if source is None else source
        targets, sources, shares = self._entries(flow.detach(), source)
        rows, columns = self.clips * self.pixels * self.fields, self.clips * self.pixels
        weight = torch.zeros(rows, dtype=shares.dtype, device=flow.device).index_add_(0, targets, shares)
        self.coverage = weight.view(self.clips, self.pixels, self.fields)
        self.matrix = SparseMatrix(targets, sources, shares / (weight + EPSILON)[targets], (rows, columns))

    def __call__(self, tokens: Tensor) -> Tensor:
        """tokens (B,P,C) of the first frame, row by row -> (B,P,N,C), the same dtype, summed in float32 at least.

        Raises:
            UserError: tokens of another batch or grid.
        """
        if tokens.ndim != 3 or tokens.shape[:2] != (self.clips, self.pixels):
            raise UserError(
                f"SplatOperator: tokens have shape {tuple(tokens.shape)}; expected (B,P,C) for {self.clips} clips of "
                f"{self.pixels} pixels."
            )
        return self.matrix.times(tokens.flatten(0, 1)).view(self.clips, self.pixels, self.fields, -1)

    def _entries(self, flow: Tensor, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Row, column and weight of four entries for each moved pixel; what leaves the image has weight 0."""
        clips, fields = flow.shape[:2]
        places, shares = (part.view(4, clips, fields, -1) for part in _corners(flow.flatten(0, 1)))
        clip = torch.arange(clips, device=flow.device).view(-1, 1, 1)
        field = torch.arange(fields, device=flow.device).view(1, -1, 1)
        pixel = torch.arange(self.pixels, device=flow.device)
        targets = (clip * self.pixels + places) * fields + field
        sources = (source[:, :, None] * self.pixels + pixel).expand_as(places)
        return targets.flatten(), sources.flatten(), shares.flatten()


class _Bags(NamedTuple):
    """A sparse matrix row by row: columns (E,), weights (E,), and where each row begins (R + 1,)."""

    columns: Tensor
    weights: Tensor
    starts: Tensor

    @classmethod
    def of(cls, rows: Tensor, columns: Tensor, weights: Tensor, count: int) -> "_Bags":
        """Entries in the order of their rows, of which there are `count`."""
        order = torch.argsort(rows, stable=True)
        starts = torch.zeros(count + 1, dtype=torch.int32, device=rows.device)
        starts[1:].index_add_(0, rows, torch.ones_like(rows, dtype=torch.int32))
        return cls(columns[order].int(), weights[order], starts.cumsum(0, dtype=torch.int32))

    def times(self, dense: Tensor) -> Tensor:
        """The product with a dense matrix (columns, C) -> (R, C)."""
        weights = self.weights.to(dense.dtype)
        return F.embedding_bag(
            self.columns, dense, self.starts, mode="sum", per_sample_weights=weights, include_last_offset=True
        )


class _SparseProduct(torch.autograd.Function):
    """The matrix times dense rows; the gradient is the transposed matrix times the gradient."""

    @staticmethod
    def forward(ctx, dense: Tensor, matrix: SparseMatrix) -> Tensor:
        ctx.matrix = matrix
        return matrix.bags.times(dense)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.matrix.transposed_bags().times(gradient.contiguous()), None


def _corners(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where the pixels of (B,2,H,W) arrive: indices (4,B,P) of the four neighbours, and their bilinear shares (4,B,P).

    A neighbour outside of the image has share 0, and stands for the pixel that it comes from.
    """
    height, width = flow.shape[2:]
    flow = flow.to(torch.promote_types(flow.dtype, torch.float32))
    row = torch.arange(height, device=flow.device).view(-1, 1)
    column = torch.arange(width, device=flow.device).view(1, -1)
    x, y = (_within(column + flow[:, 0], width), _within(row + flow[:, 1], height))
    left, top = x.detach().floor(), y.detach().floor()
    places, shares = [], []
    for down, right in CORNERS:
        i, j = top + down, left + right
        inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
        share = (1 - (x - j).abs()) * (1 - (y - i).abs())
        places.append(torch.where(inside, i * width + j, row * width + column).long().flatten(1))
        shares.append(torch.where(inside, share, 0).flatten(1))
    return torch.stack(places), torch.stack(shares)


def _within(position: Tensor, size: int) -> Tensor:
    """The position, or one outside of all pixels where it is not finite or far away."""
    near = (position > -1) & (position < size)
    return torch.where(near, position, NOWHERE)


def _of_importance(importance: Tensor | None, mode: str) -> Tensor | None:
    """Factors (B,P) of the shares."""
    if importance is None:
        return None
    factors = importance.flatten(1).to(torch.promote_types(importance.dtype, torch.float32))
    # Eq. 7; a common factor changes nothing, so the largest is taken out and nothing overflows
    return (factors - factors.detach().amax(1, keepdim=True)).exp() if mode == "softmax" else factors


def _check(x: Tensor, flow: Tensor, mode: str, importance: Tensor | None) -> None:
    if mode not in MODES:
        raise UserError(f"forward_splat: mode='{mode}'; expected one of {', '.join(MODES)}.{did_you_mean(mode, MODES)}")
    if (importance is not None) != (mode in WITH_IMPORTANCE):
        raise UserError(
            f"forward_splat: mode='{mode}' {'needs' if importance is None else 'takes no'} importance; give it "
            f"(B,1,H,W) with {' and '.join(WITH_IMPORTANCE)}, and with these alone."
        )
    batch, _, height, width = x.shape
    expected = {"flow": (flow, (batch, 2, height, width)), "importance": (importance, (batch, 1, height, width))}
    for name, (value, shape) in expected.items():
        if value is not None and tuple(value.shape) != shape:
            raise UserError(f"forward_splat: {name} has shape {tuple(value.shape)}; expected {shape}, as x has.")
