"""COCO, LabelMe, CVAT: a broken or hostile file ends in one sentence with its name and the field, soon and small."""

import contextlib
import copy
import json
import random
import time
import tracemalloc

import pytest
from annotation_examples import one_of_each
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparsevision.annotation import AnnotationError, formats
from sparsevision.annotation.formats import xml_tree
from sparsevision.annotation.json_text import parse_json

READERS = {"coco": formats.read_coco, "labelme": formats.read_labelme, "cvat": formats.read_cvat}
BOX = {"id": 1, "image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4]}


def coco(**changes) -> dict:
    """A COCO document of others; annotation__x changes a field of the annotation, image__x one of the image."""
    document = {
        "images": [{"id": 5, "file_name": "a.jpg", "height": 20, "width": 30}],
        "annotations": [dict(BOX)],
        "categories": [{"id": 3, "name": "ant"}],
    }
    return changed(document, changes, {"annotation": "annotations", "image": "images", "category": "categories"})


def labelme(**changes) -> dict:
    """A LabelMe document of others; shape__x changes a field of the shape."""
    document = {
        "version": "5.5.0",
        "flags": {},
        "shapes": [{"label": "ant", "points": [[1, 2], [4, 6]], "shape_type": "rectangle", "flags": {}}],
        "imagePath": "a.jpg",
        "imageData": None,
        "imageHeight": 20,
        "imageWidth": 30,
    }
    return changed(document, changes, {"shape": "shapes"})


def changed(document: dict, changes: dict, lists: dict) -> dict:
    """The document with fields of its top level, or of the first record of a list, replaced; a `...` is removed."""
    for name, value in changes.items():
        head, _, field = name.partition("__")
        target, key = (document[lists[head]][0], field) if field else (document, name)
        target[key] = value
        if value is ...:
            del target[key]
    return document


def cvat(
    shape: str = '<box label="ant" xtl="1" ytl="2" xbr="4" ybr="6"/>', *, name="a.jpg", width="30", head=""
) -> str:
    """A CVAT document of others with one shape."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<annotations><version>1.1</version>'
        f'<image id="0" name="{name}" width="{width}" height="20">{shape}</image></annotations>'
    )


def video(track: str, *, size: str = "<width>30</width><height>20</height>") -> str:
    """A CVAT document of others with one track."""
    meta = f"<meta><task><size>9</size><original_size>{size}</original_size><source>v.mp4</source></task></meta>"
    return f'<annotations><version>1.1</version>{meta}<track id="0" label="ant">{track}</track></annotations>'


LAUGHS = "<!DOCTYPE a [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(9)) + "]>"
RLE = {"size": [20, 30], "counts": [100, 500]}

HOSTILE = {
    "coco": {
        "not json": ("{", "not valid JSON.*line 1"),
        "binary": (b"\xff\xfe\x00\x01", "not JSON text"),
        "empty": ("", "the file is empty"),
        "a list": ("[]", "the top level: expected an object, got a list"),
        "deep": ('{"images": ' + "[" * 100_000, "nested far too deeply"),
        "many lists": ("[" + "[]," * 5_000_000 + "[]]", "too many for annotations; split the file"),
        "twice": ('{"images": [], "images": []}', "images: given twice"),
        "nan": (json.dumps(coco()).replace("[1, 2, 3, 4]", "[NaN, 2, 3, 4]"), "holds NaN"),
        "infinity by overflow": (
            json.dumps(coco()).replace("[1, 2, 3, 4]", "[1e999, 2, 3, 4]"),
            "bbox: inf is not a fin",
        ),
        "long number": (coco(annotation__bbox=[10**400, 1, 1, 1]), "bbox: a number of over 30 digits is not a finite"),
        "longer number": (json.dumps(coco()).replace("[1, 2,", f"[{'9' * 9999}, 2,"), "not valid JSON"),
        "no images": (coco(images=...), "images: expected a list, got nothing"),
        "images an object": (coco(images={}), "images: expected a list, got an object"),
        "image a number": (coco(images=[3]), r"images\[0\]: expected an object, got 3"),
        "same image id": (coco(images=[coco()["images"][0]] * 2), r"images\[1\].id: 5 is given twice"),
        "same file name": (
            coco(images=[coco()["images"][0], coco(image__id=6, image__file_name="a.png")["images"][0]]),
            r"images\[1\].file_name: a second image named 'a'",
        ),
        "same annotation id": (coco(annotations=[BOX, BOX]), r"annotations\[1\].id: 1 is given twice"),
        "same category id": (coco(categories=[coco()["categories"][0]] * 2), r"categories\[1\].id: 3 is given twice"),
        "same category name": (coco(categories=[{"id": 3, "name": "a"}, {"id": 4, "name": "a"}]), "the same name"),
        "unknown image": (coco(annotation__image_id=6), r"annotations\[0\].image_id: 6 is the id of no image"),
        "unknown category": (coco(annotation__category_id=6), "category_id: 6 is the id of no category"),
        "true as id": (coco(annotation__image_id=True), "image_id: expected a whole number"),
        "name a number": (coco(category__name=3), "name: expected a name of printable characters, got 3"),
        "climbs": (
            coco(image__file_name="../a.jpg"),
            "file_name: '../a.jpg' is not the name of a file inside a folder",
        ),
        "absolute": (coco(image__file_name="/etc/passwd"), "not the name of a file inside a folder"),
        "backslashes": (coco(image__file_name="..\\a.jpg"), "not the name of a file inside a folder"),
        "a drive": (coco(image__file_name="C:a.jpg"), "not the name of a file inside a folder"),
        "nul": (coco(image__file_name="a\0.jpg"), "not the name of a file inside a folder"),
        "surrogate": (coco(image__file_name="a\ud800.jpg"), "not the name of a file inside a folder"),
        "long name": (coco(image__file_name="a" * 10**6), "expected a file name, got 'aaaa"),
        "huge image": (coco(image__width=10**9), r"images\[0\].width: expected a whole number from 1 to 1048576"),
        "negative image": (coco(image__width=-3), "width: expected a whole number from 1"),
        "no height": (coco(image__height=...), "height: expected a whole number"),
        "negative box": (coco(annotation__bbox=[1, 2, -3, 4]), "bbox: .* of negative size, -3.0 x 4.0"),
        "short box": (coco(annotation__bbox=[1, 2, 3]), "bbox: expected 4 numbers, got 3"),
        "text in box": (coco(annotation__bbox=["1", 2, 3, 4]), "bbox: expected a number, got '1'"),
        "truth in box": (coco(annotation__bbox=[True, 2, 3, 4]), "bbox: expected a number, got True"),
        "null in box": (coco(annotation__bbox=[None, 2, 3, 4]), "bbox: expected a number, got nothing"),
        "far outside": (coco(annotation__bbox=[1, 2, 300, 4]), r"bbox: \(301.0, 6.0\) lies outside.*is it the right"),
        "outside by overflow": (coco(annotation__bbox=[1e308, 2, 1e308, 4]), r"bbox: 1e\+308 is far too large"),
        "just outside": (coco(annotation__bbox=[1, 2, 29.5, 4]), "lies outside the image.*clip=True"),
        "neither": (coco(annotation__bbox=...), "has neither a bbox nor a segmentation"),
        "polygon of one number": (coco(annotation__segmentation=[[3]]), "segmentation: expected x and y in turn"),
        "empty polygon": (coco(annotation__segmentation=[[]]), "segmentation: expected at least one location"),
        "polygon a text": (coco(annotation__segmentation="abc"), "segmentation: expected polygons or run lengths"),
        "wrong run lengths": (coco(annotation__segmentation=RLE | {"counts": [1, 2]}), "add up to 3, but .*20 x 30"),
        "negative run": (coco(annotation__segmentation=RLE | {"counts": [-1, 601]}), "counts: expected a whole number"),
        "huge run": (coco(annotation__segmentation=RLE | {"counts": [10**15, 1]}), "add up to 1000000000000001"),
        "wrong mask size": (coco(annotation__segmentation=RLE | {"size": [30, 20]}), r"but the image has \[20, 30\]"),
        "run lengths cut off": (
            coco(annotation__segmentation=RLE | {"counts": "T3T"}),
            "the compressed run lengths are cut",
        ),
        "run lengths garbage": (coco(annotation__segmentation=RLE | {"counts": "é!"}), "does not belong into COCO's"),
        "endless run": (coco(annotation__segmentation=RLE | {"counts": "o" * 99}), "does not belong into COCO's"),
        "long run lengths": (coco(annotation__segmentation=RLE | {"counts": "1" * 2**23}), "expected at most 4194304"),
        "mark of a later version": (
            coco(info={"sparsevision": {"version": 2, "classes": []}}),
            "version: expected a whole",
        ),
        "mark a number": (coco(info={"sparsevision": 3}), "info.sparsevision: expected an object"),
    },
    "labelme": {
        "truncated": (json.dumps(labelme())[:50], "not valid JSON"),
        "no shapes": (labelme(shapes=...), "shapes: expected a list, got nothing"),
        "shape a text": (labelme(shapes=["x"]), r"shapes\[0\]: expected an object"),
        "no label": (labelme(shape__label=...), r"shapes\[0\].label: expected a name of printable"),
        "three numbers": (labelme(shape__points=[[1, 2, 3]]), r"shapes\[0\].points: expected 2 numbers, got 3"),
        "no points": (labelme(shape__points=[]), "points: expected at least 2 locations, got 0"),
        "one corner": (labelme(shape__points=[[1, 2]]), "points: expected at least 2 locations, got 1"),
        "empty line": (labelme(shape__points=[], shape__shape_type="linestrip"), "expected at least one location"),
        "circle of three": (
            labelme(shape__points=[[1, 2]] * 3, shape__shape_type="circle"),
            "expected 2 locations, got 3",
        ),
        "type a number": (labelme(shape__shape_type=3), "shape_type: expected a text, got 3"),
        "outside": (labelme(shape__points=[[1, 2], [400, 6]]), r"points: \(400.0, 6.0\) lies outside"),
        "overflow": (labelme(shape__points=[[1, 2], [10**400, 6]]), "is not a finite number"),
        "no size": (labelme(imageHeight=None), "imageHeight: expected a whole number.*got nothing"),
        "huge size": (labelme(imageHeight=10**9), "imageHeight: expected a whole number from 1 to 1048576"),
        "climbs": (
            labelme(imagePath="../../a.jpg"),
            "imagePath: .*not the name of a file inside a folder.*flatten=True",
        ),
        "no path": (labelme(imagePath=...), "imagePath: expected a file name, got None"),
        "no mask": (labelme(shape__shape_type="mask"), r"shapes\[0\].mask: expected a text"),
        "mask between pixels": (
            labelme(shape__shape_type="mask", shape__points=[[1.5, 2], [3, 4]], shape__mask="x"),
            "the first and the last pixel of a mask are whole",
        ),
        "contradiction": (
            labelme(shapes=[{"label": name, "points": [[1, 1]], "shape_type": "point"} for name in "ab"]),
            r"the place \(x, y\) = \(1, 1\) is given two different labels",
        ),
    },
    "cvat": {
        "truncated": (cvat()[:150], "not valid XML.*line 1"),
        "garbage": (b"\x00\x01\x02<", "not valid XML"),
        "no xml": ("annotations", "not valid XML"),
        "unknown encoding": (cvat().replace("utf-8", "zip"), "not valid XML"),
        "other root": ("<html/>", "expected <annotations> of CVAT, got <html>"),
        "other version": (cvat().replace("1.1", "2.0"), "version: expected 1.1, got '2.0'"),
        "doctype": (cvat(head="<!DOCTYPE annotations>"), "holds a DTD"),
        "billion laughs": (cvat(name="&a9;", head=LAUGHS), "holds a DTD"),
        "external entity": (
            cvat(name="&x;", head='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
            "holds a DTD",
        ),
        "external dtd": (cvat(head='<!DOCTYPE a SYSTEM "http://example.org/a.dtd">'), "holds a DTD"),
        "unknown entity": (cvat(name="&x;"), "not valid XML: undefined entity"),
        "deep": ("<annotations>" + "<a>" * 100_000, "nested more than 16 levels deep"),
        "many attributes": (
            "<annotations " + " ".join(f'a{i}=""' for i in range(2**22 + 1)) + "/>",
            "attributes, too many",
        ),
        "climbs": (cvat(name="../a.jpg"), r"image\[0\].name: .*not the name of a file inside a folder"),
        "no name": (cvat().replace('name="a.jpg"', ""), r"image\[0\].name: expected a file name, got None"),
        "huge": (cvat(width="1000000000"), r"image\[0\].width: expected a whole number from 1 to 1048576"),
        "negative": (cvat(width="-30"), r"image\[0\].width: expected a whole number"),
        "no width": (cvat().replace('width="30"', ""), r"image\[0\].width: missing"),
        "underscore": (cvat(width="3_0"), "width: expected a number, got '3_0'"),
        "no label": (cvat('<box xtl="1" ytl="2" xbr="4" ybr="6"/>'), r"image\[0\].box\[0\].label: expected a name"),
        "no edge": (cvat('<box label="a" xtl="1" ytl="2" xbr="4"/>'), r"box\[0\].ybr: missing"),
        "negative box": (cvat('<box label="a" xtl="9" ytl="2" xbr="4" ybr="6"/>'), "a box of negative size"),
        "nan": (cvat('<box label="a" xtl="nan" ytl="2" xbr="4" ybr="6"/>'), "xtl: expected a number, got 'nan'"),
        "overflow": (cvat('<box label="a" xtl="1e999" ytl="2" xbr="4" ybr="6"/>'), "xtl: inf is not a finite number"),
        "outside": (cvat('<points label="a" points="300,2"/>'), r"\(300.0, 2.0\) lies outside the image"),
        "no points": (cvat('<points label="a" points=""/>'), "points: expected x,y;x,y"),
        "three": (cvat('<points label="a" points="1,2,3"/>'), "points: expected x,y;x,y"),
        "wrong run lengths": (
            cvat('<mask label="a" rle="1,2" left="1" top="1" width="2" height="3"/>'),
            "rle: the run lengths add up to 3, but the mask has 3 x 2 pixels",
        ),
        "two in one frame": (video('<points frame="1" points="1,2"/>' * 2), r"track\[0\]: two shapes in one frame"),
        "changing": (
            video('<points frame="1" points="1,2"/><points frame="2" points="1,2;3,4"/>'),
            "the number of points changes along the track",
        ),
        "negative frame": (video('<points frame="-1" points="1,2"/>'), "frame: expected a whole number"),
        "no frame": (video('<points points="1,2"/>'), "frame: missing"),
        "huge frame": (video('<points frame="1000000000" points="1,2"/>'), "frame: expected a whole number"),
        "no size": (video('<points frame="1" points="1,2"/>', size=""), "meta.original_size.height: missing"),
    },
}
CASES = [(form, case) for form, cases in HOSTILE.items() for case in cases]


def write(path, content) -> None:
    """Bytes, text or a document."""
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode("utf-8", "surrogatepass")
    path.write_bytes(content)


@pytest.mark.parametrize(("form", "case"), CASES)
def test_hostile_files(tmp_path, form, case):
    content, words = HOSTILE[form][case]
    path = tmp_path / ("a.xml" if form == "cvat" else "a.json")
    write(path, content)
    start = time.process_time()
    with pytest.raises(AnnotationError, match=words) as caught:
        READERS[form](path)
    assert time.process_time() - start < 5
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < 500 + len(str(path))


@pytest.mark.parametrize("form", READERS)
def test_files_that_are_none(tmp_path, form):
    with pytest.raises(AnnotationError, match="there is no such file"):
        READERS[form](tmp_path / "absent")
    with pytest.raises(AnnotationError, match=r"is not a regular file|no \.\w+ file in this folder"):
        READERS[form](tmp_path)
    path = tmp_path / ("a.xml" if form == "cvat" else "a.json")
    path.write_bytes(b" " * 2000)
    with pytest.raises(AnnotationError, match="too large for annotations"):
        READERS[form](path, max_bytes=1000)
    with pytest.raises(AnnotationError, match="no such folder of images"):
        READERS[form](path, images=tmp_path / "absent")


def test_bombs_stay_small(tmp_path):
    """A small file of entities, a deep one, and one of many elements do not fill the memory."""
    for case in ("billion laughs", "deep", "many attributes"):
        data = HOSTILE["cvat"][case][0].encode()
        tracemalloc.start()
        with pytest.raises(AnnotationError):
            xml_tree.parse_xml(data, max_elements=2**20)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20, case
    with pytest.raises(AnnotationError, match="over 1000 elements"):
        xml_tree.parse_xml(b"<annotations>" + b"<a/>" * 2000, max_elements=1000)
    data = HOSTILE["coco"]["many lists"][0].encode()
    tracemalloc.start()
    with pytest.raises(AnnotationError):
        parse_json(data, max_values=2**22)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def ours(folder, form) -> list:
    """Files of this package, small, with every type in them."""
    content = {"one": {name: one for name, one in one_of_each().items() if name != "cloud"}}
    writer = {"coco": formats.write_coco, "labelme": formats.write_labelme, "cvat": formats.write_cvat}[form]
    writer(folder / "x.json" if form == "coco" else folder, content)
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module", params=READERS)
def target(request, tmp_path_factory):
    """A format, the bytes of a file of it, and a place to put changed ones."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, [path.read_bytes() for path in ours(folder, request.param)], folder / "changed.json"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_changed_bytes_give_annotations_or_one_error(target, seed, changes):
    form, files, path = target
    rng = random.Random(seed)
    data = bytearray(rng.choice(files))
    for _ in range(changes):
        start = rng.randrange(len(data))
        what = rng.choice(
            [b"", b"-", b"9" * 30, b"null", b"[", b"}", b'"', b"<", b"&", b"1e400", b"NaN", b"\x00", b"\xff"]
        )
        data[start : start + rng.choice([0, 1, 1, 8])] = what
    only_known_errors(form, path, bytes(data[: rng.choice([None, None, rng.randrange(len(data))])]))


VALUES = [
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    10**400,
    -1e308,
    "",
    "x",
    "../x",
    "\0",
    [],
    {},
    [[]],
    [1],
    [True, 2],
    {"a": 1},
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_changed_values_give_annotations_or_one_error(target, seed):
    form, files, path = target
    rng = random.Random(seed)
    data = rng.choice(files)
    if form == "cvat":
        words = data.split(b'"')
        words[rng.randrange(len(words) // 2) * 2 + 1] = str(rng.choice(VALUES)).replace("\0", "0").encode()
        only_known_errors(form, path, b'"'.join(words))
        return
    document = json.loads(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        parent, key = rng.choice(places(document))
        parent[key] = copy.deepcopy(rng.choice(VALUES))
    only_known_errors(form, path, json.dumps(document).encode())


def places(document) -> list[tuple]:
    """Every (parent, key) in a JSON document."""
    found, waiting = [], [document]
    while waiting:
        parent = waiting.pop()
        for key in parent if isinstance(parent, dict) else range(len(parent)):
            found.append((parent, key))
            if isinstance(parent[key], dict | list):
                waiting.append(parent[key])
    return found


def only_known_errors(form, path, data) -> None:
    """Read the bytes; whatever comes but an `AnnotationError` or a set of annotations fails the test."""
    path.write_bytes(data)
    with contextlib.suppress(AnnotationError):
        found = READERS[form](path)
        assert all(len(by_name) < 20 for by_name in found.annotations.values())
