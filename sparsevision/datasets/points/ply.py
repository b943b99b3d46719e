"""PLY files: clouds and triangle meshes, ASCII or binary of either byte order."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError, atomic_write, require

COLOUR_NAMES = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
FACE_NAMES = ("vertex_indices", "vertex_index")
TRIANGLES = {"face": {**dict.fromkeys(FACE_NAMES, 3), "texcoord": 6}}  # lists of known length are read in one go
TYPES = {
    "f4": "float",
    "f8": "double",
    "i1": "char",
    "u1": "uchar",
    "i2": "short",
    "u2": "ushort",
    "i4": "int",
    "u4": "uint",
}


@dataclass(frozen=True)
class PlyMesh:
    """A cloud of n points, with m triangles if it is a mesh.

    Attributes:
        points: (n,3) float32; float64 where the file has doubles. As stored: NaN is not judged here.
        colours: (n,3) uint8 red, green, blue; None where the file has none.
        faces: (m,3) int32 rows of `points`; None where the file has none. Polygons are cut into triangles.
        vertex: name -> (n,) every other number of a point: nx, alpha, label, ...
    """

    points: NDArray[np.floating]
    colours: NDArray[np.uint8] | None = None
    faces: NDArray[np.int32] | None = None
    vertex: Mapping[str, NDArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.points)


def read_ply(path: str | os.PathLike) -> PlyMesh:
    """Points, colours, triangles and the other numbers of the points.

    Colours are called red, r or diffuse_red, and so on. Whole numbers of 8 bits stay as they are; those of 16 bits that
    go beyond 255 are divided by 257; fractions are in [0, 1] and are multiplied by 255.

    Raises:
        UserError: no such file, no PLY file, one that ends too early, one without points or x, y, z, or whose faces or
            colours make no sense.
        ImportError: the package plyfile is not installed.
    """
    path = Path(path)
    content = {element.name: element for element in _parsed(path)}
    if "vertex" not in content:
        found = ", ".join(content) or "nothing"
        raise UserError(
            f"{path}: has no element 'vertex', so no points; it holds {found}. Export it as a cloud or mesh."
        )
    table = content["vertex"]
    columns = {
        prop.name: np.ascontiguousarray(table[prop.name]).astype(table[prop.name].dtype.newbyteorder("="))
        for prop in table.properties
        if table[prop.name].dtype != object
    }
    if missing := [name for name in "xyz" if name not in columns]:
        raise UserError(f"{path}: its points lack {', '.join(missing)}; expected x, y, z, found {', '.join(columns)}.")
    points = _stacked([columns.pop(name) for name in "xyz"])
    names = next((names for names in COLOUR_NAMES if all(name in columns for name in names)), ())
    colours = _as_bytes([columns.pop(name) for name in names], path) if names else None
    return PlyMesh(points, colours, _triangles(content, len(points), path), columns)


def write_ply(path: str | os.PathLike, mesh: PlyMesh, *, comments: Sequence[str] = ()) -> None:
    """Write a binary little-endian file, whole or not at all. Colours are named red, green, blue.

    Args:
        path: the file; its folder is made.
        mesh: what to write.
        comments: lines for the header; characters outside ASCII become "?".

    Raises:
        UserError: arrays of different lengths, or numbers that the format does not know.
        OSError: from the file system.
    """
    columns = dict(zip("xyz", np.asarray(mesh.points).T, strict=True))
    if mesh.colours is not None:
        columns |= dict(zip(COLOUR_NAMES[0], np.asarray(mesh.colours, dtype=np.uint8).T, strict=True))
    if taken := sorted(set(columns) & set(mesh.vertex)):
        raise UserError(f"{path}: {', '.join(taken)} cannot be another number of the points; rename it.")
    columns = {name: _storable(name, column, path) for name, column in (columns | dict(mesh.vertex)).items()}
    if wrong := [name for name, column in columns.items() if column.shape != (len(mesh),)]:
        raise UserError(f"{path}: {wrong[0]} has shape {columns[wrong[0]].shape}; there are {len(mesh)} points.")
    rows = np.empty(len(mesh), dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    header = ["ply", "format binary_little_endian 1.0", *(f"comment {' '.join(line.split())}" for line in comments)]
    header += [f"element vertex {len(mesh)}"]
    header += [f"property {TYPES[column.dtype.str[1:]]} {name}" for name, column in columns.items()]
    faces = b""
    if mesh.faces is not None:
        header += [f"element face {len(mesh.faces)}", f"property list uchar int {FACE_NAMES[0]}"]
        faces = _face_bytes(mesh.faces)
    with atomic_write(path) as stream:
        stream.write("\n".join([*header, "end_header\n"]).encode("ascii", "replace"))
        stream.write(rows.tobytes())
        stream.write(faces)


def _parsed(path: Path) -> Any:
    """The file as plyfile sees it; triangles are read in one go, other polygons one by one."""
    plyfile = require("plyfile", extra="points", why="Reading .ply files")
    if not path.is_file():
        raise UserError(f"{path}: {'is no regular file' if path.exists() else 'there is no such file'}.")
    try:
        try:
            return plyfile.PlyData.read(str(path), known_list_len=TRIANGLES)
        except plyfile.PlyElementParseError as error:
            if "unexpected list length" not in error.message:
                raise
            return plyfile.PlyData.read(str(path))
    except plyfile.PlyHeaderParseError as error:
        raise UserError(f"{path}: is no PLY file that can be read: header, {error}. Get it again.") from error
    except plyfile.PlyParseError as error:
        cut = "early end-of-file" in str(error)
        what = f"ends too early ({error}): it was cut off while written or copied" if cut else f"is damaged ({error})"
        raise UserError(f"{path}: {what}. Get it again.") from error
    except (ValueError, OverflowError, MemoryError, OSError) as error:
        raise UserError(f"{path}: is no PLY file that can be read ({error}). Get it again.") from error


def _stacked(columns: list[NDArray]) -> NDArray[np.floating]:
    """(n,3) float32, or float64 if any column needs it."""
    stacked = np.stack(columns, axis=1)
    return stacked if stacked.dtype in (np.float32, np.float64) else stacked.astype(np.float64)


def _as_bytes(columns: list[NDArray], path: Path) -> NDArray[np.uint8]:
    colours = np.stack(columns, axis=1)
    if colours.dtype == np.uint8:
        return colours
    highest = colours.max(initial=0)
    factor = 255 if colours.dtype.kind == "f" else (1 if highest <= 255 else 1 / 257)
    limit = 1 if colours.dtype.kind == "f" else 65535
    if not (colours.min(initial=0) >= 0 and highest <= limit):
        raise UserError(
            f"{path}: colours reach from {colours.min()} to {highest}; expected whole numbers in 0..255 (or 0..65535), "
            "or fractions in 0..1."
        )
    return np.rint(colours * factor).astype(np.uint8)


def _triangles(content: Mapping[str, Any], count: int, path: Path) -> NDArray[np.int32] | None:
    element = content.get("face")
    name = next((name for name in FACE_NAMES if element is not None and name in element), None)
    if name is None:
        return None
    corners = element[name]
    faces = corners if corners.dtype != object else _cut(corners)
    faces = np.asarray(faces, dtype=np.int64).reshape(-1, 3)
    wrong = np.flatnonzero(((faces < 0) | (faces >= count)).any(axis=1))
    if len(wrong):
        raise UserError(
            f"{path}: {len(wrong)} faces name points that do not exist, the first {faces[wrong[0]].tolist()}; there "
            f"are {count} points. Export it again."
        )
    return faces.astype(np.int32)


def _cut(polygons: NDArray) -> NDArray[np.int64]:
    """Polygons (m,) of any number of corners -> triangles around their first corner (k,3); lines are left out."""
    sizes = np.array([len(polygon) for polygon in polygons], dtype=np.int64)
    pieces = [np.empty((0, 3), dtype=np.int64)]
    for size in np.unique(sizes[sizes >= 3]):
        group = np.stack(polygons[sizes == size]).astype(np.int64)
        pieces += [group[:, [0, corner, corner + 1]] for corner in range(1, size - 1)]
    return np.concatenate(pieces)


def _storable(name: str, column: NDArray, path: str | os.PathLike) -> NDArray:
    """A column in one of the format's eight types, little-endian."""
    column = np.asarray(column)
    if column.dtype == bool:
        column = column.astype(np.uint8)
    if column.dtype.str[1:] not in TYPES:
        kind = {"i": "i4", "u": "u4", "f": "f4"}.get(column.dtype.kind)
        if kind is None or (kind != "f4" and (column != column.astype(kind)).any()):
            raise UserError(
                f"{path}: '{name}' holds {column.dtype} values that PLY cannot store; use int32 or float32."
            )
        column = column.astype(kind)
    if not (name.isascii() and name.isidentifier()):
        raise UserError(f"{path}: '{name}' is no name for a number of a PLY file; use letters, digits and _.")
    return column.astype(column.dtype.newbyteorder("<"))


def _face_bytes(faces: NDArray) -> bytes:
    rows = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
    rows["count"] = 3
    rows["corners"] = faces
    return rows.tobytes()
