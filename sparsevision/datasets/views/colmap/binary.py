"""The .bin files of COLMAP: little endian, counts as uint64."""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from sparsevision.datasets.views.colmap.model import LENSES, Camera, Image, Points
from sparsevision.utils import UserError

NO_POINT = np.uint64(2**64 - 1)
KEY_POINT = np.dtype([("x", "<f8"), ("y", "<f8"), ("point", "<u8")])
OBSERVATION = np.dtype([("image", "<u4"), ("place", "<u4")])
MAX_NAME = 4096


class _Bytes:
    """A file's bytes, taken from the front; an error names the file when there are too few."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UserError(f"{path}: there is no such file.")
        self.path, self.data, self.place = path, path.read_bytes(), 0

    def take(self, form: str) -> tuple:
        layout = struct.Struct("<" + form)
        return layout.unpack(self._next(layout.size))

    def array(self, dtype: np.dtype, count: int) -> np.ndarray:
        return np.frombuffer(self._next(dtype.itemsize * count), dtype)

    def name(self) -> str:
        end = self.data.find(b"\0", self.place, self.place + MAX_NAME)
        if end < 0:
            raise self._cut_off()
        raw = self._next(end - self.place + 1)[:-1]
        return raw.decode("utf-8", "surrogateescape")

    def finish(self) -> None:
        if self.place != len(self.data):
            raise UserError(f"{self.path}: {len(self.data) - self.place} bytes too many; the file is damaged.")

    def _next(self, size: int) -> bytes:
        if self.place + size > len(self.data):
            raise self._cut_off()
        self.place += size
        return self.data[self.place - size : self.place]

    def _cut_off(self) -> UserError:
        return UserError(f"{self.path}: the file is cut off or damaged ({len(self.data)} bytes). Copy it again.")


def read_cameras(path: Path) -> dict[int, Camera]:
    """cameras.bin -> cameras by id."""
    stream, cameras = _Bytes(path), {}
    names = {number: name for name, (number, _, _) in LENSES.items()}
    for _ in range(stream.take("Q")[0]):
        identity, number, width, height = stream.take("iiQQ")
        if number not in names:
            raise UserError(
                f"{path}: camera {identity} has lens model {number}, which is not known; expected "
                f"{', '.join(f'{own} {name}' for own, name in names.items())}. Run COLMAP again with one of them, or "
                "undistort the images with it."
            )
        params = stream.take(f"{LENSES[names[number]][1]}d")
        cameras[identity] = Camera(identity, names[number], width, height, params)
    stream.finish()
    return cameras


def read_images(path: Path) -> dict[int, Image]:
    """images.bin -> images by id."""
    stream, images = _Bytes(path), {}
    for _ in range(stream.take("Q")[0]):
        identity, *pose, camera_id = stream.take("i7di")
        name = stream.name()
        points = stream.array(KEY_POINT, stream.take("Q")[0])
        images[identity] = Image(
            identity,
            name,
            camera_id,
            np.array(pose[:4]),
            np.array(pose[4:]),
            np.stack((points["x"], points["y"]), axis=1),
            np.where(points["point"] == NO_POINT, -1, points["point"].astype(np.int64)),
        )
    stream.finish()
    return images


def read_points(path: Path) -> Points:
    """points3D.bin -> points, ascending by id."""
    stream = _Bytes(path)
    rows, tracks = [], []
    for _ in range(stream.take("Q")[0]):
        rows.append(stream.take("Q3d3BdQ"))
        tracks.append(stream.array(OBSERVATION, rows[-1][-1]))
    stream.finish()
    return points_of_rows([row[:-1] for row in rows], tracks)


def points_of_rows(rows: list[tuple], tracks: list[np.ndarray]) -> Points:
    """Rows (id, x, y, z, r, g, b, error) and their tracks (L, of `OBSERVATION`) -> points, ascending by id."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 8)
    ids = np.array([row[0] for row in rows], dtype=np.uint64).astype(np.int64)
    order = np.argsort(ids, kind="stable")
    flat = np.concatenate([tracks[row] for row in order]) if rows else np.zeros(0, OBSERVATION)
    return Points(
        ids=ids[order],
        xyz=table[order, 1:4],
        rgb=table[order, 4:7].astype(np.uint8),
        errors=table[order, 7],
        track_images=flat["image"].astype(np.int64),
        track_places=flat["place"].astype(np.int64),
        track_lengths=np.array([len(tracks[row]) for row in order], dtype=np.int64),
    )


def point_rows(points: Points) -> Iterator[tuple[tuple, np.ndarray]]:
    """The rows and tracks of which `points_of_rows` makes the points."""
    ends = np.cumsum(points.track_lengths)
    for row, end in enumerate(ends):
        track = np.zeros(points.track_lengths[row], OBSERVATION)
        own = slice(end - len(track), end)
        track["image"], track["place"] = points.track_images[own], points.track_places[own]
        yield (int(points.ids[row]), *points.xyz[row], *points.rgb[row].tolist(), points.errors[row]), track


def pack_cameras(cameras: Mapping[int, Camera]) -> bytes:
    """The bytes of cameras.bin."""
    parts = [struct.pack("<Q", len(cameras))]
    for camera in cameras.values():
        head = (camera.id, LENSES[camera.lens][0], camera.width, camera.height)
        parts.append(struct.pack(f"<iiQQ{len(camera.params)}d", *head, *camera.params))
    return b"".join(parts)


def pack_images(images: Mapping[int, Image]) -> bytes:
    """The bytes of images.bin."""
    parts = [struct.pack("<Q", len(images))]
    for image in images.values():
        parts.append(struct.pack("<i7di", image.id, *image.quaternion, *image.translation, image.camera_id))
        parts.append(image.name.encode("utf-8", "surrogateescape") + b"\0")
        points = np.zeros(len(image.xy), KEY_POINT)
        points["x"], points["y"] = image.xy.T
        points["point"] = np.where(image.point_ids < 0, NO_POINT, image.point_ids.astype(np.uint64))
        parts += [struct.pack("<Q", len(points)), points.tobytes()]
    return b"".join(parts)


def pack_points(points: Points) -> bytes:
    """The bytes of points3D.bin."""
    parts = [struct.pack("<Q", len(points.ids))]
    for row, track in point_rows(points):
        parts += [struct.pack("<Q3d3BdQ", *row, len(track)), track.tobytes()]
    return b"".join(parts)
