"""The .txt files of COLMAP: lines that start with # are comments; each image takes two lines."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from sparsevision.datasets.views.colmap.binary import OBSERVATION, point_rows, points_of_rows
from sparsevision.datasets.views.colmap.model import Camera, Image, Points
from sparsevision.utils import UserError


def read_cameras(path: Path) -> dict[int, Camera]:
    """cameras.txt -> cameras by id."""
    cameras = {}
    for number, line in _lines(path):
        if not line:
            continue
        with _Line(path, number):
            identity, lens, width, height, *params = line.split()
            numbers = tuple(map(float, params))
            cameras[int(identity)] = Camera(int(identity), lens, int(width), int(height), numbers)
    return cameras


def read_images(path: Path) -> dict[int, Image]:
    """images.txt -> images by id. The second line of an image, its key points, may be empty but must be there."""
    lines, images = _lines(path), {}
    for number, line in lines:
        if not line:
            continue
        points = next(lines, None)
        if points is None:
            raise UserError(
                f"{path}: line {number}: the line with the image's key points is missing; the file is cut off."
            )
        with _Line(path, number):
            image = _image(line, points[1])
            images[image.id] = image
    return images


def read_points(path: Path) -> Points:
    """points3D.txt -> points, ascending by id."""
    rows, tracks = [], []
    for number, line in _lines(path):
        if not line:
            continue
        with _Line(path, number):
            identity, *values = line.split()
            rows.append((int(identity), *(float(value) for value in values[:7])))
            if len(values) < 7:
                raise ValueError("too few numbers")
            track = np.array(values[7:], dtype=np.int64).reshape(-1, 2)
            tracks.append(np.array([tuple(pair) for pair in track.tolist()], OBSERVATION))
    return points_of_rows(rows, tracks)


def pack_cameras(cameras: Mapping[int, Camera]) -> bytes:
    """The bytes of cameras.txt."""
    heads = ((camera.id, camera.lens, camera.width, camera.height, *camera.params) for camera in cameras.values())
    return _encoded(["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]", *(_joined(*head) for head in heads)])


def pack_images(images: Mapping[int, Image]) -> bytes:
    """The bytes of images.txt."""
    lines = ["# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME", "# POINTS2D[] as (X, Y, POINT3D_ID)"]
    for image in images.values():
        lines.append(_joined(image.id, *image.quaternion, *image.translation, image.camera_id, image.name))
        points = zip(image.xy.tolist(), image.point_ids.tolist(), strict=True)
        lines.append(" ".join(_joined(*xy, identity) for xy, identity in points))
    return _encoded(lines)


def pack_points(points: Points) -> bytes:
    """The bytes of points3D.txt."""
    lines = ["# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)"]
    lines += [_joined(*row, *(value for pair in track.tolist() for value in pair)) for row, track in point_rows(points)]
    return _encoded(lines)


class _Line:
    """Turns what goes wrong with a line into an error that names it."""

    def __init__(self, path: Path, number: int) -> None:
        self.where = f"{path}: line {number}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UserError):
            raise UserError(f"{self.where}: {error}") from error
        if isinstance(error, ValueError):
            raise UserError(
                f"{self.where}: not as COLMAP writes it ({error}); the file is cut off or damaged."
            ) from error


def _image(line: str, points: str) -> Image:
    fields = line.split(maxsplit=9)
    if len(fields) != 10:
        raise ValueError("expected ten fields")
    pose = np.array(fields[1:8], dtype=np.float64)
    table = np.array(points.split(), dtype=np.float64).reshape(-1, 3)
    ids = np.array(points.split()[2::3], dtype=np.int64)
    return Image(int(fields[0]), fields[9], int(fields[8]), pose[:4], pose[4:], table[:, :2].copy(), ids)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    with path.open(encoding="utf-8", errors="surrogateescape") as stream:
        for number, line in enumerate(stream, 1):
            if not line.startswith("#"):
                yield number, line.strip()


def _joined(*values: object) -> str:
    return " ".join(repr(float(value)) if isinstance(value, float) else str(value) for value in values)


def _encoded(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
