"""tools/annotation/sparse_boxes.py: the file says what SparseBoxes keeps, and nothing is overwritten by accident."""

import json

import pytest
from tiny_coco import tiny_document, write_tiny_coco
from tool_runner import run_tool

from sparsevision.datasets import CocoDetectionDataset, SparseBoxes
from sparsevision.datasets.detection.sparse_file import thin_box_file

TOOL = "annotation/sparse_boxes.py"


def document_with_many_boxes() -> dict:
    """Eight cars an image, a crowd, and a box without area."""
    document = tiny_document()
    crowd = document["annotations"][3]
    document["annotations"] = [crowd, crowd | {"id": 15, "iscrowd": 0, "bbox": [1, 1, 0, 5]}] + [
        {"id": 100 + 10 * place + number, "image_id": image["id"], "category_id": 3, "bbox": [number, 1, 9, 9]}
        for place, image in enumerate(document["images"])
        for number in range(8)
    ]
    return document


@pytest.fixture
def arguments(tmp_path):
    """The arguments of the data set of this document."""
    return write_tiny_coco(tmp_path, document_with_many_boxes())


def samples_of(dataset) -> list[tuple]:
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return [(info["img_id"], info["annotation_ids"].tolist(), info["boxes"].tolist()) for info in infos]


@pytest.mark.filterwarnings("ignore:Data set")
@pytest.mark.parametrize("protocol", ["random", "one_per_category", "easy", "hard", "extreme"])
def test_the_file_has_the_boxes_that_the_data_set_keeps(arguments, tmp_path, protocol):
    out = tmp_path / "thin.json"
    done = run_tool(
        TOOL, tmp_path / "annotations.json", "--protocol", protocol, "--keep", 0.2, "--seed", 3, "--out", out
    )
    assert done.code == 0
    thin = CocoDetectionDataset(**arguments | {"ann_file": str(out)}, filter_empty=True)
    on_the_fly = SparseBoxes(dataset=CocoDetectionDataset(**arguments), protocol=protocol, keep=0.2, seed=3)
    assert samples_of(thin) == samples_of(on_the_fly)


def test_the_file_keeps_everything_else_and_says_how_it_was_made(arguments, tmp_path):
    done = run_tool(TOOL, tmp_path / "annotations.json", "--protocol", "extreme")
    out = tmp_path / "annotations_extreme_seed0.json"
    document, before = json.loads(out.read_text()), document_with_many_boxes()
    assert document["images"] == before["images"]
    assert document["categories"] == before["categories"]
    assert [record["id"] for record in document["annotations"] if record.get("iscrowd")] == [14]
    assert document["info"]["sparse_boxes"] == {
        "from": "annotations.json",
        "protocol": "extreme",
        "keep": None,
        "seed": 0,
    }
    assert "boxes kept            3 of 24 (12.5%)" in done.out
    assert "classes without a box cup" in done.out


def test_a_file_without_images_is_named(tmp_path):
    (tmp_path / "none.json").write_text(json.dumps(tiny_document() | {"images": [], "annotations": []}))
    done = run_tool(TOOL, tmp_path / "none.json", "--protocol", "random")
    assert done.code == 2
    assert "none.json: images: is empty" in " ".join(done.err.split())
    assert not (tmp_path / "none_random_seed0.json").exists()


def test_annotations_without_ids_get_them(arguments, tmp_path):
    document = document_with_many_boxes()
    for record in document["annotations"]:
        del record["id"]
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    thin = thin_box_file(tmp_path / "annotations.json", protocol="hard")
    ids = [record["id"] for record in thin.document["annotations"]]
    assert ids[0] == 1
    assert len(set(ids)) == len(ids) == 13
    assert (thin.before.tolist(), thin.after.tolist(), thin.images, thin.emptied) == ([24, 0], [12, 0], 3, 0)


def test_a_file_with_other_boxes_is_not_replaced(arguments, tmp_path):
    source, out = tmp_path / "annotations.json", tmp_path / "thin.json"
    run_tool(TOOL, source, "--out", out)
    assert "kept, it has these boxes" in run_tool(TOOL, source, "--out", out).out
    refused = run_tool(TOOL, source, "--out", out, "--seed", 1)
    assert (refused.code, "is there with other content" in refused.err.replace("\n", " ")) == (2, True)
    assert run_tool(TOOL, source, "--out", out, "--seed", 1, "--overwrite").code == 0
    itself = run_tool(TOOL, source, "--out", source, "--overwrite")
    assert (itself.code, "is the source itself" in itself.err.replace("\n", " ")) == (2, True)


def test_bad_input_is_one_sentence(arguments, tmp_path):
    assert run_tool(TOOL, tmp_path / "none.json").code == 2
    nothing = run_tool(TOOL, tmp_path / "annotations.json", "--keep", 1e-6)
    assert (nothing.code, "no box would be kept" in nothing.err) == (2, True)
    assert "above 0" in run_tool(TOOL, tmp_path / "annotations.json", "--keep", 0).err
