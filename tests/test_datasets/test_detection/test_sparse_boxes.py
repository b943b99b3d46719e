"""Sparse boxes: what is dropped is gone, wherever and however the data are read, and never when testing."""

import numpy as np
import pytest
from tiny_coco import tiny_document, write_tiny_coco
from torch.utils.data import DataLoader

from sparsevision.datasets import CocoDetectionDataset, SeededSampler, SparseBoxes
from sparsevision.datasets.transforms import LoadBoxes, LoadImage, PackDetectionInputs, RandomFlipBoxes
from sparsevision.utils import UserError

PIPELINE = [{"type": LoadImage}, {"type": LoadBoxes}, {"type": RandomFlipBoxes}, {"type": PackDetectionInputs}]


def document_with_many_boxes() -> dict:
    """Every image has six cars and four cups, and the first a crowd too."""
    document = tiny_document()
    crowd = document["annotations"][3]
    document["annotations"] = [crowd] + [
        {"id": 100 + 10 * image + place, "image_id": identity, "category_id": 44 if place > 5 else 3}
        | {"bbox": [place, image, 5 + place, 6]}
        for image, identity in enumerate((5, 90, 7))
        for place in range(10)
    ]
    return document


@pytest.fixture
def inner(tmp_path):
    """The arguments of a data set of many boxes."""
    return {"type": CocoDetectionDataset, "pipeline": PIPELINE, **write_tiny_coco(tmp_path, document_with_many_boxes())}


def ids_of(dataset) -> dict[int, set[int]]:
    """Annotation ids of each image."""
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return {info["img_id"]: set(info["annotation_ids"].tolist()) for info in infos}


def test_a_part_of_the_boxes_is_gone_and_crowds_stay(inner):
    whole, thin = ids_of(CocoDetectionDataset(**_plain(inner))), ids_of(SparseBoxes(dataset=inner, keep=0.5))
    assert all(thin[image] <= whole[image] for image in thin)
    assert 5 < sum(map(len, thin.values())) < 26
    assert 14 in thin[5]
    info = SparseBoxes(dataset=inner, keep=0.5).get_data_info(0)
    assert {len(info[key]) for key in ("boxes", "labels", "crowd", "annotation_ids")} == {len(info["boxes"])}


def test_no_dropped_box_reaches_the_network(inner):
    sparse = SparseBoxes(dataset=inner, protocol="extreme")
    for index in range(3):
        sample = sparse[index]["data_samples"]
        assert len(sample.gt_instances) == 1
        assert "gt_points" not in sample


def test_the_choice_does_not_depend_on_order_or_on_other_images(inner, tmp_path):
    document = document_with_many_boxes()
    before = ids_of(SparseBoxes(dataset=inner, seed=4))
    document["images"] = document["images"][::-1][:2]
    known = {image["id"] for image in document["images"]}
    document["annotations"] = [record for record in document["annotations"][::-1] if record["image_id"] in known]
    after = ids_of(SparseBoxes(dataset=inner | write_tiny_coco(tmp_path, document), seed=4))
    assert after == {image: before[image] for image in after}
    cars = ids_of(SparseBoxes(dataset=inner | {"classes": ("car",)}, seed=4))
    assert all(cars[image] <= before[image] for image in cars)


def test_seeds_differ(inner):
    assert ids_of(SparseBoxes(dataset=inner, seed=0)) != ids_of(SparseBoxes(dataset=inner, seed=1))


def test_workers_see_the_same_samples(inner):
    def boxes(workers: int) -> list[np.ndarray]:
        sparse = SparseBoxes(dataset=inner)
        loader = DataLoader(
            sparse, sampler=SeededSampler(sparse, seed=1), num_workers=workers, collate_fn=lambda x: x[0]
        )
        return [item["data_samples"].gt_instances.bboxes.numpy() for item in loader]

    for alone, shared in zip(boxes(0), boxes(2), strict=True):
        np.testing.assert_array_equal(alone, shared)


def test_images_that_lose_all_boxes_are_left_out_unless_wanted(tmp_path):
    inner = {"type": CocoDetectionDataset, **write_tiny_coco(tmp_path)}
    assert 7 not in ids_of(SparseBoxes(dataset=inner, keep=1.0))
    assert len(SparseBoxes(dataset=inner, keep=1.0, keep_emptied=True)) == 3
    with pytest.raises(UserError, match="no image keeps a box"):
        SparseBoxes(dataset=inner, keep=1e-9)


def test_dropped_boxes_may_leave_a_point(inner):
    sparse = SparseBoxes(dataset=inner, protocol="one_per_category", point_spread=0.0)
    info = sparse.get_data_info(1)
    whole = CocoDetectionDataset(**_plain(inner)).get_data_info(1)
    centres = (whole["boxes"][:, :2] + whole["boxes"][:, 2:]) / 2
    assert (len(info["boxes"]), len(info["points"])) == (2, 8)
    assert {tuple(point) for point in info["points"]} < {tuple(centre) for centre in centres}
    assert len(sparse[1]["data_samples"].gt_points) == 8


def test_boxes_to_test_with_are_never_dropped(inner):
    with pytest.raises(UserError, match="never dropped"):
        SparseBoxes(dataset=inner | {"test_mode": True})


def test_metainfo_is_that_of_the_set_inside(inner):
    assert SparseBoxes(dataset=inner).metainfo["classes"] == ("car", "cup")


@pytest.mark.parametrize("options", [{"protocol": "none"}, {"keep": 2}, {"point_spread": 7}])
def test_wrong_options_are_refused_before_anything_is_read(options):
    with pytest.raises(UserError, match=r"expected|is none of"):
        SparseBoxes(dataset={"type": "NoSuchThing"}, **options)


def _plain(config: dict) -> dict:
    return {key: value for key, value in config.items() if key != "type"}
