"""The data set of COCO-format files: samples, class lists of any length, images that are missing or empty."""

import numpy as np
import pytest
from tiny_coco import tiny_document, write_tiny_coco

from sparsevision.datasets import CocoDetectionDataset, ImagePreprocessor, SeededSampler
from sparsevision.datasets.detection.coco_classes import COCO80
from sparsevision.datasets.transforms import LoadBoxes, LoadImage, PackDetectionInputs, RandomFlipBoxes, ResizeShortSide
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

PIPELINE = [
    {"type": LoadImage},
    {"type": LoadBoxes},
    {"type": RandomFlipBoxes},
    {"type": ResizeShortSide, "short": (20, 32, 48), "longest": 64},
    {"type": PackDetectionInputs},
]


def test_a_sample_has_boxes_labels_and_its_place(tmp_path):
    dataset = CocoDetectionDataset(**write_tiny_coco(tmp_path), name="tiny")
    data = dataset[0]
    assert len(dataset) == 3
    assert data["img_path"] == str(tmp_path / "images" / "a.png")
    assert (data["img_id"], data["height"], data["width"], data["sample_id"]) == (5, 40, 60, "a")
    assert data["labels"].tolist() == [1, 0, 0]
    assert data["ann_file"] == str(tmp_path / "annotations.json")


def test_images_of_one_stem_are_told_apart_by_their_folders(tmp_path):
    document = tiny_document()
    for number, image in enumerate(document["images"]):
        image["file_name"] = f"{number}/same.png"
    arguments = write_tiny_coco(tmp_path, document)
    for number in range(3):
        (tmp_path / "images" / f"{number}").mkdir()
        (tmp_path / "images" / f"{number}" / "same.png").touch()
    assert [data["sample_id"] for data in _infos(CocoDetectionDataset(**arguments))] == ["0/same", "1/same", "2/same"]


def test_the_classes_are_those_of_the_file_with_a_colour_each(tmp_path):
    dataset = CocoDetectionDataset(**write_tiny_coco(tmp_path))
    assert dataset.metainfo["classes"] == ("car", "cup")
    assert len(dataset.metainfo["palette"]) == 2
    assert (len(CocoDetectionDataset.METAINFO["classes"]), COCO80[0], COCO80[79]) == (80, "person", "toothbrush")


@pytest.mark.parametrize("given", [{"classes": ("cup",)}, {"metainfo": {"classes": ("cup",)}}])
def test_some_classes_can_be_chosen(tmp_path, given):
    dataset = CocoDetectionDataset(**write_tiny_coco(tmp_path), **given)
    assert dataset.metainfo["classes"] == ("cup",)
    assert [data["labels"].tolist() for data in map(dataset.get_data_info, range(3))] == [[0], [], []]


def test_a_category_list_of_another_length_than_the_model_is_refused(tmp_path):
    arguments = write_tiny_coco(tmp_path)
    with pytest.raises(
        UserError, match=r"annotations\.json: has 2 classes \(car, cup\), but num_classes=80. Set num_cl"
    ):
        CocoDetectionDataset(**arguments, num_classes=80)
    assert len(CocoDetectionDataset(**arguments, num_classes=1, classes=["car"])) == 3


def test_images_without_objects_are_left_out_of_training_only(tmp_path):
    document = tiny_document()
    document["annotations"][0]["iscrowd"] = 1
    arguments = write_tiny_coco(tmp_path, document)
    assert [data["img_id"] for data in _infos(CocoDetectionDataset(**arguments, filter_empty=True))] == [5]
    assert len(CocoDetectionDataset(**arguments, filter_empty=True, test_mode=True)) == 3


def test_a_set_without_any_object_is_refused(tmp_path):
    arguments = write_tiny_coco(tmp_path, tiny_document() | {"annotations": []})
    with pytest.raises(UserError, match="no image is left to use; it has 3"):
        CocoDetectionDataset(**arguments, filter_empty=True)


def test_missing_images_are_named_or_skipped(tmp_path):
    arguments = write_tiny_coco(tmp_path)
    (tmp_path / "images" / "b.png").unlink()
    with pytest.raises(UserError, match=r"1 of the 3 images of .*first is '.*b\.png' \(image id 90\).*Get it there"):
        CocoDetectionDataset(**arguments, prepare="Get it there.")
    with pytest.warns(UserWarning, match=r"leaves out 1 images that are not in '.*images'"):
        dataset = CocoDetectionDataset(**arguments, skip_missing=True)
    assert [data["img_id"] for data in _infos(dataset)] == [5, 7]
    with pytest.raises(UserError, match="3 of the 3 images"):
        CocoDetectionDataset(**arguments | {"data_prefix": {"img": "photos"}}, skip_missing=True)


def test_images_may_lie_in_folders(tmp_path):
    document = tiny_document()
    document["images"][0]["file_name"] = "images/a.png"
    arguments = write_tiny_coco(tmp_path, document) | {"data_prefix": {"img": ""}}
    with pytest.warns(UserWarning, match="leaves out 2 images"):
        dataset = CocoDetectionDataset(**arguments, skip_missing=True)
    assert [data["img_id"] for data in _infos(dataset)] == [5]


def test_a_missing_file_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"none\.json: there is no such annotation file. Make it"):
        CocoDetectionDataset(data_root=str(tmp_path), ann_file="none.json", prepare="Make it.")


def test_left_out_boxes_are_told(tmp_path):
    document = tiny_document()
    document["annotations"][0]["bbox"] = [10, 10, 0, 5]
    with pytest.warns(UserWarning, match=r"Data set 'tiny' leaves out 1 boxes without area \(annotation ids 11\)"):
        CocoDetectionDataset(**write_tiny_coco(tmp_path, document), name="tiny")


def test_an_image_of_another_size_than_its_annotation_is_refused(tmp_path):
    document = tiny_document()
    document["images"][0] |= {"height": 60, "width": 40}
    dataset = CocoDetectionDataset(**write_tiny_coco(tmp_path, document), pipeline=PIPELINE)
    with pytest.raises(UserError, match=r"a\.png: has 60x40 .* says 40x60 for image id 5.*EXIF"):
        dataset[0]


def test_the_same_sample_comes_whatever_the_order_and_the_batch(tmp_path):
    dataset = CocoDetectionDataset(**write_tiny_coco(tmp_path), pipeline=PIPELINE)
    indices = list(SeededSampler(dataset, seed=3))
    forward = {int(index): dataset[index] for index in indices}
    backward = {int(index): dataset[index] for index in reversed(indices)}
    shapes = set()
    for index, one in forward.items():
        other = backward[index]
        np.testing.assert_array_equal(one["inputs"]["image"], other["inputs"]["image"])
        np.testing.assert_array_equal(
            one["data_samples"].gt_instances.bboxes, other["data_samples"].gt_instances.bboxes
        )
        shapes.add(one["data_samples"].img_shape)
    assert len(shapes) > 1


def test_batches_of_mixed_sizes_are_padded_below_and_to_the_right(tmp_path):
    dataset = CocoDetectionDataset(**write_tiny_coco(tmp_path), pipeline=PIPELINE, test_mode=True)
    items = [dataset[index] for index in range(3)]
    batch = {
        "inputs": {"image": [item["inputs"]["image"] for item in items]},
        "data_samples": [item["data_samples"] for item in items],
    }
    made = ImagePreprocessor()(batch, training=True)
    assert made["inputs"]["image"].shape[1] == 3
    for sample, image in zip(made["data_samples"], made["inputs"]["image"], strict=True):
        height, width = sample.img_shape
        assert sample.batch_input_shape == tuple(image.shape[1:])
        assert not image[:, height:].any()
        assert not image[:, :, width:].any()
        assert image[:, :height, :width].any()


def test_a_config_of_strings_builds_it(tmp_path):
    dataset = DATASETS.build({"type": "CocoDetectionDataset", **write_tiny_coco(tmp_path)})
    assert dataset[1]["labels"].tolist() == [0]


def _infos(dataset):
    return [dataset.get_data_info(index) for index in range(len(dataset))]
