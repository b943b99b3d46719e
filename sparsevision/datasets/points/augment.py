"""Random changes of a point cloud, as CPCM and its forerunners publish them (github.com/lizhaoliu-Lec/CPCM, MIT).

Every function returns new arrays and leaves its inputs alone; the only randomness is the generator that it is given.
Points (n,3) are metres before voxelising, coords (n,3) whole voxels after it, colours (n,3) 0..255.
"""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import uniform_filter1d

from sparsevision.datasets.points.cloud import checked_points
from sparsevision.utils import UserError

MAX_NOISE_NODES = 2**25


def draw_elastic_noise(points: np.ndarray, *, granularity: float, rng: np.random.Generator) -> np.ndarray:
    """Normal noise (dx,dy,dz,3) float32 with a node every `granularity` metres around points (n,3).

    Raises:
        UserError: no point, NaN, or an extent that would need too many nodes.
    """
    nodes = _noise_shape(checked_points(points), granularity)
    if np.prod(nodes) > MAX_NOISE_NODES:
        raise UserError(
            f"points: elastic distortion would need a grid of {' x '.join(f'{n:.0f}' for n in nodes)} nodes. Expected "
            "metres; look for single points far away from the others, or turn elastic distortion off."
        )
    return rng.standard_normal((*(int(n) for n in nodes), 3), dtype=np.float32)


def elastic_distortion(points: np.ndarray, noise: np.ndarray, *, granularity: float, magnitude: float) -> np.ndarray:
    """Points (n,3) float64 moved by smooth noise.

    The noise is smoothed twice by a box filter of three nodes along x, y and z (zeros outside), interpolated linearly
    at the points and multiplied by `magnitude`. The first node lies one `granularity` below the least coordinate.

    Args:
        points: (n,3) metres.
        noise: (dx,dy,dz,3) as `draw_elastic_noise` gives it.
        granularity: metres from one node to the next.
        magnitude: metres for a smoothed noise of 1.

    Raises:
        UserError: no point, NaN, or noise of another shape than these points need.
    """
    points = checked_points(points).astype(np.float64)
    shape = tuple(int(n) for n in _noise_shape(points, granularity))
    if noise.shape != (*shape, 3):
        raise UserError(f"noise: expected shape {(*shape, 3)} for these points, got {noise.shape}.")
    smooth = noise.astype(np.float64)
    for axis in (0, 1, 2, 0, 1, 2):
        smooth = uniform_filter1d(smooth, size=3, axis=axis, mode="constant", cval=0.0)
    low = points.min(axis=0) - granularity
    grid = [np.linspace(start, start + granularity * (n - 1), n) for start, n in zip(low, shape, strict=True)]
    moved = RegularGridInterpolator(grid, smooth, bounds_error=False, fill_value=0.0)(points)
    return points + moved * magnitude


def crop_around_centre(
    points: np.ndarray, *, half_side: float, shift: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Which points (n,) bool lie in a cube near the middle of the cloud.

    The cube's centre is that of the bounding box plus U(-shift, shift) times the box's size on each axis. A cloud whose
    longest side is below `half_side` is kept whole, and so is one of which the cube would hold no point.

    Args:
        points: (n,3) metres.
        half_side: half the side of the cube in metres; the lower faces belong to it, the upper ones do not.
        shift: the largest shift on x, y, z as a share of the box's size.
        rng: three numbers are drawn, always.
    """
    points = checked_points(points).astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    centre = low + size * 0.5 + rng.uniform(-1, 1, size=3) * np.asarray(shift) * size
    if size.max() < half_side:
        return np.ones(len(points), dtype=bool)
    inside = ((points >= centre - half_side) & (points < centre + half_side)).all(axis=1)
    return inside if inside.any() else ~inside


def rotation_about_axis(axis: int, angle: float) -> np.ndarray:
    """Rotation (3,3) by `angle` radians about the x (0), y (1) or z (2) axis, right-handed."""
    b, c = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[b, b] = matrix[c, c] = np.cos(angle)
    matrix[c, b] = np.sin(angle)
    matrix[b, c] = -matrix[c, b]
    return matrix


def random_rotation(*, largest_angles: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Product (3,3) of one rotation about each axis, in random order.

    Args:
        largest_angles: radians a for x, y, z; each angle is drawn from U(-a, a).
        rng: source of the angles and of the order.
    """
    single = [rotation_about_axis(axis, angle * rng.uniform(-1, 1)) for axis, angle in enumerate(largest_angles)]
    first, second, third = (single[axis] for axis in rng.permutation(3))
    return first @ second @ third


def random_affine(
    *, voxel_size: float, largest_angles: Sequence[float], scale: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """The matrix (3,3) from metres to voxels: a random rotation, times U(*scale), divided by `voxel_size`."""
    rotation = random_rotation(largest_angles=largest_angles, rng=rng)
    return rotation * (rng.uniform(*scale) / voxel_size)


def dropout_rows(count: int, *, ratio: float, rng: np.random.Generator, spared: np.ndarray | None = None) -> np.ndarray:
    """Ascending rows (k,) that stay when a share of `count` rows is dropped; k = floor(count (1 - ratio)), at least 1.

    Args:
        count: number of rows.
        ratio: share to drop, in [0, 1).
        rng: source of the choice.
        spared: (count,) bool. Deviation from the published code, which drops labelled voxels too: these rows always
            stay, beside those that the choice leaves.
    """
    kept = rng.choice(count, size=max(int(count * (1 - ratio)), 1), replace=False)
    if spared is not None:
        return np.union1d(kept, np.flatnonzero(spared))
    return np.sort(kept)


def flip(coords: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Mirrored coords (n,3): c becomes max - c on each axis (0, 1, 2) in `axes`.

    Twice is once back as long as the least coordinate is 0, as voxelising makes it.
    """
    flipped = np.array(coords)
    for axis in axes:
        flipped[:, axis] = flipped[:, axis].max() - flipped[:, axis]
    return flipped


def random_flip(coords: np.ndarray, *, axes: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """coords (n,3), mirrored on each of `axes` with probability one half."""
    return flip(coords, [axis for axis in axes if rng.random() < 0.5])


def random_shift(coords: np.ndarray, *, limit: int, rng: np.random.Generator) -> np.ndarray:
    """coords (n,3) plus one random whole number of 0..limit-1 for each axis, so that strided cells fall differently."""
    return coords + rng.integers(limit, size=3).astype(coords.dtype)


def auto_contrast(colours: np.ndarray, *, blend: float) -> np.ndarray:
    """colours (n,3) float32, each channel stretched to 0..255 and mixed: (1 - blend) as it was + blend stretched.

    A channel of one value only stays as it is (the published code divides by 0 there).
    """
    colours = np.asarray(colours, dtype=np.float64)
    low, high = colours.min(axis=0), colours.max(axis=0)
    width = high - low
    stretched = np.where(width > 0, (colours - low) * 255 / np.where(width > 0, width, 1), colours)
    return ((1 - blend) * colours + blend * stretched).astype(np.float32)


def translate_colours(colours: np.ndarray, *, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """colours (n,3) float32 plus one random value of (-255 ratio, 255 ratio) for each channel, clipped to 0..255."""
    translation = (rng.random(3) - 0.5) * 2 * 255 * ratio
    return np.clip(np.asarray(colours, dtype=np.float64) + translation, 0, 255).astype(np.float32)


def jitter_colours(colours: np.ndarray, *, std: float, rng: np.random.Generator) -> np.ndarray:
    """colours (n,3) float32 plus normal noise of standard deviation 255 std for each value, clipped to 0..255."""
    noise = rng.standard_normal(np.shape(colours)) * (std * 255)
    return np.clip(np.asarray(colours, dtype=np.float64) + noise, 0, 255).astype(np.float32)


def centre_colours(colours: np.ndarray) -> np.ndarray:
    """Input channels of the network, colours / 255 - 0.5, float32 (n,3) in [-0.5, 0.5]."""
    return (np.asarray(colours, dtype=np.float64) / 255 - 0.5).astype(np.float32)


def _noise_shape(points: np.ndarray, granularity: float) -> np.ndarray:
    extent = points.max(axis=0).astype(np.float64) - points.min(axis=0).astype(np.float64)
    return extent // granularity + 3
