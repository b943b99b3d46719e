"""Layouts are recognised, files paired by stem, and what does not fit is said."""

import warnings
from pathlib import Path

import pytest

from sparsevision.datasets import CamouflageDataset, ImageFolderDataset
from sparsevision.datasets.layouts import candidate_layouts, read_stems
from sparsevision.utils import UserError

STEMS = ["a", "b"]
TEST_FOLDERS = {
    "SINet": ("CAMO", "TestDataset/CAMO/Imgs", "TestDataset/CAMO/GT"),
    "ProMaC": ("COD10K", "COD/TestDataset/COD10K/Imgs", "COD/TestDataset/COD10K/GT"),
    "GenSAM": ("CHAMELEON", "CHAMELEON_TestingDataset/Image", "CHAMELEON_TestingDataset/GT"),
    "CRNet": ("CAMO", "CodDataset/test/CAMO/Image", "CodDataset/test/CAMO/GT"),
    "PCOD": ("NC4K", "test/HCK4/Imgs", "test/HCK4/GT"),
    "COD10K": ("COD10K", "COD10K-v3/Test/Image", "COD10K-v3/Test/GT_Object"),
    "COD10K inside": ("COD10K", "Image", "GT_Object"),
    "CAMO official": ("CAMO", "CAMO-V.1.0-CVIU2019/Images/Test", "CAMO-V.1.0-CVIU2019/GT"),
    "own folder": ("CHAMELEON", "CHAMELEON/imgs", "CHAMELEON/gt"),
    "bare": ("CHAMELEON", "Imgs", "GT"),
}


@pytest.mark.parametrize(("name", "images", "masks"), TEST_FOLDERS.values(), ids=TEST_FOLDERS)
def test_test_layouts(make_files, name, images, masks):
    prefix = "COD10K-CAM-" if name == "COD10K" else ""
    root = make_files(images, [f"{prefix}a.jpg", f"{prefix}b.JPG"])
    make_files(masks, [f"{prefix}a.png", f"{prefix}b.png"], mask=True)
    dataset = CamouflageDataset(data_root=str(root), name=name)
    assert [dataset.get_data_info(i)["sample_id"] for i in range(len(dataset))] == [f"{prefix}a", f"{prefix}b"]
    first = dataset.get_data_info(0)
    assert first["img_path"] == str(root / images / f"{prefix}a.jpg")
    assert first["mask_path"] == str(root / masks / f"{prefix}a.png")
    assert first["dataset"] == name


TRAIN_FOLDERS = {
    "WS-SAM": ("TrainDataset/Imgs", "TrainDataset/Scribble"),
    "CRNet": ("CodDataset/train/Image", "CodDataset/train/Scribble"),
    "PCOD": ("train/Imgs", "train/Label"),
    "SAM-COD": ("train/Imgs", "train/S_GT"),
}


@pytest.mark.parametrize(("images", "sparse"), TRAIN_FOLDERS.values(), ids=TRAIN_FOLDERS)
def test_train_layouts(make_files, images, sparse):
    root = make_files(images, ["a.jpg", "b.jpeg"])
    make_files(sparse, ["a.png", "b.png"], mask=True)
    dataset = CamouflageDataset(data_root=str(root), name="COD", split="train")
    assert [dataset.get_data_info(i)["sparse_path"] for i in range(2)] == [
        str(root / sparse / f"{s}.png") for s in STEMS
    ]
    assert dataset.get_data_info(0)["mask_path"] is None


def test_classes():
    assert CamouflageDataset.METAINFO["classes"] == ("background", "camouflaged object")


def test_official_cod10k_keeps_camouflaged_images_only(make_files):
    root = make_files("Test/Image", ["COD10K-CAM-1.jpg", "COD10K-NonCAM-2.jpg"])
    make_files("Test/GT_Object", ["COD10K-CAM-1.png", "COD10K-NonCAM-2.png"], mask=True)
    assert len(CamouflageDataset(data_root=str(root), name="COD10K")) == 1
    (root / "Info").mkdir()
    (root / "Info/CAM_test.txt").write_text("COD10K-NonCAM-2.jpg 1\n")
    dataset = CamouflageDataset(data_root=str(root), name="COD10K")
    assert dataset.get_data_info(0)["sample_id"] == "COD10K-NonCAM-2"


def test_official_camo_shares_its_masks_without_warning(make_files):
    root = make_files("Images/Test", ["a.jpg"])
    make_files("GT", ["a.png", "of_train.png"], mask=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(CamouflageDataset(data_root=str(root), name="CAMO")) == 1


def test_missing_root_says_how_to_prepare(tmp_path):
    with pytest.raises(UserError, match=r"data folder '.*nowhere' does not exist. See docs/prepare_data.md"):
        CamouflageDataset(data_root=str(tmp_path / "nowhere"), name="CAMO")
    with pytest.raises(UserError, match="Run make_it"):
        CamouflageDataset(data_root=str(tmp_path / "nowhere"), name="TinyCamo", prepare="Run make_it.")


def test_unknown_layout_lists_what_was_looked_for(tmp_path):
    with pytest.raises(UserError) as caught:
        CamouflageDataset(data_root=str(tmp_path), name="CAMO")
    for layout in candidate_layouts("CAMO", "test"):
        assert layout.images in str(caught.value)
    assert "docs/prepare_data.md" in str(caught.value)


def test_bad_split(tmp_path):
    with pytest.raises(UserError, match="expected 'train' or 'test'"):
        CamouflageDataset(data_root=str(tmp_path), name="CAMO", split="val")


def test_strays_are_named_in_one_warning(make_files):
    root = make_files("Imgs", ["a.jpg", "lonely.jpg"])
    make_files("GT", ["a.png", "widow.png"], mask=True)
    (root / "Imgs" / "Thumbs.db").touch()
    (root / "Imgs" / ".hidden").touch()
    with pytest.warns(UserWarning, match="leaves out") as caught:
        dataset = CamouflageDataset(data_root=str(root), name="CAMO")
    assert len(dataset) == 1
    (message,) = [str(warning.message) for warning in caught if "leaves out" in str(warning.message)]
    for name in ("Thumbs.db", "lonely", "widow"):
        assert name in message
    assert "hidden" not in message


def test_two_files_of_one_stem_are_an_error(make_files):
    root = make_files("Imgs", ["a.jpg", "a.png"])
    make_files("GT", ["a.png"], mask=True)
    with pytest.raises(UserError, match=r"both 'a.jpg' and 'a.png'"):
        CamouflageDataset(data_root=str(root), name="CAMO")


def test_nothing_paired(make_files):
    root = make_files("Imgs", ["a.jpg"])
    make_files("GT", ["z.png"], mask=True)
    with pytest.warns(UserWarning, match="leaves out"), pytest.raises(UserError, match="paired by file name"):
        CamouflageDataset(data_root=str(root), name="CAMO")


def test_file_list(make_files, tmp_path):
    root = make_files("Imgs", ["a.jpg", "b.jpg"])
    make_files("GT", ["a.png", "b.png"], mask=True)
    (tmp_path / "list.txt").write_text("CHAMELEON/Image/a\nCAMO/Image/b\n")
    dataset = CamouflageDataset(data_root=str(root), name="CAMO", file_list=str(tmp_path / "list.txt"))
    assert [dataset.get_data_info(i)["sample_id"] for i in range(len(dataset))] == ["b"]
    (tmp_path / "list.txt").write_text("a\nmissing_one\n")
    with pytest.raises(UserError, match="missing_one"):
        CamouflageDataset(data_root=str(root), name="CAMO", file_list=str(tmp_path / "list.txt"))
    with pytest.raises(UserError, match="does not exist"):
        CamouflageDataset(data_root=str(root), name="CAMO", file_list="no.txt")


def test_read_stems(tmp_path):
    (tmp_path / "list.txt").write_text("x/My.Photo.1.JPG 1\n\n  plain.stem \r\nplain.stem\n", encoding="utf-8-sig")
    assert read_stems(tmp_path / "list.txt") == ["My.Photo.1", "plain.stem"]


def test_sparse_dir_beside_the_images(make_files):
    root = make_files("TrainDataset/Imgs", ["a.jpg", "b.jpg"])
    make_files("TrainDataset/Point", ["a.png"], mask=True)
    make_files("TrainDataset/GT", ["a.png", "b.png"], mask=True)
    with pytest.warns(UserWarning, match="1 images without a label"):
        dataset = CamouflageDataset(data_root=str(root), name="COD", split="train", sparse_dir="Point")
    assert len(dataset) == 1
    assert dataset.get_data_info(0)["mask_path"].endswith("GT/a.png")
    with pytest.raises(UserError, match="No folder of sparse labels 'Scribble'"):
        CamouflageDataset(data_root=str(root), name="COD", split="train", sparse_dir="Scribble")


def test_pseudo_labels_beside_the_images(make_files):
    root = make_files("TrainDataset/Imgs", ["a.jpg", "b.jpg"])
    make_files("TrainDataset/Scribble", ["b.png"], mask=True)
    make_files("TrainDataset/Pseudo", ["a.png"], mask=True)
    with pytest.warns(UserWarning, match="1 images without a label"):
        dataset = CamouflageDataset(data_root=str(root), name="COD", split="train", pseudo_dir="Pseudo")
    assert [Path(dataset.get_data_info(0)[key] or "none").name for key in ("pseudo_path", "sparse_path")] == [
        "a.png",
        "none",
    ]
    with pytest.raises(UserError, match="No folder of pseudo labels 'Masks'"):
        CamouflageDataset(data_root=str(root), name="COD", split="train", pseudo_dir="Masks")


def test_stem_prefix_picks_one_set_of_the_mixed_train_split(make_files):
    root = make_files("TrainDataset/Imgs", ["camourflage_1.jpg", "COD10K-CAM-1.jpg"])
    make_files("TrainDataset/GT", ["camourflage_1.png", "COD10K-CAM-1.png"], mask=True)
    dataset = CamouflageDataset(data_root=str(root), name="CAMO", split="train", stem_prefix="camourflage")
    assert len(dataset) == 1


def test_own_images_without_labels(make_files):
    root = make_files("photos", ["a.jpg", "b.PNG".lower()])
    assert len(ImageFolderDataset(images=str(root / "photos"))) == 2
    assert len(ImageFolderDataset(images=str(root / "photos" / "*.jpg"))) == 1
    single = ImageFolderDataset(images=str(root / "photos" / "a.jpg"), classes=("sky", "bird"))
    assert single.get_data_info(0)["mask_path"] is None
    assert single.metainfo["classes"] == ("sky", "bird")


def test_own_images_that_are_not_there(make_files):
    root = make_files("photos", ["a.jpg"])
    (root / "empty").mkdir()
    with pytest.raises(UserError, match="holds no image"):
        ImageFolderDataset(images=str(root / "empty"))
    with pytest.raises(UserError, match="matches no image"):
        ImageFolderDataset(images=str(root / "*.jpg"))
    with pytest.raises(UserError, match="masks_dir='nope' is not a folder"):
        ImageFolderDataset(images=str(root / "photos"), masks_dir="nope")
