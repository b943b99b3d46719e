"""Raw files of the point-cloud data sets, byte for byte as they are published, with a few points each."""

import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

S3DIS_ROOMS = ("Area_1/office_1", "Area_1/hallway_2", "Area_5/office_19", "Area_6/copyRoom_1")
S3DIS_ROOM = {
    "ceiling_1": 40,
    "floor_1": 60,
    "chair_1": 30,
    "chair_10": 20,
    "chair_2": 25,
    "stairs_1": 15,
    "wall_1": 50,
}


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def s3dis_line(x: float, y: float, z: float, red: int, green: int, blue: int, *, decimals: bool = False) -> str:
    """A line as S3DIS has it; in some areas colours have decimals."""
    colours = f"{red:.6f} {green:.6f} {blue:.6f}" if decimals else f"{red} {green} {blue}"
    return f"{x:.3f} {y:.3f} {z:.3f} {colours}"


def write_s3dis_room(
    root: Path, key: str, *, objects: dict[str, int] = S3DIS_ROOM, decimals: bool = False, size: float = 2.0
) -> dict[str, np.ndarray]:
    """Write <root>/<key>/Annotations and the room's own file; returns points (k,6) by file stem, in sorted order."""
    rng = np.random.default_rng([len(key), *key.encode()])
    folder = root / key / "Annotations"
    folder.mkdir(parents=True)
    points = {}
    for name in sorted(objects):
        xyz = np.round(rng.uniform(0, size, (objects[name], 3)) - [5, 0, 0], 3)
        points[name] = np.concatenate([xyz, rng.integers(0, 256, (objects[name], 3))], axis=1)
    lines = {
        name: [s3dis_line(*row[:3], *map(int, row[3:]), decimals=decimals) for row in rows.tolist()]
        for name, rows in points.items()
    }
    for name, own in lines.items():
        (folder / f"{name}.txt").write_bytes("".join(f"{line}\n" for line in own).encode())
    whole = "".join(f"{line}\n" for name in reversed(lines) for line in lines[name])
    (root / key / f"{Path(key).name}.txt").write_bytes(whole.encode())
    (root / key.split("/")[0] / f"{key.split('/')[0]}_alignmentAngle.txt").write_text("## angle\nroom 0\n")
    return points


CATEGORIES = {  # raw category -> nyu40id
    "wall": 1, "floor": 2, "chair": 5, "office chair": 5, "monitor": 40, "trash can": 39,
}  # fmt: skip
SCANNET_OBJECTS = (  # segments, raw category; segment 50 is in two objects, 60 in none
    ([10, 20], "wall"), ([30], "floor"), ([40, 50], "office chair"), ([50], "monitor"), ([70], "trash can"),
)  # fmt: skip


def write_ply(path: Path, columns: dict[str, np.ndarray], faces: np.ndarray) -> None:
    """Binary little-endian; float32 as float, uint8 as uchar, uint16 as ushort; triangles."""
    types = {"float32": "float", "uint8": "uchar", "uint16": "ushort"}
    count = len(next(iter(columns.values())))
    header = f"ply\nformat binary_little_endian 1.0\ncomment VCGLIB generated\nelement vertex {count}\n"
    header += "".join(f"property {types[column.dtype.name]} {name}\n" for name, column in columns.items())
    header += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    rows = zip(*(column.astype(column.dtype.newbyteorder("<")) for column in columns.values()), strict=True)
    vertices = b"".join(value.tobytes() for row in rows for value in row)
    path.write_bytes(header.encode() + vertices + b"".join(struct.pack("<Biii", 3, *face) for face in faces.tolist()))


def write_scannet_tables(root: Path, lists: dict[str, list[str]]) -> None:
    """The table of categories and the lists of scenes."""
    lines = ["id\traw_category\tcategory\tcount\tnyu40id\teigen13id\tnyuClass\tnyu40class"]
    lines += [f'{n}\t{raw}\t{raw}\t9\t{nyu}\t1\t{raw}\t"{raw}' for n, (raw, nyu) in enumerate(CATEGORIES.items())]
    root.mkdir(parents=True, exist_ok=True)
    (root / "scannetv2-labels.combined.tsv").write_text("\n".join(lines) + "\n")
    for split, keys in lists.items():
        (root / f"scannetv2_{split}.txt").write_text("".join(f"{key}\n" for key in keys))


def write_scannet_scene(root: Path, key: str, *, labelled: bool = True, count: int = 70) -> dict[str, np.ndarray]:
    """<root>/scans/<key> or scans_test/<key>; returns coord, color, nyu40, instance and segments."""
    rng = np.random.default_rng([*key.encode()])
    folder = root / ("scans" if labelled else "scans_test") / key
    folder.mkdir(parents=True)
    coord = rng.normal(size=(count, 3)).astype(np.float32)
    color = rng.integers(0, 256, (count, 3), dtype=np.uint8)
    segments = rng.choice([10, 20, 30, 40, 50, 60, 70], count)
    faces = rng.integers(0, count, (20, 3))
    xyz = {name: coord[:, axis] for axis, name in enumerate("xyz")}
    alpha = np.full(count, 255, np.uint8)
    names = ("red", "green", "blue")
    write_ply(
        folder / f"{key}_vh_clean_2.ply",
        {**xyz, **{name: color[:, place] for place, name in enumerate(names)}, "alpha": alpha},
        faces,
    )
    (folder / f"{key}.txt").write_text("axisAlignment = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n")
    nyu40, instance = np.zeros(count, np.uint16), np.zeros(count, np.int32)
    for vertex, segment in enumerate(segments):
        for number, (own, category) in enumerate(SCANNET_OBJECTS):
            if segment in own:
                nyu40[vertex], instance[vertex] = CATEGORIES[category], number + 1
    if labelled:
        painted = {name: (nyu40 * 7 % 256).astype(np.uint8) for name in names}
        write_ply(folder / f"{key}_vh_clean_2.labels.ply", {**xyz, **painted, "alpha": alpha, "label": nyu40}, faces)
        write_scannet_annotations(folder, segments.tolist())
    return {"coord": coord, "color": color, "nyu40": nyu40, "instance": instance, "segments": segments}


def write_scannet_annotations(folder: Path, segments: list[int], objects: tuple = SCANNET_OBJECTS) -> None:
    """The over-segmentation of a scene, and its objects."""
    key = folder.name
    parts = {"params": {"kThresh": "0.0001"}, "sceneId": key, "segIndices": segments}
    (folder / f"{key}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(parts))
    groups = [
        {"id": number, "objectId": number, "segments": own, "label": label}
        for number, (own, label) in enumerate(objects)
    ]
    file = f"scannet.{key}_vh_clean_2.0.010000.segs.json"
    content = {"sceneId": f"scannet.{key}", "appId": "Aggregator.v2", "segGroups": groups, "segmentsFile": file}
    (folder / f"{key}.aggregation.json").write_text(json.dumps(content))


KITTI_CALIBRATION = """P0: 7.0e+01 0 4.0e+01 0 0 7.0e+01 1.5e+01 0 0 0 1 0
P2: 7.0e+01 0.0e+00 4.0e+01 4.5e+00 0.0e+00 7.0e+01 1.5e+01 2.0e-01 0.0e+00 0.0e+00 1.0e+00 2.7e-03
Tr: 0.0 -1.0 0.0 -0.02 0.0 0.0 -1.0 -0.06 1.0 0.0 0.0 -0.33

"""


def write_kitti_scan(root: Path, key: str, *, labelled: bool = True, count: int = 400) -> dict[str, np.ndarray]:
    """<root>/sequences/NN/{velodyne,image_2,labels}/NNNNNN.*; returns points (n,4), labels (n,) and picture."""
    rng = np.random.default_rng([*key.encode()])
    sequence, scan = key.split("/")
    folder = root / "sequences" / sequence
    points = np.column_stack([rng.uniform(-20, 20, (count, 2)), rng.uniform(-2, 2, count), rng.random(count)])
    classes = rng.choice([0, 1, 10, 13, 40, 50, 52, 60, 70, 99, 252, 255, 259], count)
    labels = classes + (rng.integers(0, 9, count) << 16)
    rows, columns = np.mgrid[:32, :80]
    picture = np.stack([columns * 3, rows * 7, (rows + columns) * 2], axis=2).astype(np.uint8)
    for name in ("velodyne", "image_2", *(["labels"] if labelled else [])):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "calib.txt").write_text(KITTI_CALIBRATION)
    (folder / "velodyne" / f"{scan}.bin").write_bytes(points.astype("<f4").tobytes())
    Image.fromarray(picture).save(folder / "image_2" / f"{scan}.png")
    if labelled:
        (folder / "labels" / f"{scan}.label").write_bytes(labels.astype("<u4").tobytes())
    return {"points": points.astype(np.float32), "labels": labels, "picture": picture}
