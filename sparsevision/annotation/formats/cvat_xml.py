"""The documents that `write_cvat` writes."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from sparsevision.annotation.formats import shapes
from sparsevision.annotation.formats.frame import from_corners, to_corners
from sparsevision.annotation.formats.items import BOX, KEY, ImageItems, Item, with_exact
from sparsevision.annotation.formats.writing import VERSION


def images_document(images: Sequence[tuple[str, str, ImageItems]], classes: Sequence[str]) -> bytes:
    """The bytes of a "CVAT for images 1.1" file."""
    mark = {"images": [{"name": key, "annotations": content.headers} for key, _, content in images]}
    every = [item for _, _, content in images for item in content.items]
    root, unnamed = _root(every, classes, {"size": len(images), "mode": "annotation"}, mark)
    for index, (_, file_name, content) in enumerate(images):
        height, width = map(str, content.size)
        image = SubElement(root, "image", id=str(index), name=file_name, width=width, height=height)
        for item in content.items:
            _shape(image, item, content.size, unnamed)
    return _text(root)


def video_document(key: str, file_name: str, video: ImageItems, classes: Sequence[str]) -> bytes:
    """The bytes of a "CVAT for video 1.1" file."""
    frames = max(header["num_frames"] for header in video.headers)
    task = {"size": frames, "mode": "interpolation"}
    root, unnamed = _root(video.items, classes, task, {"video": {"name": key, "annotations": video.headers}})
    inner = root.find("meta/task")
    size = SubElement(inner, "original_size")
    SubElement(size, "width").text, SubElement(size, "height").text = str(video.size[1]), str(video.size[0])
    SubElement(inner, "source").text = file_name
    for index, item in enumerate(video.items):
        track = SubElement(root, "track", id=str(index), label=unnamed, source="manual")
        _track(track, item, video.size, frames)
    return _text(root)


def _root(items: Sequence[Item], classes: Sequence[str], task: dict, mark: dict) -> tuple[Element, str]:
    """The root with its <meta>, and the label of items without a class."""
    used = dict.fromkeys([*classes, *(item.label for item in items if item.label is not None)])
    unnamed = shapes.unnamed(used)
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    meta = SubElement(root, "meta")
    inner = SubElement(meta, "task")
    for name, value in {"name": "sparse annotations", **task}.items():
        SubElement(inner, name).text = str(value)
    labels = SubElement(inner, "labels")
    for name in [*used, unnamed]:
        _label(labels, name)
    SubElement(meta, KEY).text = json.dumps({"version": VERSION, "classes": list(classes)} | mark, allow_nan=False)
    return root, unnamed


def _label(labels: Element, name: str) -> None:
    label = SubElement(labels, "label")
    SubElement(label, "name").text = name
    SubElement(label, "type").text = "any"
    attribute = SubElement(SubElement(label, "attributes"), "attribute")
    settings = {"name": KEY, "mutable": "False", "input_type": "text", "default_value": "", "values": ""}
    for key, value in settings.items():
        SubElement(attribute, key).text = value


def _shape(image: Element, item: Item, size: tuple[int, int], unnamed: str) -> None:
    common = {"label": unnamed if item.label is None else item.label, "source": "manual", "occluded": "0"}
    if item.form == BOX:
        edges = dict(zip(("xtl", "ytl", "xbr", "ybr"), map(repr, item.xy.ravel().tolist()), strict=True))
        shape, extra = SubElement(image, "box", common | edges), item.extra
    else:
        corners = to_corners(item.xy)
        tag = "points" if len(corners) == 1 else "polyline"
        shape = SubElement(image, tag, common | {"points": _pairs(corners)})
        extra = with_exact(item, from_corners(corners, size))
    shape.set("z_order", "0")
    if item.group is not None:
        shape.set("group_id", str(item.group))
    _attribute(shape, extra)


def _track(track: Element, item: Item, size: tuple[int, int], num_frames: int) -> None:
    """A <points> for every frame, and an outside one where the point is hidden, so that nothing is interpolated."""
    corners, frames = to_corners(item.xy), item.extra["frames"]
    extra = {key: value for key, value in item.extra.items() if key != "frames"}
    exact = with_exact(item, from_corners(corners, size)).get("exact")
    for index, frame in enumerate(frames):
        shape = _keyframe(track, frame, corners[index], outside="0")
        if index == 0:
            _attribute(shape, extra if exact is None else extra | {"exact": exact})
        following = frames[index + 1] if index + 1 < len(frames) else num_frames
        if frame + 1 < following:
            _keyframe(track, frame + 1, corners[index], outside="1")


def _keyframe(track: Element, frame: int, corner: np.ndarray, *, outside: str) -> Element:
    settings = {"frame": str(frame), "keyframe": "1", "outside": outside, "occluded": "0"}
    return SubElement(track, "points", settings | {"points": _pairs(corner[None]), "z_order": "0"})


def _attribute(shape: Element, extra: dict) -> None:
    SubElement(shape, "attribute", name=KEY).text = json.dumps(extra, allow_nan=False)


def _pairs(corners: np.ndarray) -> str:
    return ";".join(f"{x!r},{y!r}" for x, y in corners.tolist())


def _text(root: Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
