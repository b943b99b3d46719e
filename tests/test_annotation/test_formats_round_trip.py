"""COCO, LabelMe, CVAT: every annotation comes back as it was, and other programs find what they look for."""

import json
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest
from annotation_examples import META, SIZE, annotations, one_of_each
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparsevision.annotation import AnnotationError, Boxes, Clicks, PointLabels, Scribbles, Tracks, formats

FORMATS = {
    "coco": (formats.write_coco, formats.read_coco, "all.json"),
    "labelme": (formats.write_labelme, formats.read_labelme, "labelme"),
    "cvat": (formats.write_cvat, formats.read_cvat, "cvat"),
}
every_format = pytest.mark.parametrize("form", FORMATS)
few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def back(folder, form, content, *, write=(), read=()):
    """Write and read a set of annotations."""
    writer, reader, name = FORMATS[form]
    writer(folder / name, content, **dict(write))
    return reader(folder / name, **dict(read))


def one_image() -> dict:
    """All that fits on one image, with two objects of clicks and measured seconds."""
    content = {name: one for name, one in one_of_each().items() if name != "cloud"}
    content["object_1"] = Clicks(xy=[[1, 2], [3, 4]], positive=[True, False], size=(48, 64), meta={"label": 1})
    content["object_2"] = Clicks(xy=[[5, 6]], positive=[True], size=(48, 64), meta={"label": 2, "seconds": [1.5]})
    return content


@every_format
def test_every_type_comes_back(tmp_path, form):
    content = {
        "one": one_image(),
        "folder/cloud": {"cloud": one_of_each()["cloud"]},
        "c.png": {"b": one_of_each()["boxes"]},
    }
    found = back(tmp_path, form, content)
    assert found.annotations == content
    assert found.sizes == {"one": (48, 64), "folder/cloud": (1, 100), "c.png": (48, 64)}
    assert not found.report
    for name in ("points", "tracks"):
        assert found.annotations["one"][name].meta == META
    assert found.annotations["one"]["object_2"].meta == {"label": 2, "seconds": [1.5]}


@every_format
@few
@given(st.lists(annotations(), max_size=3), annotations())
def test_anything_comes_back(tmp_path_factory, form, several, single):
    folder = tmp_path_factory.mktemp(form)
    on_image = {f"a {index}": one for index, one in enumerate(several) if len(one.size) == 2}
    content = {"first": on_image, "second": {"b": single}} if on_image else {"second": {"b": single}}
    assert back(folder, form, content).annotations == content


@every_format
def test_a_second_trip_changes_nothing(tmp_path, form):
    content = {"one": one_image()}
    once = back(tmp_path, form, content)
    assert back(tmp_path, form, once).annotations == content


@every_format
def test_tiny_images_and_borders(tmp_path, form):
    edge = np.nextafter(0.5, 0)
    content = {
        "dot": {
            "clicks": Clicks(xy=[[-0.5, edge], [1e-300, -0.0]], positive=[1, 0], size=(1, 1)),
            "strokes": Scribbles(polylines=[[[edge, edge]]], labels=[0], size=(1, 1)),
            "boxes": Boxes(xyxy=[[0, 0, 1, 1], [0.1, 0.3, np.nextafter(0.1, 1), 1]], labels=[0, 3], size=(1, 1)),
        }
    }
    assert back(tmp_path, form, content).annotations == content


@every_format
def test_empty_annotations_and_images(tmp_path, form):
    empty = {
        "points": PointLabels(xy=[], labels=[], size=SIZE),
        "tracks": Tracks(paths=[], frames=[], num_frames=7, size=SIZE, meta={"who": "me"}),
    }
    content = formats.AnnotationSet(annotations={"one": empty, "none": {}}, sizes={"none": (3, 4)})
    found = back(tmp_path, form, content)
    assert found.annotations == {"one": empty, "none": {}}
    assert found.annotations["one"]["tracks"].meta == {"who": "me"}
    assert found.sizes["none"] == (3, 4)
    with pytest.raises(AnnotationError, match=r"none: has no annotations.*images="):
        back(tmp_path, form, {"none": {}})


@every_format
def test_class_names(tmp_path, form):
    points = PointLabels(
        xy=[[1, 1], [2, 2], [3, 3]], labels=[2, 0, 9], size=SIZE, meta={"classes": ["sky", "ant", "bee"]}
    )
    found = back(tmp_path, form, {"a": {"points": points}})
    assert found.classes == ("sky", "ant", "bee")
    assert found.annotations["a"]["points"].labels.tolist() == [2, 0, 9]
    again = back(tmp_path, form, {"a": {"points": points.take(2)}}, read={"classes": ["bee", "sky"]})
    assert again.annotations["a"]["points"].labels.tolist() == [0, 1]
    with pytest.raises(AnnotationError, match="'class_9' is not among the given ones"):
        back(tmp_path, form, {"a": {"points": points}}, read={"classes": ["sky", "ant", "bee"]})
    with pytest.raises(AnnotationError, match="the name 'x' is given twice"):
        back(tmp_path, form, {"a": {"points": points}}, write={"classes": ["x", "x"]})
    huge = PointLabels(xy=[[0, 0]], labels=[10**15], size=SIZE)
    assert back(tmp_path / "huge", form, {"a": {"points": huge}}).annotations["a"]["points"] == huge


@every_format
def test_file_names_are_looked_up(tmp_path, form):
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "moth.png"), np.zeros((*SIZE, 3), np.uint8))
    found = back(tmp_path, form, {"moth": {}}, write={"images": folder}, read={"images": folder})
    assert found.sizes == {"moth": SIZE}
    written = [path for path in (tmp_path / FORMATS[form][2]).rglob("*") if path.is_file()] or [
        tmp_path / FORMATS[form][2]
    ]
    assert "moth.png" in written[0].read_text()
    with pytest.raises(AnnotationError, match="no image named 'ant'"):
        back(tmp_path, form, {"ant": {}}, write={"images": folder})
    back(tmp_path / "other", form, {"ant": {"b": Boxes(xyxy=[], labels=[], size=SIZE)}})
    with pytest.raises(AnnotationError, match="no image named 'ant'"):
        FORMATS[form][1](tmp_path / "other" / FORMATS[form][2], images=folder)


UNWRITABLE = {
    "climbs": ({"../a": {"b": Boxes(xyxy=[], labels=[], size=SIZE)}}, "not the name of a file inside a folder"),
    "absolute": ({"/a": {"b": Boxes(xyxy=[], labels=[], size=SIZE)}}, "not the name of a file inside a folder"),
    "annotation name": ({"a": {"b\n": Boxes(xyxy=[], labels=[], size=SIZE)}}, "printable characters"),
    "two sizes": (
        {"a": {"b": Boxes(xyxy=[], labels=[], size=(3, 4)), "c": Boxes(xyxy=[], labels=[], size=(5, 6))}},
        "a: its annotations lie on frames of different sizes",
    ),
    "not annotations": ({"a": {"b": [1]}}, "a, 'b': expected an annotation, got list"),
    "not a dict": ({"a": 3}, "a: expected {name: annotation}, got int"),
    "no set": (3, "Can write"),
    "one file": ({name: {"b": Boxes(xyxy=[], labels=[], size=SIZE)} for name in ("a", "a.jpg")}, "same file name as a"),
}


@every_format
@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_cannot_be_written(tmp_path, form, case):
    content, words = UNWRITABLE[case]
    with pytest.raises(AnnotationError, match=words):
        back(tmp_path, form, content)
    assert not list(tmp_path.iterdir())


def test_coco_for_others(tmp_path):
    back(tmp_path, "coco", {"one": one_image()}, write={"classes": ["background", "ant", "bee"]})
    document = json.loads((tmp_path / "all.json").read_text())
    ids = {category["name"]: category["id"] for category in document["categories"]}
    assert ids == {"background": 0, "ant": 1, "bee": 2, "class_5": 5, "class_7": 7, "object": 8}
    by_name = {}
    for record in document["annotations"]:
        assert {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation"} <= set(record)
        assert all(len(polygon) >= 6 for polygon in record["segmentation"])
        by_name.setdefault(record["sparsevision"]["annotation"], []).append(record)
    assert by_name["boxes"][1]["bbox"] == [1.5, 2.0, 1.5, 2.0]
    assert by_name["points"][2]["keypoints"] == [7.5, 9.5, 2]
    assert by_name["points"][2]["bbox"] == [7, 9, 1, 1]
    assert by_name["object_2"][0]["category_id"] == ids["bee"]
    assert by_name["scribbles"][0]["segmentation"][0] == [0, 3, 22, 3, 22, 0, 0, 0]


def test_coco_shows_a_stroke_as_it_was_drawn(tmp_path):
    """A program that draws the polygons gets the pixels of `densify`, but for the round ends."""
    stroke = Scribbles(polylines=[[[5, 10], [40, 22]]], labels=[1], widths=5, size=(40, 60))
    formats.write_coco(tmp_path / "a.json", {"a": {"s": stroke}})
    document = json.loads((tmp_path / "a.json").read_text())
    for record in [document["info"], *document["images"], *document["annotations"]]:
        del record["sparsevision"]
    (tmp_path / "a.json").write_text(json.dumps(document))
    found = formats.read_coco(tmp_path / "a.json")
    drawn, expected = formats.class_map_of(found, "a") > 0, stroke.densify(0) > 0
    assert (drawn != expected).sum() < 0.1 * expected.sum()
    assert found.report == {"polygons and masks kept as boxes; class_map_of draws them": 1}


def test_labelme_for_others(tmp_path):
    back(tmp_path, "labelme", {"one": one_image()}, write={"classes": ["background", "ant", "bee"]})
    document = json.loads((tmp_path / "labelme" / "one.json").read_text())
    assert document["imageData"] is None
    assert (document["imagePath"], document["imageHeight"], document["imageWidth"]) == ("one.jpg", 48, 64)
    shapes = {}
    for shape in document["shapes"]:
        shapes.setdefault(shape["sparsevision"]["annotation"], []).append(shape)
    assert [shape["shape_type"] for shape in shapes["scribbles"]] == ["linestrip", "point"]
    assert shapes["boxes"][1]["points"] == [[1.5, 2.0], [3.0, 4.0]]
    assert shapes["points"][2]["points"] == [[7.5, 9.5]]
    assert [shape["flags"] for shape in shapes["object_1"]] == [{"positive": True}, {"positive": False}]
    groups = [shapes[name][0]["group_id"] for name in ("boxes", "clicks", "object_1", "object_2")]
    assert groups == [None, 1, 2, 3]
    assert shapes["object_2"][0]["label"] == "bee"


def test_cvat_for_others(tmp_path):
    back(tmp_path, "cvat", {"one": one_image()}, write={"classes": ["background", "ant", "bee"]})
    root = ElementTree.parse(tmp_path / "cvat" / "annotations.xml").getroot()
    image = root.find("image")
    assert image.attrib == {"id": "0", "name": "one.jpg", "width": "64", "height": "48"}
    assert {"background", "ant", "bee"} < {label.text for label in root.findall("meta/task/labels/label/name")}
    assert [shape.tag for shape in image] == ["points"] * 5 + ["polyline", "points"] + ["box"] * 2 + ["points"] * 3
    assert image.find("box").attrib["xbr"] == "64.0"
    assert {shape.get("group_id") for shape in image.findall("points")} == {None, "1", "2", "3"}


def test_cvat_keyframes_leave_gaps_as_gaps(tmp_path):
    tracks = Tracks(paths=[[[1, 2], [3, 4], [5, 6]]], frames=[[0, 1, 4]], num_frames=5, size=SIZE)
    formats.write_cvat(tmp_path / "a.xml", {"a": {"tracks": tracks}})
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    shown = [(node.get("frame"), node.get("outside"), node.get("points")) for node in root.find("track")]
    assert shown == [("0", "0", "1.5,2.5"), ("1", "0", "3.5,4.5"), ("2", "1", "3.5,4.5"), ("4", "0", "5.5,6.5")]
    assert root.findtext("meta/task/original_size/width") == str(SIZE[1])
    assert formats.read_cvat(tmp_path / "a.xml").annotations == {"a": {"tracks": tracks}}
    with pytest.raises(AnnotationError, match="each video in a file of its own; name a folder"):
        formats.write_cvat(tmp_path / "b.xml", {"a": {"tracks": tracks}, "b": one_image()})


def test_labelme_edits_are_seen(tmp_path):
    content = {"one": {"object_1": one_image()["object_2"], "boxes": one_of_each()["boxes"]}}
    formats.write_labelme(tmp_path, content, classes=["background", "ant"])
    document = json.loads((tmp_path / "one.json").read_text())
    document["shapes"][0]["points"] = [[20.5, 10.5]]
    document["shapes"] = document["shapes"][:2]
    document["shapes"].append({"label": "wasp", "points": [[1, 1], [3, 2]], "shape_type": "rectangle", "flags": {}})
    document["shapes"].append({"label": "ant", "points": [[1, 1]], "shape_type": "point", "flags": {}})
    (tmp_path / "one.json").write_text(json.dumps(document))
    found = formats.read_labelme(tmp_path)
    one = found.annotations["one"]
    assert one["object_1"].xy.tolist() == [[20, 10]]
    assert one["boxes"].xyxy.tolist() == [[0, 0, 64, 48], [1, 1, 3, 2]]
    assert one["boxes"].labels.tolist() == [0, 2]
    assert one["points"].xy.tolist() == [[1, 1]]
    assert found.classes == ("background", "ant", "wasp")


def test_seconds_of_an_edited_annotation_are_dropped(tmp_path):
    clicks = Clicks(xy=[[1, 2], [3, 4]], positive=[1, 1], size=SIZE, meta={"seconds": [1.0, 2.0], "label": 1})
    formats.write_labelme(tmp_path, {"one": {"object_1": clicks}})
    document = json.loads((tmp_path / "one.json").read_text())
    del document["shapes"][0]
    (tmp_path / "one.json").write_text(json.dumps(document))
    found = formats.read_labelme(tmp_path)
    assert found.annotations["one"]["object_1"].meta == {"label": 1}
    assert sum(found.report.values()) == 1


def test_a_round_through_cvat_loses_only_meta(tmp_path):
    """CVAT writes its own <meta> and repeats the text attribute in every frame."""
    content = {"one": one_image()}
    content["one"]["tracks"] = Tracks(paths=[[[0.1, 0.2], [3.7, 4]]], frames=[[0, 1]], num_frames=5, size=(48, 64))
    formats.write_cvat(tmp_path, content, classes=["background", *"abcdefg"])
    for path in tmp_path.iterdir():
        root = ElementTree.parse(path).getroot()
        root.find("meta").remove(root.find("meta/sparsevision"))
        for track in root.findall("track"):
            for shape in track.findall("points")[1:]:
                shape.append(track.find("points/attribute"))
        ElementTree.ElementTree(root).write(path)
    assert formats.read_cvat(tmp_path).annotations == content


def test_a_stroke_made_longer_keeps_its_width(tmp_path):
    stroke = Scribbles(polylines=[[[0.1, 0.2], [3.7, 4]]], labels=[1], widths=3, size=SIZE)
    formats.write_labelme(tmp_path, {"one": {"scribbles": stroke}})
    document = json.loads((tmp_path / "one.json").read_text())
    document["shapes"][0]["points"].append([9.5, 9.5])
    (tmp_path / "one.json").write_text(json.dumps(document))
    again = formats.read_labelme(tmp_path).annotations["one"]["scribbles"]
    assert again.polylines[0][2].tolist() == [9, 9]
    assert again.widths.tolist() == [3]
