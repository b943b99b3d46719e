"""tools/dataset_converters/yolo.py: the layouts that people have, the same boxes after it, and every mistake named."""

import json

import numpy as np
import pytest
from PIL import Image
from tool_runner import run_tool

from sparsevision.datasets import CocoDetectionDataset
from sparsevision.datasets.detection.yolo import images_of, label_file, read_data_yaml, read_image
from sparsevision.utils import UserError

TOOL = "dataset_converters/yolo.py"
LAYOUTS = {
    "ultralytics": (
        "path: .\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n",
        "images/{}",
        "labels/{}",
    ),
    "roboflow": (
        "train: ../train/images\nval: ../val/images\nnc: 2\nnames: ['cat', 'dog']\n",
        "{}/images",
        "{}/labels",
    ),
    "beside": ("train: train\nval: [val]\nnames: [cat, dog]\n", "{}", "{}"),
}


def write_set(root, layout="ultralytics", rows="1 0.5 0.5 0.5 0.25\n0 0.1 0.2 0.2 0.1\n"):
    """Two training images, the second without a label file, and one of val with an empty one."""
    yaml, images, labels = LAYOUTS[layout]
    (root / "data.yaml").parent.mkdir(parents=True, exist_ok=True)
    (root / "data.yaml").write_text(yaml)
    for split, names in (("train", ("a", "b")), ("val", ("c",))):
        for name in names:
            path = root / images.format(split) / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((100, 200, 3), np.uint8)).save(path)
        (root / labels.format(split)).mkdir(parents=True, exist_ok=True)
    (root / labels.format("train") / "a.txt").write_text(rows)
    (root / labels.format("val") / "c.txt").write_text("")
    return root


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_becomes_the_same_data_set(tmp_path, layout):
    source = write_set(tmp_path / "yolo", layout)
    done = run_tool(TOOL, source, "--out", tmp_path / "coco")
    assert done.code == 0, done.err
    assert "train: 2 images, 2 boxes of 2 classes, 1 images without one" in done.out
    dataset = CocoDetectionDataset(
        data_root=str(tmp_path / "coco"),
        ann_file="annotations/instances_train.json",
        data_prefix={"img": str(source)},
        num_classes=2,
    )
    info = dataset.get_data_info(0)
    assert dataset.metainfo["classes"] == ("cat", "dog")
    assert info["labels"].tolist() == [1, 0]
    np.testing.assert_allclose(info["boxes"], [[50, 37.5, 150, 62.5], [0, 15, 40, 25]])
    assert len(dataset) == 2
    val = json.loads((tmp_path / "coco/annotations/instances_val.json").read_text())
    assert (len(val["images"]), val["annotations"]) == (1, [])


def test_polygons_become_boxes_and_outlines(tmp_path):
    source = write_set(tmp_path, rows="0 0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.6\n")
    dataset = read_data_yaml(source)
    (record,) = read_image(images_of(dataset.splits["train"])[0], 1, dataset).annotations
    assert (record["bbox"], record["area"]) == ([20, 20, 80, 40], 3200)
    assert record["segmentation"] == [[20, 20, 100, 20, 100, 60, 20, 60]]


def test_repeated_rows_are_left_out_and_told(tmp_path):
    source = write_set(tmp_path, rows="0 0.5 0.5 0.1 0.1\n\n0 0.5 0.5 0.1 0.1\n")
    done = run_tool(TOOL, source, "--out", tmp_path / "coco")
    assert "train: 1 rows that repeat another were left out" in done.out
    assert "train: 2 images, 1 boxes" in done.out


def test_verify_compares_and_writes_nothing(tmp_path):
    source, out = write_set(tmp_path / "yolo"), tmp_path / "coco"
    before = run_tool(TOOL, source, "--out", out, "--verify")
    assert (before.code, out.exists(), before.out.count("is missing")) == (1, False, 2)
    run_tool(TOOL, source, "--out", out)
    assert run_tool(TOOL, source, "--out", out, "--verify").code == 0
    (source / "labels/train/a.txt").write_text("1 0.5 0.5 0.5 0.3\n")
    changed = run_tool(TOOL, source, "--out", out, "--verify")
    assert (changed.code, "instances_train.json: does not hold" in changed.out) == (1, True)
    refused = run_tool(TOOL, source, "--out", out)
    assert (refused.code, "--overwrite" in refused.err) == (2, True)
    assert run_tool(TOOL, source, "--out", out, "--overwrite").code == 0
    assert "already up to date" in run_tool(TOOL, source, "--out", out).out


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2 0.5 0.5 0.1 0.1", "class 2, but data.yaml has the classes 0 to 1"),
        ("-1 0.5 0.5 0.1 0.1", "class -1"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5"),
        ("0 50 50 10 10", "shares of the image's width and height"),
        ("0 nan 0.5 0.1 0.1", "shares of the image's width and height"),
        ("0 0.5 0.5 0.1", "got 3 numbers"),
        ("0 0.5 0.5 0.1 0.1 0.1", "got 5 numbers"),
        ("cat 0.5 0.5 0.1 0.1", "expected numbers, got 'cat"),
    ],
)
def test_wrong_rows_are_named_and_nothing_is_written(tmp_path, row, words):
    source = write_set(tmp_path / "yolo", rows=f"0 0.5 0.5 0.1 0.1\n{row}\n")
    done = run_tool(TOOL, source, "--out", tmp_path / "coco")
    assert done.code == 2
    text = " ".join(done.err.split())
    assert "a.txt, line 2: " in text
    assert words in text
    assert not (tmp_path / "coco").exists()


def test_all_wrong_rows_are_counted(tmp_path):
    source = write_set(tmp_path / "yolo", rows="".join(f"7 0.5 0.5 0.1 0.{number:02}\n" for number in range(1, 31)))
    done = run_tool(TOOL, source, "--out", tmp_path / "coco")
    assert "30 labels are wrong" in done.err
    assert "and 10 more" in done.err


def test_a_turned_photograph_is_refused(tmp_path):
    source = write_set(tmp_path / "yolo")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((100, 200, 3), np.uint8)).save(source / "images/train/a.png", exif=exif)
    done = run_tool(TOOL, source, "--out", tmp_path / "coco")
    assert (done.code, "EXIF orientation 6" in " ".join(done.err.split())) == (2, True)


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("train: images/train\n", "names: expected a list"),
        ("train: images/train\nnames: {0: cat, 2: dog}\n", "class numbers 0 to 1"),
        ("train: images/train\nnames: [cat, cat]\n", "the same name"),
        ("train: images/train\nnames: [cat, dog]\nnc: 3\n", "nc is 3, but names has 2"),
        ("names: [cat, dog]\n", "names no images"),
        ("train: images/elsewhere\nnames: [cat, dog]\n", "its folders are not there"),
        ("just text", "expected keys such as train"),
        ("a: [1, 2\n", "is no YAML file"),
    ],
)
def test_a_wrong_data_yaml_is_named(tmp_path, yaml, words):
    write_set(tmp_path)
    (tmp_path / "data.yaml").write_text(yaml)
    with pytest.raises(UserError, match=words):
        read_data_yaml(tmp_path)


def test_the_yaml_file_is_found_or_has_to_be_named(tmp_path):
    with pytest.raises(UserError, match="there is no such file or folder"):
        read_data_yaml(tmp_path / "none")
    with pytest.raises(UserError, match="its yaml files: none"):
        read_data_yaml(tmp_path)
    write_set(tmp_path)
    (tmp_path / "data.yaml").rename(tmp_path / "pets.yaml")
    assert read_data_yaml(tmp_path).classes == ("cat", "dog")
    (tmp_path / "hyper.yaml").write_text("lr: 1\n")
    with pytest.raises(UserError, match=r"hyper\.yaml, pets\.yaml"):
        read_data_yaml(tmp_path)


def test_a_split_may_be_a_list_of_files(tmp_path):
    source = write_set(tmp_path)
    (source / "train.txt").write_text("./images/train/b.png\n")
    (source / "data.yaml").write_text("train: train.txt\nnames: [cat, dog]\n")
    assert [path.name for path in images_of(read_data_yaml(source).splits["train"])] == ["b.png"]
    (source / "train.txt").write_text("./images/train/nothing.png\n")
    with pytest.raises(UserError, match="1 of 1 images are not there"):
        images_of(read_data_yaml(source).splits["train"])


def test_a_test_split_that_is_not_there_is_passed_over(tmp_path):
    source = write_set(tmp_path, "roboflow")
    (source / "data.yaml").write_text((source / "data.yaml").read_text() + "test: ../test/images\n")
    assert sorted(read_data_yaml(source).splits) == ["train", "val"]


def test_labels_lie_in_the_last_folder_of_images_of_the_path(tmp_path):
    assert label_file(tmp_path / "images/set/images/a.jpg") == tmp_path / "images/set/labels/a.txt"
    assert label_file(tmp_path / "set/a.jpg") == tmp_path / "set/a.txt"
