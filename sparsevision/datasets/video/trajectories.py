"""Images with tracks, a brush and a prompt each, as one JSON file: what image to video is asked for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.image_io import image_size
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

FIELDS = ("image", "tracks", "brush", "prompt")


@DATASETS.register_module()
class TrajectoryJson(SeededDataset):
    """{"img_path", "tracks", "brush_path" or None, "prompt", "sample_id", "ori_shape"} of every entry.

    The file holds a list of objects: "image", a path; "tracks", a list of polylines [[x, y], ...] in pixels of the
    image, one point being a place that stays; "brush", the path of a picture of the image's size, not black where
    things may move (all black is no brush), or none; "prompt", or none. Paths start from the file's folder. Images and
    brushes are turned upright, as viewers show them. `tracks` are float64 (n,2).

    Args:
        file: the JSON file.
        kwargs: passed on to SeededDataset.

    Raises:
        UserError: names the file, the entry and the field: no list, an unknown or missing field, no track and no brush,
            a track that is no list of points or leaves the image, an image or brush that is not there, a brush of
            another size.
    """

    def __init__(self, *, file: str | Path, **kwargs) -> None:
        self.file = Path(file)
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """One dict for each entry, in the file's order."""
        try:
            entries = json.loads(self.file.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{self.file}: cannot be read as JSON ({error}).") from error
        if not isinstance(entries, list) or not entries:
            raise UserError(f'{self.file}: expected a list of objects with "image" and "tracks".')
        return [self._sample(number, entry) for number, entry in enumerate(entries)]

    def _sample(self, number: int, entry: Any) -> dict:
        where = f"{self.file}, entry {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("image"), str) or set(entry) - set(FIELDS):
            raise UserError(f'{where}: expected an object with "image" and of {", ".join(FIELDS)} no others.')
        image = self.file.parent / entry["image"]
        height, width = _size(image, where, "image")
        tracks = _tracks(entry.get("tracks") or [], (height, width), where)
        brush = self.file.parent / entry["brush"] if entry.get("brush") else None
        if brush is None and not tracks:
            raise UserError(f"{where}: tracks: has neither a track nor a brush, so nothing says what moves.")
        if brush is not None and _size(brush, where, "brush") != (height, width):
            raise UserError(f"{where}: brush: {brush} is not of the image's size, {width} x {height} pixels.")
        return {
            "img_path": str(image),
            "tracks": tracks,
            "brush_path": None if brush is None else str(brush),
            "prompt": str(entry.get("prompt") or ""),
            "sample_id": f"{image.stem}_{number}",
            "ori_shape": (height, width),
        }


def _size(path: Path, where: str, field: str) -> tuple[int, int]:
    try:
        return image_size(path, upright=True)
    except UserError as error:
        raise UserError(f"{where}: {field}: {error}") from error


def _tracks(tracks: Any, size: tuple[int, int], where: str) -> list[NDArray[np.float64]]:
    if not isinstance(tracks, list):
        raise UserError(f"{where}: tracks: expected a list of polylines [[x, y], ...], got {str(tracks)[:60]}.")
    return [_track(track, size, f"{where}: tracks: number {number}") for number, track in enumerate(tracks)]


def _track(track: Any, size: tuple[int, int], where: str) -> NDArray[np.float64]:
    try:
        points = np.array(track, np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise UserError(f"{where}: expected points [[x, y], ...] in pixels, got {str(track)[:60]}.")
    height, width = size
    outside = ~((points >= -0.5) & (points < np.array([width, height]) - 0.5)).all(axis=1)
    if outside.any():
        x, y = points[outside][0]
        raise UserError(f"{where}: the point ({x:g}, {y:g}) lies outside of the image of {width} x {height} pixels.")
    return points
