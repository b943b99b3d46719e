"""Raw files of the point-cloud data sets, byte for byte as they are published, with a few points each."""

from pathlib import Path

import numpy as np

S3DIS_ROOM = {
    "ceiling_1": 40,
    "floor_1": 60,
    "chair_1": 30,
    "chair_10": 20,
    "chair_2": 25,
    "stairs_1": 15,
    "wall_1": 50,
}


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
