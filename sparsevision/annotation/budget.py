"""What annotations cost in seconds of a person's time: by a model, and as measured."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from os import PathLike
from typing import Any, Self

import numpy as np

from sparsevision.annotation import files
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.json_text import dump_json, parse_json
from sparsevision.annotation.types import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks
from sparsevision.utils import did_you_mean

_MAX_COST_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """Seconds per annotation. Edit them: they depend on the people, the interface and the images.

    Args:
        point: one labelled pixel. Approximate, after Bearman et al., "What's the point: semantic segmentation with
            point supervision", ECCV 2016: about 2.4 s for the first click on a class in an image, less for further
            ones. (Without finding out which classes are there; with it they count 22.1 s for an image of PASCAL VOC.)
        click: one corrective click in an interactive segmenter. Approximate: taken to be as fast as a point.
        scribble: one stroke. Approximate: about 10.9 s, after the squiggles of Bearman et al.
        box: one box, 7 s by extreme clicking: Papadopoulos et al., "Extreme clicking for efficient object annotation",
            ICCV 2017. (Drawing boxes the traditional way: 35 s, same source.)
        polygon: the outline of one object, 79 s: Lin et al., "Microsoft COCO", ECCV 2014 (22 hours per 1,000 objects).
        mask: a full segmentation of one image, 239.7 s: Bearman et al. for PASCAL VOC.
        cloud_point: one labelled point of a cloud. A guess without a source: twice a point, for turning the view.
        track_entry: one location of a track in one frame. A guess without a source: as fast as a point.
    """

    point: float = 2.4
    click: float = 2.4
    scribble: float = 10.9
    box: float = 7.0
    polygon: float = 79.0
    mask: float = 239.7
    cloud_point: float = 4.8
    track_entry: float = 2.4

    def __post_init__(self) -> None:
        for f in fields(self):
            seconds = getattr(self, f.name)
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
                raise AnnotationError(
                    f"CostModel.{f.name}: expected seconds, a finite number from 0 on, got {seconds!r:.60}."
                )

    @classmethod
    def from_dict(cls, prices: Any) -> Self:
        """Prices by name; those that are not named keep their default. An unknown name is an `AnnotationError`."""
        if not isinstance(prices, dict):
            raise AnnotationError(f'expected an object of prices such as {{"point": 2.4}}, got {prices!r:.60}.')
        known = [f.name for f in fields(cls)]
        for name in prices:
            if name not in known:
                hint = did_you_mean(str(name)[:60], known)
                raise AnnotationError(f"{str(name)[:60]!r}: not a price of {', '.join(known)}.{hint}")
        return cls(**prices)

    @classmethod
    def load(cls, path: str | PathLike) -> Self:
        """Read a JSON file of prices, ``{"point": 2.4, "box": 7}``; an `AnnotationError` names the file."""
        data = files.read_bytes(path, max_bytes=_MAX_COST_BYTES)
        try:
            return cls.from_dict(parse_json(data, max_values=1000))
        except AnnotationError as error:
            raise AnnotationError(f"{path}: {error}") from error

    def save(self, path: str | PathLike) -> None:
        """Write all prices as JSON, in one step."""
        files.write_bytes(path, dump_json(asdict(self)))

    def price(self, annotation: Annotation) -> float:
        """Seconds of one unit: a point, click, stroke or box, or an entry of a track."""
        if isinstance(annotation, PointLabels):
            return self.point if annotation.indices is None else self.cloud_point
        prices = {Clicks: self.click, Scribbles: self.scribble, Boxes: self.box, Tracks: self.track_entry}
        return prices[type(annotation)]


def annotation_cost(
    annotations: Annotation | Iterable[Annotation] | Mapping[str, Annotation], *, model: CostModel | None = None
) -> float:
    """Seconds that one annotation object, or all in a list or dict, took to make under a cost model."""
    model = CostModel() if model is None else model
    return float(sum(model.price(item) * _units(item).sum() for item in _each(annotations)))


def measured_seconds(annotations: Annotation | Iterable[Annotation] | Mapping[str, Annotation]) -> float | None:
    """Seconds that were measured while the annotations were made (`meta["seconds"]`); None if none were.

    Items without a measured time count as nothing.

    Raises:
        AnnotationError: `meta["seconds"]` is no list of one time (or None) for each item.
    """
    times = np.concatenate([seconds_per_item(item) for item in _each(annotations)] or [np.zeros(0)])
    return float(np.nansum(times)) if np.isfinite(times).any() else None


def modelled_seconds(annotation: Annotation, *, model: CostModel) -> np.ndarray:
    """Cost (N,) of each point, click, stroke, box or track."""
    return model.price(annotation) * _units(annotation)


def seconds_per_item(annotation: Annotation) -> np.ndarray:
    """Measured seconds (N,) of each item, NaN where none were. After `take(n)` the first n times count."""
    seconds = annotation.meta.get("seconds")
    if seconds is None:
        return np.full(len(annotation), np.nan)
    kind = type(annotation).__name__
    if not isinstance(seconds, list) or len(seconds) < len(annotation):
        what = f"{len(seconds)} entries" if isinstance(seconds, list) else type(seconds).__name__
        raise AnnotationError(f"{kind}.meta.seconds: expected a list of {len(annotation)} times, got {what}.")
    for index, time in enumerate(seconds):
        number = isinstance(time, int | float) and not isinstance(time, bool)
        if time is not None and not (number and 0 <= time < float("inf")):
            raise AnnotationError(f"{kind}.meta.seconds: entry {index} is {time!r:.60}; expected seconds from 0 on.")
    return np.array([np.nan if time is None else time for time in seconds[: len(annotation)]], dtype=np.float64)


def _units(annotation: Annotation) -> np.ndarray:
    """How often the price is paid for each item (N,): once, or once an entry of a track."""
    if isinstance(annotation, Tracks):
        return np.array([len(frames) for frames in annotation.frames], dtype=np.float64)
    return np.ones(len(annotation))


def _each(annotations: Annotation | Iterable[Annotation] | Mapping[str, Annotation]) -> list[Annotation]:
    """All annotations in an object, list or dict of them, or lists of such."""
    if isinstance(annotations, Annotation):
        return [annotations]
    items = annotations.values() if isinstance(annotations, Mapping) else annotations
    return [each for item in items for each in _each(item)]
