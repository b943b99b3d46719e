"""Reading a COCO-format file: what is right, what is left out and told, what is refused and named."""

import json

import numpy as np
import pytest
from tiny_coco import tiny_document

from sparsevision.datasets.detection.boxes import clip_boxes, has_area
from sparsevision.datasets.detection.coco_file import read_box_file, read_document
from sparsevision.utils import UserError


@pytest.fixture
def read(tmp_path):
    """Write a document and read it back."""

    def write_and_read(document, **options):
        path = tmp_path / "boxes.json"
        path.write_text(json.dumps(document))
        return read_box_file(path, **options)

    return write_and_read


def test_labels_are_contiguous_by_category_id_and_images_keep_their_order(read):
    file = read(tiny_document())
    assert (file.classes, file.category_ids, file.notes) == (("car", "cup"), (3, 44), ())
    assert [image.image_id for image in file.images] == [5, 90, 7]
    first, second, third = file.images
    np.testing.assert_array_equal(first.boxes, [[0, 0, 60, 40], [1.5, 2.5, 9.5, 8.5], [30, 20, 60, 40]])
    assert (first.labels.tolist(), first.crowd.tolist(), first.ids.tolist()) == (
        [1, 0, 0],
        [False, False, True],
        [12, 13, 14],
    )
    assert (second.boxes.tolist(), second.boxes.dtype) == ([[10, 10, 30, 20]], np.float32)
    assert third.boxes.shape == (0, 4)
    assert first.size == (40, 60)


def test_chosen_classes_decide_the_labels_and_drop_the_rest(read):
    both = read(tiny_document(), classes=("cup", "car"))
    assert both.images[0].labels.tolist() == [0, 1, 1]
    cups = read(tiny_document(), classes=["cup"])
    assert [image.labels.tolist() for image in cups.images] == [[0], [], []]


def test_boxes_are_clipped_and_those_without_area_or_image_are_left_out_and_told(read):
    document = tiny_document()
    boxes = {21: [50, 30, 30, 30], 22: [5, 5, 0, 10], 23: [5, 5, -3, 10], 24: [60, 0, 10, 10], 25: [-9, -9, 9, 9]}
    document["annotations"] = [
        {"id": identity, "image_id": 7, "category_id": 3, "bbox": box} for identity, box in boxes.items()
    ]
    file = read(document)
    assert file.images[2].ids.tolist() == [21]
    assert file.images[2].boxes.tolist() == [[50, 30, 60, 40]]
    assert file.notes == (
        "2 boxes without area (annotation ids 22, 23)",
        "2 boxes outside of their image (annotation ids 24, 25)",
    )


def test_a_file_without_annotations_or_without_their_ids_is_read(read):
    for document in (tiny_document() | {"annotations": []}, _without(tiny_document(), "annotations")):
        assert [len(image.boxes) for image in read(document).images] == [0, 0, 0]
    document = tiny_document()
    for record in document["annotations"]:
        del record["id"], record["iscrowd"], record["area"]
    assert read(document).images[0].ids.tolist() == [2, 3, 4]


def _without(document: dict, key: str) -> dict:
    return {name: value for name, value in document.items() if name != key}


def broken(change) -> dict:
    document = tiny_document()
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("categories"), "categories: is missing"),
        (lambda d: d.update(images={}), "images: expected a list"),
        (lambda d: d.update(categories=[]), "categories: is empty"),
        (lambda d: d["annotations"].append(3), "annotations[4]: expected an object"),
        (lambda d: d["annotations"][1].update(image_id=6), "annotations[1].image_id: 6 is the id of no image"),
        (lambda d: d["annotations"][2].update(category_id=4), "annotations[2].category_id: 4 is the id of no category"),
        (lambda d: d["annotations"][0].update(category_id=[3]), "annotations[0].category_id: expected a whole number"),
        (lambda d: d["annotations"][3].update(bbox=[1, 2, 3]), "annotations[3].bbox: expected 4 numbers, got 3"),
        (lambda d: d["annotations"][3].pop("bbox"), "annotations[3].bbox: expected a list"),
        (lambda d: d["annotations"][3].update(bbox=[1, 2, "3", 4]), "annotations[3].bbox: expected a number"),
        (
            lambda d: d["annotations"][3].update(bbox=[1, 2, float("nan"), 4]),
            "annotations[3].bbox: nan is not a finite",
        ),
        (lambda d: d["annotations"][3].update(id=11), "annotations[3].id: 11 is given twice"),
        (lambda d: d["images"][2].update(id=5), "images[2].id: 5 is given twice"),
        (lambda d: d["images"][1].pop("width"), "images[1].width: expected a whole number from 1"),
        (lambda d: d["images"][1].update(height=0), "images[1].height: expected a whole number from 1"),
        (lambda d: d["images"][0].pop("file_name"), "images[0].file_name: expected a text"),
        (lambda d: d["categories"][1].update(id=44), "categories[1].id: 44 is given twice"),
        (lambda d: d["categories"][1].update(name="cup"), "two of them are called 'cup'"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_field(read, change, words):
    with pytest.raises(UserError) as caught:
        read(broken(change))
    assert words in str(caught.value)
    assert "boxes.json: " in str(caught.value)


def test_unknown_classes_get_a_suggestion(read):
    with pytest.raises(UserError, match=r"none is called 'cap'.*has 2: car, cup\. Did you mean 'cup'"):
        read(tiny_document(), classes=("cap",))
    with pytest.raises(UserError, match="a name comes twice"):
        read(tiny_document(), classes=("cup", "cup"))
    with pytest.raises(UserError, match=r"is one text; expected several names, such as \('cup',\)"):
        read(tiny_document(), classes="cup")


@pytest.mark.parametrize("content", ["", "[1, 2", "[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "boxes.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"boxes\.json: is no JSON file"):
        read_document(path)
    with pytest.raises(UserError, match=r"nothing\.json: there is no such annotation file"):
        read_document(tmp_path / "nothing.json")


def test_real_annotations_agree_with_pycocotools(shared_data, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    path = shared_data / "coco/tinycoco/annotations/instances_train2017.json"
    theirs = coco.COCO(str(path))
    file = read_box_file(path)
    assert len(file.classes) == 80
    assert sum(int(image.crowd.sum()) for image in file.images) == sum(a["iscrowd"] for a in theirs.anns.values())
    for image in file.images:
        for identity, box, label in zip(image.ids.tolist(), image.boxes, image.labels, strict=True):
            x, y, width, height = theirs.anns[identity]["bbox"]
            np.testing.assert_allclose(box, [x, y, x + width, y + height], atol=0.01)
            assert file.category_ids[label] == theirs.anns[identity]["category_id"]
    assert sum(len(image.ids) for image in file.images) == len(theirs.anns)


def test_boxes_as_arrays():
    boxes = np.array([[-5.0, 2, 3, 50], [70, 0, 80, 9]])
    clipped = clip_boxes(boxes, (40, 60))
    assert clipped.tolist() == [[0, 2, 3, 40], [60, 0, 60, 9]]
    assert has_area(clipped).tolist() == [True, False]
