"""A folder of one's own images is a data set: any mixture of sizes and formats, labels from the page, masks or none."""

import warnings

import numpy as np
import pytest
from PIL import Image

from sparsevision.annotation import PointLabels, save_annotations
from sparsevision.datasets import CamouflageDataset, ImageFolderDataset
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.transforms import (
    LoadImage,
    LoadMask,
    LoadPseudoMask,
    LoadSparseLabels,
    PackImageInputs,
    Resize,
)
from sparsevision.utils import UserError

SIZES = {"hare.jpg": (20, 30), "moth.png": (33, 17), "owl.webp": (24, 24), "toad.JPEG": (8, 40), "grey.png": (16, 16)}
TRAIN = [LoadImage(), LoadSparseLabels(num_classes=2), Resize(size=(12, 12)), PackImageInputs()]
TEST = [LoadImage(), LoadMask(), Resize(size=(12, 12)), PackImageInputs()]


@pytest.fixture
def own(tmp_path):
    """Photographs and what the page leaves beside them: an annotation each, accepted masks in a folder inside."""
    (tmp_path / "Imgs").mkdir()
    for name, size in SIZES.items():
        pixels = np.full(size if name.startswith("grey") else (*size, 3), 90, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "Imgs" / name)
        stem = name.split(".")[0]
        point = PointLabels(xy=[[3, 4], [7, 6]], labels=[1, 0], size=size, meta={"seconds": [1.5, 2.0]})
        save_annotations(tmp_path / "Annotations" / f"{stem}.json", {"points": point})
        write_png(tmp_path / "Annotations" / "masks" / f"{stem}.png", np.zeros(size, np.uint8))
    return tmp_path


def folder(own, **options):
    return ImageFolderDataset(images=str(own / "Imgs"), **options)


def test_training_on_what_the_page_wrote(own):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the folder masks/ disturbs nobody
        dataset = folder(own, sparse_dir=str(own / "Annotations"), pipeline=TRAIN)
        samples = [dataset[index] for index in range(len(dataset))]
    assert len(samples) == len(SIZES)
    for sample in samples:
        assert sample["inputs"]["image"].shape == (3, 12, 12)
        labels = sample["data_samples"].sparse_sem_seg.data
        assert {int(value) for value in labels.unique()} == {0, 1, 255}


def test_an_ordered_selection_is_a_file_list(own):
    (own / "chosen.txt").write_text("owl\nhare\n")
    dataset = folder(own, sparse_dir=str(own / "Annotations"), file_list=str(own / "chosen.txt"))
    assert [dataset.get_data_info(index)["sample_id"] for index in range(len(dataset))] == ["owl", "hare"]


def test_images_that_nobody_annotated_are_left_out(own):
    (own / "Annotations" / "owl.json").unlink()
    with pytest.warns(UserWarning, match=r"leaves out 1 images without a label \(owl\)"):
        assert len(folder(own, sparse_dir=str(own / "Annotations"))) == len(SIZES) - 1


def test_testing_without_masks(own):
    dataset = folder(own, test_mode=True, pipeline=TEST)
    samples = [dataset[index]["data_samples"] for index in range(len(dataset))]
    assert [sample.ori_shape for sample in samples] == [SIZES[name] for name in sorted(SIZES)]
    assert not any("gt_mask" in sample for sample in samples)


def test_some_masks_are_enough_where_they_are_optional(own):
    write_png(own / "GT" / "hare.png", np.zeros(SIZES["hare.jpg"], np.uint8))
    with pytest.warns(UserWarning, match="4 images without a label"):
        assert len(folder(own, masks_dir=str(own / "GT"))) == 1
    dataset = folder(own, masks_dir=str(own / "GT"), masks_optional=True, pipeline=TEST)
    assert sum("gt_mask" in dataset[index]["data_samples"] for index in range(len(dataset))) == 1


def test_sure_pixels_of_a_pseudo_label_are_sparse_labels(tmp_path):
    levels = np.array([[0, 76, 77], [178, 179, 255]], np.uint8)  # .298 .302 | .698 .702
    write_png(tmp_path / "a.png", levels)
    sample = {"img_path": "a.jpg", "pseudo_path": str(tmp_path / "a.png"), "ori_shape": (2, 3)}
    found = LoadPseudoMask(sure=(0.3, 0.7), ignore_index=9)(sample)
    assert found["sparse_sem_seg"].tolist() == [[0, 0, 9], [9, 1, 1]]
    assert "sparse_sem_seg" not in LoadPseudoMask()(sample)
    with pytest.raises(UserError, match="0 <= low < high <= 1"):
        LoadPseudoMask(sure=(0.7, 0.3))


def test_pseudo_labels_are_paired_by_stem(own):
    for stem in ("hare", "moth"):
        size = next(size for name, size in SIZES.items() if name.startswith(stem))
        write_png(own / "pseudo" / f"{stem}.png", np.full(size, 51, np.uint8))
    pipeline = [LoadImage(), LoadPseudoMask(), Resize(size=(12, 12)), PackImageInputs()]
    with pytest.warns(UserWarning, match="3 images without a label"):
        dataset = folder(own, pseudo_dir=str(own / "pseudo"), pipeline=pipeline)
    assert len(dataset) == 2
    assert dataset[0]["data_samples"].pseudo_mask.data.unique().tolist() == pytest.approx([0.2])
    (own / "Annotations" / "moth.json").unlink()
    with pytest.warns(UserWarning, match="leaves out"):
        both = folder(own, pseudo_dir=str(own / "pseudo"), sparse_dir=str(own / "Annotations"))
    assert [both.get_data_info(index)["sample_id"] for index in range(len(both))] == ["hare"]


def test_pseudo_labels_of_a_benchmark(own, make_files):
    root = make_files("TrainDataset/Imgs", ["a.jpg", "b.jpg"])
    make_files("TrainDataset/GT", ["a.png", "b.png"], mask=True)
    make_files("pseudo", ["a.png"], mask=True)
    with pytest.warns(UserWarning, match="1 images without a label"):
        dataset = CamouflageDataset(data_root=str(root), name="COD", split="train", pseudo_dir=str(root / "pseudo"))
    assert [dataset.get_data_info(index)["sample_id"] for index in range(len(dataset))] == ["a"]
    assert dataset.get_data_info(0)["pseudo_path"] == str(root / "pseudo" / "a.png")


def test_missing_pseudo_labels_are_said(own):
    with pytest.raises(UserError, match="pseudo_dir='nowhere' is not a folder"):
        folder(own, pseudo_dir="nowhere")
    with pytest.raises(UserError, match=r"hare\.jpg: the sample has no pseudo label.*pred_mask"):
        folder(own, pipeline=[LoadImage(), LoadPseudoMask()])[1]
