"""What a network is told about a place and a direction."""

import torch
from torch import Tensor


def positional_encoding(x: Tensor, num_frequencies: int) -> Tensor:
    """[x, sin(2^k x), cos(2^k x) for k = 0 .. L-1], without pi (Mildenhall et al. 2020, Eq. 4, as released).

    x (...,D) -> (..., D (1 + 2 L)).
    """
    waves = [wave(x * 2.0**k) for k in range(num_frequencies) for wave in (torch.sin, torch.cos)]
    return torch.cat([x, *waves], -1)


def spherical_harmonics(directions: Tensor) -> Tensor:
    """The 16 real spherical harmonics of degrees 0 to 3. Unit directions (...,3) -> (...,16)."""
    x, y, z = directions.unbind(-1)
    xx, yy, zz = x * x, y * y, z * z
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            -0.4886025119029199 * y,
            0.4886025119029199 * z,
            -0.4886025119029199 * x,
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (3 * zz - 1),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (xx - yy),
            -0.5900435899266435 * y * (3 * xx - yy),
            2.890611442640554 * x * y * z,
            0.4570457994644658 * y * (1 - 5 * zz),
            0.3731763325901154 * z * (5 * zz - 3),
            0.4570457994644658 * x * (1 - 5 * zz),
            1.445305721320277 * z * (xx - yy),
            -0.5900435899266435 * x * (xx - 3 * yy),
        ],
        -1,
    )
