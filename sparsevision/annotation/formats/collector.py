"""What a reader tells while it goes through a file: images, items in the frame of the file, and what it cannot keep."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import frame, items, values
from sparsevision.annotation.formats.class_map import polygon_region
from sparsevision.annotation.formats.data_set import AnnotationSet, Region
from sparsevision.annotation.formats.names import class_ids_of, class_list, find_image
from sparsevision.annotation.formats.shapes import ellipse

MASKS = "polygons and masks kept as boxes; class_map_of draws them"
EMPTY = "boxes without area left out"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read: the options that the three readers share.

    Args:
        classes: class names, index = id; every name in the file must be one of them. None: those of the file.
        background: the name that class 0 gets where `classes` is None and the file was not written by this package; the
            classes of the file follow in order of appearance. None: no class is reserved.
        clip: move locations up to 1 pixel outside of the image onto its border, and count them.
        flatten: keep only the last part of the file names of images.
        images: folder in which every image must exist.
    """

    classes: Sequence[str] | None = None
    background: str | None = "background"
    clip: bool = False
    flatten: bool = False
    images: str | os.PathLike | None = None

    def __post_init__(self) -> None:
        if self.classes is not None:
            object.__setattr__(self, "classes", class_list(self.classes))
        if self.images is not None and not Path(self.images).is_dir():
            raise AnnotationError(f"{self.images}: no such folder of images.")


@dataclass(kw_only=True)
class ImageReader:
    """Takes the items of one image. Points are (K, 2) in corner coordinates, `where` is the field to blame."""

    content: items.ImageItems
    border: frame.Border
    report: Counter
    regions: list[tuple[str, Region]] = field(default_factory=list)

    def own(self, points: np.ndarray, label: str, extra: dict, *, where: str) -> None:
        """An item that this package wrote; `extra` tells which type it has."""
        if extra["type"] == "boxes":
            self.box(points, label, extra, where=where)
        elif extra["type"] == "tracks":
            self.track(points, extra, where=where)
        elif extra["type"] == "scribbles":
            self.line(points, label, extra, where=where)
        else:
            self.point(points, label, extra, where=where)

    def point(self, points: np.ndarray, label: str | None, extra: dict, *, where: str) -> None:
        """One location."""
        if len(points) != 1:
            raise AnnotationError(f"{where}: expected one location (x, y), got {len(points)}.")
        self._add(items.POINT, self._ours(points, where), label, extra, where)

    def line(self, points: np.ndarray, label: str | None, extra: dict, *, where: str) -> None:
        """A stroke through at least one location."""
        self._add(items.LINE, self._ours(points, where), label, extra, where)

    def track(self, points: np.ndarray, extra: dict, *, where: str) -> None:
        """A path through at least one location; its frames are in `extra`."""
        self._add(items.TRACK, self._ours(points, where), None, extra, where)

    def box(self, points: np.ndarray, label: str | None, extra: dict, *, where: str) -> bool:
        """The hull of some corners; one without area is counted and left out. True if it was kept."""
        _some(points, where)
        points = self.border.fit(points, field=where)
        corners = np.stack([points.min(axis=0), points.max(axis=0)])
        if not (corners[0] < corners[1]).all():
            self.report[EMPTY] += 1
            return False
        self._add(items.BOX, corners, label, extra, where)
        return True

    def polygons(self, parts: list[np.ndarray], label: str, *, where: str, box: np.ndarray | None = None) -> None:
        """An object given by polygons: its box (their hull if the file has none), and a region for `class_map_of`."""
        for part in parts:
            _some(part, where)
        parts = [self.border.fit(part, field=where) for part in parts]
        region = polygon_region(parts, 0)
        self.region(region if box is None else replace(region, box=box.ravel()), label, where=where)

    def ellipse(self, centre: np.ndarray, radii: tuple[float, float], label: str, *, where: str) -> None:
        """A circle or an ellipse, as a polygon. Its centre is in the image; where it leaves the image it is cut off."""
        centre = self.border.fit(centre[None], field=where)[0]
        radii = np.minimum(radii, 2.0 * max(self.border.size))
        self.polygons([np.clip(ellipse(centre, radii), 0, self.border.size[::-1])], label, where=where)

    def region(self, region: Region, label: str, *, where: str) -> None:
        """An object given by a mask (its label is set later): its box, and the region for `class_map_of`."""
        if self.box(region.box.reshape(2, 2), label, {}, where=where):
            self.report[MASKS] += 1
            self.regions.append((label, region))

    def _ours(self, points: np.ndarray, where: str) -> np.ndarray:
        _some(points, where)
        return frame.from_corners(self.border.fit(points, field=where), self.border.size)

    def _add(self, form: str, xy: np.ndarray, label: str | None, extra: dict, where: str) -> None:
        xy = items.exact_or_read(xy, extra, field=where)
        self.content.items.append(items.Item(form=form, xy=xy, label=label, extra=extra, where=where))


class Collector:
    """Gathers the images of a file or of a folder of files, and makes the set of annotations of them."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.report: Counter = Counter()
        self.images: dict[str, ImageReader] = {}
        self.class_names: dict[str, None] = {}

    def image(self, key: str, size: tuple[int, int], *, headers: list[dict], where: str) -> ImageReader:
        """Begin an image.

        Raises:
            AnnotationError: there is one of that name already, or the folder of images has none.
        """
        if key in self.images:
            raise AnnotationError(f"{where}: a second image named {key!r:.80}; every image has a name of its own.")
        if self.reading.images is not None:
            find_image(self.reading.images, key)
        border = frame.Border(size=size, clip=self.reading.clip, report=self.report)
        content = items.ImageItems(size=size, headers=headers)
        self.images[key] = ImageReader(content=content, border=border, report=self.report)
        return self.images[key]

    def more_of(self, key: str, size: tuple[int, int], *, headers: list[dict], where: str) -> ImageReader:
        """Go on with an image, or begin it.

        Raises:
            AnnotationError: it has another size.
        """
        image = self.images.get(key)
        if image is None:
            return self.image(key, size, headers=headers, where=where)
        if image.border.size != size:
            raise AnnotationError(f"{where}: {key!r:.80} has {size[1]} x {size[0]} pixels here, others elsewhere.")
        image.content.headers.extend(headers)
        return image

    def finish(self, *, names: Sequence[str] = (), saved: Sequence[str] | None = None) -> AnnotationSet:
        """The set of annotations.

        Args:
            names: class names that the file lists, in its order, used or not.
            saved: class list of a file that this package wrote.
        """
        labels = self._names_in_use()
        foreign = saved is None and self.reading.classes is None
        ids, classes = class_ids_of(
            [*names, *labels] if foreign else labels,
            given=self.reading.classes,
            saved=saved,
            background=self.reading.background,
        )
        annotations = {}
        for key, image in self.images.items():
            with values.blame(key):
                annotations[key] = items.put_together(image.content, ids, self.report)
        return AnnotationSet(
            annotations=annotations,
            classes=classes,
            sizes={key: image.content.size for key, image in self.images.items()},
            regions={
                key: tuple(replace(region, label=ids[name]) for name, region in image.regions)
                for key, image in self.images.items()
                if image.regions
            },
            report=+self.report,
        )

    def _names_in_use(self) -> list[str]:
        return [
            item.label
            for image in self.images.values()
            for item in image.content.items
            if item.label is not None and item.extra.get("type") not in ("clicks", "tracks")
        ]


def _some(points: np.ndarray, where: str) -> None:
    if not len(points):
        raise AnnotationError(f"{where}: expected at least one location (x, y), got none.")
