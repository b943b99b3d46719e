"""From a CVAT document to images and items."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sparsevision.annotation import checks
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.formats import rle, shapes, values
from sparsevision.annotation.formats.class_map import row_rle_region
from sparsevision.annotation.formats.collector import Collector, ImageReader
from sparsevision.annotation.formats.items import KEY, TRACK, checked_extra
from sparsevision.annotation.formats.names import checked_name, key_of, plain_text
from sparsevision.annotation.formats.writing import saved_classes
from sparsevision.annotation.formats.xml_tree import Node
from sparsevision.annotation.json_text import parse_json

INTERPOLATED = "shapes that CVAT interpolated between keyframes, taken as annotations"
KINDS_OF_META = ("task", "job", "project")


def read_document(root: Node, stem: str, collector: Collector) -> tuple[list[str], tuple[str, ...] | None]:
    """Add the images and videos of a document to the collector; returns its labels, and the class list if it is ours.

    Args:
        stem: name of the XML file, which names a video without a source.
    """
    if root.tag != "annotations":
        raise AnnotationError(f"expected <annotations> of CVAT, got <{root.tag[:40]}>.")
    version = root.first("version")
    if version is not None and version.text.strip() not in ("1.0", "1.1"):
        raise AnnotationError(f"version: expected 1.1, got {version.text[:40]!a}; export as CVAT for images 1.1.")
    mark = _mark(root)
    saved = None if mark is None else saved_classes(mark, field=KEY)
    if mark is not None and "images" in mark:
        own = values.a_list(mark["images"], field=f"{KEY}.images")
    else:
        own = []
    _images(list(root.all("image")), own, collector)
    tracks = list(root.all("track"))
    if tracks or (mark is not None and "video" in mark):
        _Video(root, stem, collector, None if mark is None else mark.get("video")).read(tracks)
    return _labels(root), saved


def _mark(root: Node) -> dict | None:
    node = root.first("meta", KEY)
    if node is None:
        return None
    with values.blame(f"meta.{KEY}"):
        return values.an_object(parse_json(node.text.encode("utf-8", "replace")), field="the text")


def _labels(root: Node) -> list[str]:
    found = []
    for kind in KINDS_OF_META:
        labels = root.first("meta", kind, "labels")
        for index, label in enumerate(labels.all("label") if labels else ()):
            name = label.first("name")
            found.append(plain_text(name and name.text, field=f"meta.{kind}.labels.label[{index}].name"))
    return found


def _images(nodes: list[Node], own: list, collector: Collector) -> None:
    if own and len(own) != len(nodes):
        raise AnnotationError(f"{KEY}.images: tells of {len(own)} images, but the file has {len(nodes)}.")
    for index, node in enumerate(nodes):
        where = f"image[{index}]"
        flatten = collector.reading.flatten
        key, headers = key_of(checked_name(node.attributes.get("name"), field=f"{where}.name", flatten=flatten)), []
        if own:
            record = values.an_object(own[index], field=f"{KEY}.images[{index}]")
            key = checked_name(record.get("name"), field=f"{KEY}.images[{index}].name")
            headers = values.a_list(record.get("annotations"), field=f"{KEY}.images[{index}].annotations")
        cloud = any(isinstance(header, dict) and header.get("cloud") is True for header in headers)
        size = _size(node.attributes, where, limit=checks.MAX_CELLS if cloud else checks.MAX_SIDE)
        image = collector.image(key, size, headers=headers, where=f"{where}.name")
        for place, shape in enumerate(node.children):
            _read_shape(shape, image, shape.attributes.get("label"), f"{where}.{shape.tag[:40]}[{place}]")


def _size(attributes: Mapping[str, str], where: str, *, limit: int = checks.MAX_SIDE) -> tuple[int, int]:
    height = values.whole_in_text(
        _needed(attributes, "height", where), field=f"{where}.height", low=1, high=checks.MAX_SIDE
    )
    return height, values.whole_in_text(_needed(attributes, "width", where), field=f"{where}.width", low=1, high=limit)


def _read_shape(node: Node, image: ImageReader, label: str | None, where: str) -> None:
    read = SHAPES.get(node.tag)
    if read is None:
        image.report[f"elements {node.tag[:40]!a} left out"] += 1
        return
    label = plain_text(label, field=f"{where}.label")
    extra = _extra(node, where)
    if extra is None:
        read(node.attributes, image, label, where)
        return
    points = _box(node.attributes, where) if node.tag == "box" else _points(node.attributes, where)
    image.own(points, label, extra, where=where)


def _extra(node: Node, where: str) -> dict | None:
    """Our extras of a shape; None for one that was drawn in CVAT."""
    for attribute in node.all("attribute"):
        if attribute.attributes.get("name") == KEY and attribute.text.strip():
            with values.blame(f"{where}: attribute {KEY}"):
                return checked_extra(parse_json(attribute.text.encode("utf-8", "replace")), field=KEY)
    return None


class _Video:
    """The tracks of a document."""

    def __init__(self, root: Node, stem: str, collector: Collector, own: Any) -> None:
        self.collector = collector
        self.headers: list = []
        task = next((found for kind in KINDS_OF_META if (found := root.first("meta", kind)) is not None), None)
        size = None if task is None else task.first("original_size")
        sides = {} if size is None else {child.tag: child.text for child in size.children}
        self.size = _size(sides, "meta.original_size")
        if own is None:
            self.key = self._foreign_name(task, stem)
        else:
            own = values.an_object(own, field=f"{KEY}.video")
            self.key = checked_name(own.get("name"), field=f"{KEY}.video.name")
            self.headers = values.a_list(own.get("annotations"), field=f"{KEY}.video.annotations")
        count = task.first("size")
        self.num_frames = (
            1 if count is None else values.whole_in_text(count.text, field="meta.size", low=0, high=checks.MAX_SIDE)
        )

    def read(self, tracks: list[Node]) -> None:
        """Take all tracks."""
        image = None
        if self.headers or any(track.first("points") for track in tracks):
            image = self.collector.more_of(self.key, self.size, headers=self.headers, where="meta.source")
        for index, track in enumerate(tracks):
            where = f"track[{index}]"
            shown = [node for node in track.children if node.attributes.get("outside") != "1"]
            self.collector.report[INTERPOLATED] += sum(node.attributes.get("keyframe") == "0" for node in shown)
            points = [node for node in shown if node.tag == "points"]
            if points and image is not None:
                self._points(points, image, where)
            for node in shown:
                if node.tag != "points":
                    self._on_its_frame(node, track, where)
        if image is not None and not self.headers:
            self._tell_length(image)

    def _points(self, nodes: list[Node], image: ImageReader, where: str) -> None:
        frames = [self._frame(node, where) for node in nodes]
        order = sorted(range(len(nodes)), key=frames.__getitem__)
        found = [_points(nodes[index].attributes, where) for index in order]
        frames = [frames[index] for index in order]
        if len(set(frames)) != len(frames):
            raise AnnotationError(f"{where}: two shapes in one frame; every frame of a track has one.")
        if len({len(points) for points in found}) > 1:
            raise AnnotationError(f"{where}: the number of points changes along the track; make one track a point.")
        extra = next((extra for node in nodes if (extra := _extra(node, where)) is not None), {})
        for column in range(len(found[0])):
            path = np.stack([points[column] for points in found])
            image.track(path, extra | {"frames": frames}, where=where)

    def _on_its_frame(self, node: Node, track: Node, where: str) -> None:
        key = f"{self.key}/frame_{self._frame(node, where):06d}"
        image = self.collector.more_of(key, self.size, headers=[], where=where)
        _read_shape(node, image, track.attributes.get("label"), where)

    def _frame(self, node: Node, where: str) -> int:
        text = _needed(node.attributes, "frame", where)
        return values.whole_in_text(text, field=f"{where}.frame", high=checks.MAX_SIDE - 1)

    def _tell_length(self, image: ImageReader) -> None:
        """Headers with the length of the video, which the shapes do not tell."""
        latest: dict[str, int] = {}
        for item in image.content.items:
            if item.form == TRACK:
                name = item.extra.get("annotation", "tracks")
                latest[name] = max(latest.get(name, 0), item.extra["frames"][-1])
        for name, frame in latest.items():
            count = max(self.num_frames, frame + 1)
            image.content.headers.append({"name": name, "type": "tracks", "meta": {}, "num_frames": count})

    def _foreign_name(self, task: Node | None, stem: str) -> str:
        source = None if task is None else task.first("source")
        name = stem if source is None or not source.text.strip() else source.text.strip()
        name = checked_name(name, field="meta.source", flatten=self.collector.reading.flatten)
        head, dot, suffix = name.rpartition(".")
        return head if dot and head and suffix.isalnum() else name


def _read_box(attributes: Mapping[str, str], image: ImageReader, label: str, where: str) -> None:
    corners = _box(attributes, where)
    turn = values.number_in_text(attributes.get("rotation", "0"), field=f"{where}.rotation")
    if turn % 360 == 0:
        image.box(corners, label, {}, where=where)
        return
    centre = image.border.fit(corners.mean(axis=0, keepdims=True), field=where)
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    turned = (shapes.rectangle(*corners.ravel()) - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
    image.polygons([np.clip(turned, 0, image.border.size[::-1])], label, where=where)


def _read_points(attributes: Mapping[str, str], image: ImageReader, label: str, where: str) -> None:
    for point in _points(attributes, where):
        image.point(point[None], label, {}, where=where)


def _read_polyline(attributes: Mapping[str, str], image: ImageReader, label: str, where: str) -> None:
    image.line(_points(attributes, where), label, {}, where=where)


def _read_polygon(attributes: Mapping[str, str], image: ImageReader, label: str, where: str) -> None:
    image.polygons([_points(attributes, where)], label, where=where)


def _read_ellipse(attributes: Mapping[str, str], image: ImageReader, label: str, where: str) -> None:
    cx, cy, rx, ry = _numbers(attributes, ("cx", "cy", "rx", "ry"), where)
    if rx < 0 or ry < 0:
        raise AnnotationError(f"{where}: an ellipse of negative size, {rx} x {ry}.")
    image.ellipse(np.array([cx, cy]), (rx, ry), label, where=where)


def _read_mask(attributes: Mapping[str, str], image: ImageReader, label: str, where: str) -> None:
    left, top, width, height = (
        values.whole_in_text(_needed(attributes, name, where), field=f"{where}.{name}", high=checks.MAX_SIDE)
        for name in ("left", "top", "width", "height")
    )
    field = f"{where}.rle"
    pieces = _needed(attributes, "rle", where).split(",", rle.MAX_COUNTS + 1)
    lengths = rle.read_counts([values.whole_in_text(piece, field=field) for piece in pieces], field=field)
    rle.check_sum(lengths, (height, width), field=field)
    box = np.array([left, top, left + width, top + height], dtype=np.float64)
    image.region(row_rle_region(lengths, box, 0, field=field), label, where=where)


SHAPES: dict[str, Callable[[Mapping[str, str], ImageReader, str, str], None]] = {
    "box": _read_box,
    "points": _read_points,
    "polyline": _read_polyline,
    "polygon": _read_polygon,
    "ellipse": _read_ellipse,
    "mask": _read_mask,
}


def _box(attributes: Mapping[str, str], where: str) -> np.ndarray:
    x0, y0, x1, y1 = _numbers(attributes, ("xtl", "ytl", "xbr", "ybr"), where)
    if x1 < x0 or y1 < y0:
        raise AnnotationError(f"{where}: a box of negative size, from ({x0}, {y0}) to ({x1}, {y1}).")
    return np.array([[x0, y0], [x1, y1]])


def _points(attributes: Mapping[str, str], where: str) -> np.ndarray:
    field = f"{where}.points"
    pairs = [pair.split(",", 2) for pair in _needed(attributes, "points", where).split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise AnnotationError(f"{field}: expected x,y;x,y;...")
    return np.array([[values.number_in_text(part, field=field) for part in pair] for pair in pairs])


def _numbers(attributes: Mapping[str, str], names: tuple[str, ...], where: str) -> list[float]:
    return [values.number_in_text(_needed(attributes, name, where), field=f"{where}.{name}") for name in names]


def _needed(attributes: Mapping[str, str], name: str, where: str) -> str:
    if name not in attributes:
        raise AnnotationError(f"{where}.{name}: missing.")
    return attributes[name]
