"""Writes a scanned room as ScanNet has it: a mesh, its labels, an over-segmentation, and which segments are what."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.room_classes import KINDS, UNANNOTATED
from sparsevision.synthetic.room_scanner import RoomScan
from sparsevision.synthetic.room_shapes import turned
from sparsevision.synthetic.room_styles import Room

TSV = "scannetv2-labels.combined.tsv"
TSV_COLUMNS = (
    "id", "raw_category", "category", "count", "nyu40id", "eigen13id", "nyuClass", "nyu40class", "eigen13class",
    "ModelNet40", "ModelNet10", "ShapeNetCore55", "synsetoffset", "wnsynsetid", "wnsynsetkey", "mpcat40index",
    "mpcat40",
)  # fmt: skip
PATCH = 0.6  # metres: segments are no larger
VERTEX = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1"), ("alpha", "u1")]
FACE = [("count", "u1"), ("rows", "<i4", (3,))]
PLY_TYPES = {"<f4": "float", "u1": "uchar", "<u2": "ushort"}


def write_scannet_scene(
    folder: Path, room: Room, scan: RoomScan, *, yaw: float, offset: tuple[float, float, float], labelled: bool = True
) -> None:
    """Write the files of a scene into `folder`, whose name is the scene's.

    Args:
        folder: to make.
        room, scan: what stands in the room, and its points.
        yaw, offset: how the scene lies in the world, radians and metres; the .txt file says how to turn it back.
        labelled: whether its labels are published.
    """
    folder.mkdir(parents=True)
    name = folder.name
    points = np.concatenate([turned(scan.points[:, :2], yaw), scan.points[:, 2:]], axis=1) + offset
    vertices = _vertices(points, scan.colours)
    write_ply(folder / f"{name}_vh_clean_2.ply", vertices, scan.triangles)
    (folder / f"{name}.txt").write_text(_alignment(yaw, offset))
    if not labelled:
        return
    segments = segments_of(scan)
    labels = _labels(room, scan)
    write_ply(folder / f"{name}_vh_clean_2.labels.ply", _labelled(points, labels), scan.triangles)
    _write_json(
        folder / f"{name}_vh_clean_2.0.010000.segs.json",
        {"params": {"kThresh": "0.0001", "segMinVerts": "20"}, "sceneId": name, "segIndices": segments.tolist()},
    )
    _write_json(folder / f"{name}.aggregation.json", _aggregation(name, room, scan, segments))


def write_label_table(path: Path) -> None:
    """Write the table that gives each raw category its number in NYU40; columns that nothing here needs stay empty."""
    lines = ["\t".join(TSV_COLUMNS)]
    for number, kind in enumerate(sorted(KINDS.values(), key=lambda kind: kind.scannet), start=1):
        cells = dict.fromkeys(TSV_COLUMNS, "")
        cells |= {
            "id": str(number), "raw_category": kind.scannet, "category": kind.scannet, "count": "1",
            "nyu40id": str(kind.nyu40[0]), "nyu40class": kind.nyu40[1],
        }  # fmt: skip
        lines.append("\t".join(cells.values()))
    path.write_text("\n".join(lines) + "\n")


def segments_of(scan: RoomScan) -> NDArray:
    """Over-segmentation (n,): patches of a surface, up to PATCH wide, numbered by the row of their first point."""
    cells = np.floor(scan.points / PATCH).astype(np.int64)
    _, first, inverse = np.unique(
        np.column_stack([scan.surface, cells]), axis=0, return_index=True, return_inverse=True
    )
    return first[inverse.reshape(-1)]


def write_ply(path: Path, vertices: NDArray, triangles: NDArray) -> None:
    """A binary little-endian .ply of a structured array of vertices and triangles (m,3)."""
    properties = [f"property {PLY_TYPES[kind]} {name}" for name, kind in _fields(vertices)]
    header = [
        "ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}", *properties,
        f"element face {len(triangles)}", "property list uchar int vertex_indices", "end_header\n",
    ]  # fmt: skip
    faces = np.empty(len(triangles), FACE)
    faces["count"], faces["rows"] = 3, triangles
    path.write_bytes("\n".join(header).encode() + vertices.tobytes() + faces.tobytes())


def _fields(vertices: NDArray) -> list[tuple[str, str]]:
    return [(name, kind.lstrip("|")) for name, kind, *_ in vertices.dtype.descr]


def _vertices(points: NDArray, colours: NDArray, extra: tuple = ()) -> NDArray:
    vertices = np.zeros(len(points), [*VERTEX, *extra])
    for number, name in enumerate(("x", "y", "z")):
        vertices[name] = points[:, number]
    for number, name in enumerate(("red", "green", "blue")):
        vertices[name] = colours[:, number]
    vertices["alpha"] = 255
    return vertices


def _labelled(points: NDArray, labels: NDArray) -> NDArray:
    colours = np.stack([labels * 67 % 256, labels * 131 % 256, labels * 29 % 256], axis=1)
    vertices = _vertices(points, colours, (("label", "<u2"),))
    vertices["label"] = labels
    return vertices


def _labels(room: Room, scan: RoomScan) -> NDArray:
    """NYU40 number of each point, 0 where nothing was annotated."""
    numbers = [0 if thing.kind in UNANNOTATED else KINDS[thing.kind].nyu40[0] for thing in room.things]
    return np.array(numbers)[scan.thing]


def _aggregation(name: str, room: Room, scan: RoomScan, segments: NDArray) -> dict:
    groups = []
    for number, thing in enumerate(room.things):
        own = np.unique(segments[scan.thing == number])
        if len(own) and thing.kind not in UNANNOTATED:
            place = len(groups)
            label = KINDS[thing.kind].scannet
            groups.append({"id": place, "objectId": place, "segments": own.tolist(), "label": label})
    return {
        "sceneId": f"scannet.{name}", "appId": "synthetic rooms", "segGroups": groups,
        "segmentsFile": f"scannet.{name}_vh_clean_2.0.010000.segs.json",
    }  # fmt: skip


def _alignment(yaw: float, offset: tuple[float, float, float]) -> str:
    """The matrix that turns the scene back, as 16 numbers of its rows."""
    matrix = np.eye(4)
    matrix[:2, :2] = turned(np.eye(2), -yaw).T
    matrix[:3, 3] = -matrix[:3, :3] @ offset
    return "axisAlignment = " + " ".join(f"{value:.6f}" for value in matrix.ravel()) + "\nsceneType = Synthetic\n"


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))
