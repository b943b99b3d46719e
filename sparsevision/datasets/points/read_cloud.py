"""Clouds of other people's files: points, colours, and the faces of a mesh, whatever the format.

Colours become numbers in 0..255 by these rules:

* 8-bit colours stay as they are.
* Fractions, numbers of which none is above 1, are multiplied by 255.
* 16-bit colours, numbers of which any is above 255, are divided by 257. LAS files have 16 bits a colour, but many hold
  8-bit numbers in them; the rule finds that out.
* A point whose colour is NaN, and every point of a file without colours (or, for LAS, with nothing but zeros), is
  mid-grey, and a warning says so: a network that was trained with colours will do worse.

Rows stay where they are: points with coordinates that are NaN or infinite are marked in `finite`, not removed.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.points.las import read_las
from sparsevision.datasets.points.pcd import read_pcd
from sparsevision.datasets.points.ply import read_ply
from sparsevision.datasets.points.text_cloud import read_text_cloud
from sparsevision.utils import UserError, closest
from sparsevision.utils.arrays import load_npy

MID_GREY = 127.5
UNITS: Mapping[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
AXES = ("x", "y", "z", "-x", "-y", "-z")
COLOUR_FIELDS = (("red", "green", "blue"), ("r", "g", "b"))


@dataclass(frozen=True, kw_only=True)
class CloudFile:
    """A cloud of n points as its file holds it.

    Args:
        points: (n,3) float32 or float64, in the file's unit and axes; may hold NaN.
        colours: (n,3) float32 in 0..255.
        coloured: False where the file has no colours, which are mid-grey then.
        faces: (m,3) int32 of a mesh, else None.
        vertex: every other number of a point, by name.
    """

    points: NDArray[np.floating]
    colours: NDArray[np.float32]
    coloured: bool = True
    faces: NDArray[np.int32] | None = None
    vertex: Mapping[str, NDArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def finite(self) -> NDArray[np.bool_]:
        """(n,) the points that have a place."""
        return np.isfinite(self.points).all(axis=1)


def read_cloud(path: str | os.PathLike, *, bin_columns: int = 4) -> CloudFile:
    """Read .ply, .pcd, .las, .laz, .npy, .txt, .xyz, .csv, .asc, .pts or .bin.

    Arrays and text hold x, y, z, then red, green, blue if there are six columns or more; what follows is left out. With
    three to five columns there are no colours. Text may have a line of column names, which then decide.

    Args:
        path: the file; its suffix says what it is.
        bin_columns: float32 numbers a point of a .bin file: 4 in KITTI (x, y, z, intensity), 5 in nuScenes, 6 with
            colours.

    Raises:
        UserError: an unknown suffix, a file that is missing, damaged or empty, or colours out of every range.
        ImportError: the package for this format is not installed.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        near = closest(path.suffix.lower(), READERS, n=1)
        raise UserError(
            f"{path}: clouds are read from {', '.join(READERS)}{f' (did you mean {near[0]}?)' if near else ''}. Export "
            "it as .ply."
        )
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    cloud = _of_table(_bin_table(path, bin_columns), path) if path.suffix.lower() == ".bin" else reader(path)
    if not len(cloud):
        raise UserError(f"{path}: the cloud has no point.")
    _warn(cloud, path)
    return cloud


def upright_metres(points: NDArray, *, unit: str = "m", up: str = "z") -> NDArray[np.float64]:
    """Points (n,3) in metres with z upward, the axes still right-handed.

    Args:
        points: as a file holds them.
        unit: one of `UNITS`.
        up: the file's axis that points upward, one of `AXES`; "y" is usual for meshes of game engines.

    Raises:
        UserError: an unknown unit or axis.
    """
    if unit not in UNITS or up not in AXES:
        raise UserError(
            f"unit='{unit}', up='{up}'; expected a unit of {', '.join(UNITS)} and an axis of {', '.join(AXES)}."
        )
    axis, sign = "xyz".index(up[-1]), -1 if up[0] == "-" else 1
    forward, side = (axis + 1) % 3, (axis + 2) % 3
    if sign < 0:
        forward, side = side, forward
    turned = np.asarray(points, dtype=np.float64)[:, [forward, side, axis]]
    return turned * (1, 1, sign) * UNITS[unit]


def as_colours(values: NDArray, path: str | os.PathLike) -> NDArray[np.float32]:
    """(n,3) numbers as colours in 0..255, by the rules of this file; NaN becomes mid-grey.

    Raises:
        UserError: numbers below 0 or above 65535.
    """
    known = np.isfinite(values).all(axis=1)
    highest, lowest = (np.max(values[known], initial=0), np.min(values[known], initial=0))
    if lowest < 0 or highest > 65535:
        raise UserError(
            f"{path}: colours reach from {lowest:g} to {highest:g}; expected 0..1, 0..255 or 0..65535. Are these "
            "columns something else, such as normals? Leave them out of the file."
        )
    factor = 255.0 if highest <= 1 else (1.0 if highest <= 255 else 1 / 257)
    if np.asarray(values).dtype == np.uint8:
        factor = 1.0
    colours = np.where(known[:, None], np.asarray(values, dtype=np.float64) * factor, MID_GREY)
    return np.clip(colours, 0, 255).astype(np.float32)


def _of_ply(path: Path) -> CloudFile:
    mesh = read_ply(path)
    return _cloud(mesh.points, mesh.colours, path, faces=mesh.faces, vertex=mesh.vertex)


def _of_pcd(path: Path) -> CloudFile:
    columns = {name.lower(): column for name, column in read_pcd(path).items()}
    return _of_columns(columns | _unpacked(columns), path)


def _unpacked(columns: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """red, green, blue of the four bytes that PCD files call rgb or rgba, whatever type they claim to be."""
    packed = next((columns[name] for name in ("rgb", "rgba") if name in columns), None)
    if packed is None:
        return {}
    bits = packed.astype(np.float32).view(np.uint32) if packed.dtype.kind == "f" else packed.astype(np.uint32)
    return {name: (bits >> shift & 255).astype(np.uint8) for name, shift in (("red", 16), ("green", 8), ("blue", 0))}


def _of_las(path: Path) -> CloudFile:
    return _cloud(*read_las(path), path)


def _of_npy(path: Path) -> CloudFile:
    try:
        table = load_npy(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no array that can be read ({error}). Save it with numpy.save.") from error
    if table.dtype.kind not in "iuf":
        raise UserError(f"{path}: expected an array of numbers, (n, 3) or (n, 6) or more columns.")
    return _of_table(table, path)


def _of_text(path: Path) -> CloudFile:
    table, names = read_text_cloud(path)
    if names is None:
        return _of_table(table, path)
    return _of_columns(dict(zip(names, table.T, strict=True)), path)


def _bin_table(path: Path, columns: int) -> NDArray[np.float32]:
    size = path.stat().st_size
    if columns < 3 or size % (4 * columns):
        fitting = [count for count in (3, 4, 5, 6) if size % (4 * count) == 0]
        raise UserError(
            f"{path}: {size} bytes are no whole number of points of {columns} float32 numbers"
            + (f"; {', '.join(map(str, fitting))} numbers would fit (bin_columns, --bin-columns)." if fitting else ".")
        )
    return np.fromfile(path, dtype="<f4").reshape(-1, columns)


def _of_table(table: NDArray, path: Path) -> CloudFile:
    if table.ndim != 2 or table.shape[1] < 3:
        raise UserError(f"{path}: expected (n, 3) points or (n, 6) with colours, got shape {table.shape}.")
    return _cloud(table[:, :3], table[:, 3:6] if table.shape[1] >= 6 else None, path)


def _of_columns(columns: Mapping[str, NDArray], path: Path) -> CloudFile:
    if missing := [name for name in "xyz" if name not in columns]:
        raise UserError(f"{path}: has no {', '.join(missing)}; its columns are {', '.join(columns)}.")
    names = next((names for names in COLOUR_FIELDS if all(name in columns for name in names)), None)
    colours = None if names is None else np.stack([columns[name] for name in names], axis=1)
    return _cloud(np.stack([columns[name] for name in "xyz"], axis=1), colours, path)


def _cloud(points: NDArray, colours: NDArray | None, path: Path, **mesh) -> CloudFile:
    points = np.ascontiguousarray(points)
    if points.dtype not in (np.float32, np.float64):
        points = points.astype(np.float64)
    if colours is None:
        return CloudFile(points=points, colours=np.full((len(points), 3), MID_GREY, np.float32), coloured=False, **mesh)
    return CloudFile(points=points, colours=as_colours(colours, path), **mesh)


def _warn(cloud: CloudFile, path: Path) -> None:
    if not cloud.coloured:
        warnings.warn(
            f"{path}: there are no colours; every point is taken as mid-grey, which a network that learnt from colours "
            "does not know.",
            stacklevel=3,
        )
    if bad := int((~cloud.finite).sum()):
        warnings.warn(
            f"{path}: {bad} of {len(cloud)} points have no finite coordinates and get no label.", stacklevel=3
        )
    if bad == len(cloud):
        raise UserError(f"{path}: no point has finite coordinates.")


READERS: Mapping[str, Callable[[Path], CloudFile]] = {
    ".ply": _of_ply,
    ".pcd": _of_pcd,
    ".las": _of_las,
    ".laz": _of_las,
    ".npy": _of_npy,
    **dict.fromkeys((".txt", ".xyz", ".csv", ".asc", ".pts"), _of_text),
    ".bin": lambda path: _of_table(_bin_table(path, 4), path),
}
