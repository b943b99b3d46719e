"""Files that other programs wrote: frames, masks, borders, class lists, and what is counted in the report."""

import base64
import itertools
import json

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_formats_hostile import coco, cvat, labelme, video

from sparsevision.annotation import AnnotationError, formats
from sparsevision.annotation.formats import class_map, frame, rle, shapes

MASKS = "polygons and masks kept as boxes; class_map_of draws them"


def read(folder, document, **options):
    """Write a COCO or LabelMe document, or CVAT text, and read it."""
    if isinstance(document, str):
        (folder / "a.xml").write_text(document)
        return formats.read_cvat(folder / "a.xml", **options)
    (folder / "a.json").write_text(json.dumps(document))
    reader = formats.read_labelme if "shapes" in document else formats.read_coco
    return reader(folder / "a.json", **options)


def counts_of(mask) -> list[int]:
    """Run lengths of a mask, a pixel at a time, in columns."""
    pixels = [False, *mask.T.ravel().tolist()]
    runs = [len(list(run)) for _, run in itertools.groupby(pixels)]
    return [runs[0] - 1, *runs[1:]]


def compressed(counts) -> str:
    """COCO's text of run lengths."""
    text = ""
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + bits + 32 * more)
            if not more:
                break
    return text


masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@settings(max_examples=60, deadline=None)
@given(masks)
def test_run_lengths(mask):
    counts = counts_of(mask)
    for form in (counts, compressed(counts)):
        found = rle.read_counts(form, field="counts")
        assert found.tolist() == counts
        assert (rle.mask_of(found, mask.shape, field="counts") == mask).all()
    rows, columns = np.nonzero(mask)
    hull = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if mask.any() else [0, 0, 0, 0]
    assert rle.hull_of(np.array(counts), mask.shape).tolist() == hull


def test_run_lengths_by_hand():
    assert rle.read_counts("52203", field="c").tolist() == [5, 2, 2, 2, 5]
    assert rle.mask_of(np.array([1, 2, 1]), (2, 2), field="c").tolist() == [[False, True], [True, False]]
    assert rle.mask_of(np.array([1, 2, 1]), (2, 2), field="c", by_rows=True).tolist() == [[False, True], [True, False]]
    assert rle.mask_of(np.array([1, 1, 2]), (2, 2), field="c", by_rows=True).tolist() == [[False, True], [False, False]]
    assert rle.mask_of(np.array([1, 1, 2]), (2, 2), field="c").tolist() == [[False, False], [True, False]]


def inside(polygon, x, y) -> bool:
    """Whether a ray to the left of (x, y) crosses an odd number of edges."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if min(y0, y1) <= y < max(y0, y1):
            crossings += x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x
    return crossings % 2 == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 13), st.floats(-3, 13)), min_size=1, max_size=8))
def test_polygons_against_the_plain_rule(polygon):
    expected = [[inside(polygon, column + 0.5, row + 0.5) for column in range(9)] for row in range(7)]
    assert class_map.polygon_mask(np.array(polygon), (7, 9)).tolist() == expected


def test_rectangles_as_polygons_are_boxes():
    polygon = shapes.rectangle(1, 2, 4, 6)
    mask = class_map.polygon_mask(polygon, (8, 9))
    assert mask[2:6, 1:4].all()
    assert mask.sum() == 12
    assert shapes.area(polygon) == 12


def test_coco_masks(tmp_path):
    mask = np.zeros((20, 30), dtype=bool)
    mask[4:9, 6:16] = True
    square = [2, 3, 8, 3, 8, 9, 2, 9]
    document = coco(
        annotations=[
            {
                "image_id": 5,
                "category_id": 3,
                "segmentation": {"size": [20, 30], "counts": compressed(counts_of(mask))},
            },
            {"image_id": 5, "category_id": 7, "segmentation": [square], "bbox": [2, 3, 6, 6]},
            {"image_id": 5, "category_id": 3, "bbox": [1, 1, 0, 4]},
            {"image_id": 5, "category_id": 3, "bbox": [1, 1, 2, 4], "keypoints": [2, 2, 2] * 17},
        ],
        categories=[{"id": 3, "name": "ant"}, {"id": 7, "name": "bee"}, {"id": 9, "name": "cow"}],
    )
    found = read(tmp_path, document)
    assert found.classes == ("background", "ant", "bee", "cow")
    boxes = found.annotations["a"]["boxes"]
    assert boxes.xyxy.tolist() == [[6, 4, 16, 9], [2, 3, 8, 9], [1, 1, 3, 5]]
    assert boxes.labels.tolist() == [1, 2, 1]
    keypoints = "keypoints left out; joints of a person are not labels of places"
    assert found.report == {MASKS: 2, "boxes without area left out": 1, keypoints: 1}
    dense = formats.class_map_of(found, "a", fill=255)
    expected = np.where(mask, 1, 255)
    expected[3:9, 2:8] = 2
    assert (dense == expected).all()
    with pytest.raises(AnnotationError, match="'b': no such image in this set of 1"):
        formats.class_map_of(found, "b")


def test_a_mask_too_large_to_draw_is_refused(tmp_path):
    found = read(tmp_path, coco(image__width=2**20, image__height=2**20, annotation__segmentation=[[1, 1, 9, 1, 9, 9]]))
    with pytest.raises(AnnotationError, match="too many for a dense mask"):
        formats.class_map_of(found, "a")


def test_class_lists(tmp_path):
    assert read(tmp_path, coco(), background=None).annotations["a"]["boxes"].labels.tolist() == [0]
    assert read(tmp_path, coco(), classes=["x", "y", "ant"]).annotations["a"]["boxes"].labels.tolist() == [2]
    with pytest.raises(AnnotationError, match=r"'ant' is not among the given ones.*Did you mean 'ants'"):
        read(tmp_path, coco(), classes=["background", "ants"])


def test_corners_become_centres(tmp_path):
    """(0, 0) of the file is the outer corner of the first pixel, (30, 20) that of the last one."""
    points = [{"label": "a", "points": [xy], "shape_type": "point"} for xy in ([0, 0], [0.99, 0.5], [1, 1], [30, 20])]
    lines = [{"label": "a", "points": [[0, 0], [30, 20], [3.5, 4.5]], "shape_type": "linestrip"}]
    one = read(tmp_path, labelme(shapes=points + lines)).annotations["a"]
    assert one["points"].xy.tolist() == [[0, 0], [0, 0], [1, 1], [29, 19]]
    assert one["scribbles"].polylines[0].tolist() == [[-0.5, -0.5], pytest.approx([29.5, 19.5]), [3, 4]]


def test_clip_moves_what_is_just_outside(tmp_path):
    document = labelme(shape__points=[[-0.4, 1], [31, 5]])
    with pytest.raises(AnnotationError, match=r"\(31.0, 5.0\) lies outside the image, 30 wide and 20 high; clip=True"):
        read(tmp_path, document)
    found = read(tmp_path, document, clip=True)
    assert found.annotations["a"]["boxes"].xyxy.tolist() == [[0, 1, 30, 5]]
    assert found.report == {"locations outside moved onto the border (clip)": 2}
    with pytest.raises(AnnotationError, match="lies outside the image"):
        read(tmp_path, labelme(shape__points=[[1, 1], [31.01, 5]]), clip=True)
    assert not read(tmp_path, labelme(shape__points=[[1, 1], [30 + frame.ROUNDING / 2, 5]])).report


def test_flatten_takes_the_last_part(tmp_path):
    found = read(tmp_path, coco(image__file_name="D:\\data\\..\\a.b.jpg"), flatten=True)
    assert list(found.annotations) == ["a.b"]
    assert list(read(tmp_path, labelme(imagePath="../images/x.jpg"), flatten=True).annotations) == ["a"]


def test_labelme_shapes(tmp_path):
    png = cv2.imencode(".png", np.array([[0, 255, 0], [255, 255, 255]], dtype=np.uint8))[1].tobytes()
    document = labelme(
        shapes=[
            {"label": "ant", "points": [[9, 9], [4, 6]], "shape_type": "rectangle"},
            {"label": "bee", "points": [[20, 10], [23, 14]], "shape_type": "circle"},
            {"label": "bee", "points": [[1, 1], [5, 1], [5, 5]]},
            {
                "label": "cow",
                "points": [[10, 1], [12, 2]],
                "shape_type": "mask",
                "mask": base64.b64encode(png).decode(),
            },
            {"label": "cow", "points": [[1, 1], [2, 2], [3, 3]], "shape_type": "ai_thing"},
        ]
    )
    found = read(tmp_path, document)
    boxes = found.annotations["a"]["boxes"]
    assert boxes.xyxy[0].tolist() == [4, 6, 9, 9]
    assert boxes.xyxy[1] == pytest.approx([15, 5, 25, 15])
    assert boxes.xyxy[3].tolist() == [10, 1, 13, 3]
    assert found.report == {MASKS: 3, "shapes of the type 'ai_thing' left out": 1}
    dense = formats.class_map_of(found, "a")
    assert dense[1:3, 10:13].tolist() == [[0, 3, 0], [3, 3, 3]]
    assert (dense == 2).sum() == pytest.approx(np.pi * 25 + 8, abs=6)
    document["shapes"][3]["mask"] = base64.b64encode(png[:50]).decode()
    with pytest.raises(AnnotationError, match=r"a: shapes\[3\].mask: a PNG image that cannot be read, or is cut off"):
        formats.class_map_of(read(tmp_path, document), "a")


def test_cvat_shapes(tmp_path):
    text = (
        '<box label="ant" xtl="4" ytl="6" xbr="9" ybr="9" occluded="1"><attribute name="age">3</attribute></box>'
        '<box label="ant" xtl="10" ytl="4" xbr="20" ybr="8" rotation="90"/>'
        '<points label="bee" points="3.2,4.9;5,6"/><polyline label="bee" points="1,1;2,2"/>'
        '<ellipse label="cow" cx="20" cy="14" rx="3" ry="2"/><tag label="indoor"/>'
        '<mask label="cow" rle="1,1,1,3" left="1" top="1" width="3" height="2"/>'
    )
    found = read(tmp_path, cvat(text))
    one = found.annotations["a"]
    assert one["boxes"].xyxy[0].tolist() == [4, 6, 9, 9]
    assert one["boxes"].xyxy[1] == pytest.approx([13, 1, 17, 11])
    assert one["boxes"].xyxy[2] == pytest.approx([17, 12, 23, 16])
    assert one["points"].xy.tolist() == [[3, 4], [5, 6]]
    assert one["scribbles"].polylines[0].tolist() == [[0.5, 0.5], [1.5, 1.5]]
    assert found.report == {MASKS: 3, "elements 'tag' left out": 1}
    assert formats.class_map_of(found, "a")[1:3, 1:4].tolist() == [[0, 3, 0], [3, 3, 3]]
    assert found.classes == ("background", "ant", "bee", "cow")


def test_cvat_video(tmp_path):
    text = video(
        '<points frame="3" keyframe="1" outside="0" points="1,2"/><points frame="1" keyframe="1" points="2,2"/>'
        '<points frame="2" keyframe="0" outside="0" points="1.5,2"/><points frame="4" outside="1" points="1,2"/>'
        '<box frame="7" outside="0" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    )
    found = read(tmp_path, text)
    tracks = found.annotations["v"]["tracks"]
    assert tracks.frames[0].tolist() == [1, 2, 3]
    assert tracks.paths[0].tolist() == [[1.5, 1.5], [1, 1.5], [0.5, 1.5]]
    assert (tracks.num_frames, tracks.size) == (9, (20, 30))
    assert found.annotations["v/frame_000007"]["boxes"].xyxy.tolist() == [[1, 2, 3, 4]]
    assert found.report == {"shapes that CVAT interpolated between keyframes, taken as annotations": 1}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 20)), min_size=1, max_size=6))
def test_lines_of_others_lie_inside(tmp_path, points):
    shape = {"label": "a", "points": points, "shape_type": "linestrip"}
    (line,) = read(tmp_path, labelme(shapes=[shape])).annotations["a"]["scribbles"].polylines
    assert line + 0.5 == pytest.approx(np.array(points), abs=1e-12)
