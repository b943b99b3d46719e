"""Bilinear up-sampling as two small matrices, and norms of up-sampled features without up-sampling these.

`F.interpolate(x, mode="bilinear", align_corners=False)` is U_y x U_x^T for every channel, where a row of U holds
at most two weights, next to each other. So it commutes with sums over channels, and the squared norm of an
up-sampled feature vector is a quadratic form in dot products of neighbouring vectors at low resolution.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class BilinearUp:
    """Up-sampling from (h, w) to (H, W); rows is U_y (H, h), columns is U_x (W, w)."""

    rows: Tensor
    columns: Tensor

    @classmethod
    def between(cls, small: tuple[int, int], large: tuple[int, int], *, like: Tensor) -> "BilinearUp":
        """The up-sampling from size `small` to size `large`, on the device and in the type of `like`."""
        rows, columns = (interpolation_matrix(*pair, like=like) for pair in zip(small, large, strict=True))
        return cls(rows=rows, columns=columns)

    def up(self, maps: Tensor) -> Tensor:
        """(..., h, w) -> (..., H, W)."""
        return self.rows @ (maps @ self.columns.T)

    def adjoint(self, maps: Tensor) -> Tensor:
        """(..., H, W) -> (..., h, w): <up(x), y> = <x, adjoint(y)>."""
        return (self.rows.T @ maps) @ self.columns

    def squared_norm(self, features: Tensor) -> Tensor:
        """Squared length of every up-sampled feature vector: (B, D, h, w) -> (B, H, W).

        Along one axis |a u + b v|^2 = a^2 |u|^2 + b^2 |v|^2 + 2ab u.v; along both, the same of the sums along x.
        """
        (own_y, pair_y), (own_x, pair_x) = (_quadratic(matrix) for matrix in (self.rows, self.columns))
        above, below = features[..., :-1, :], features[..., 1:, :]
        same_row = _dot(features, features) @ own_x.T + _dot(features[..., :-1], features[..., 1:]) @ pair_x.T
        crossed = _dot(above[..., :-1], below[..., 1:]) + _dot(above[..., 1:], below[..., :-1])
        next_row = _dot(above, below) @ own_x.T + crossed @ (pair_x.T / 2)
        return (own_y @ same_row + pair_y @ next_row).clamp(min=0)


def interpolation_matrix(small: int, large: int, *, like: Tensor) -> Tensor:
    """(large, small): row i holds the weights of the low-resolution samples in sample i (half-pixel centres)."""
    centres = (torch.arange(large, dtype=torch.float64) + 0.5) * (small / large) - 0.5
    distance = (centres.clamp(0, small - 1)[:, None] - torch.arange(small)).abs()
    return (1 - distance).clamp(min=0).to(like)


def _quadratic(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of |u_j|^2 (n, m) and of u_j.u_(j+1) (n, m - 1) in |sum_j U_ij u_j|^2."""
    return matrix.square(), 2 * matrix[:, :-1] * matrix[:, 1:]


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """(B, D, h, w) -> (B, h, w)."""
    return torch.einsum("bdhw,bdhw->bhw", a, b)
