"""Transforms: what they load, what they refuse, and that labels stay where they belong."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sparsevision.annotation import PointLabels, Scribbles, save_annotations
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.sparse_labels import read_sparse_labels
from sparsevision.datasets.transforms import (
    ColourJitter,
    LoadImage,
    LoadMask,
    LoadPseudoMask,
    LoadSparseLabels,
    PackImageInputs,
    RandomCrop,
    RandomFlip,
    Resize,
)
from sparsevision.datasets.transforms.colour import jitter
from sparsevision.datasets.transforms.geometry import (
    PIXEL_KEYS,
    resize_codes_truncated,
    resize_image,
    resize_labels,
    resize_sparse_labels,
)
from sparsevision.utils import UserError

IGNORE = 255


@pytest.fixture
def sample(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    mask = np.zeros((12, 16), np.uint8)
    mask[2:6, 3:9] = 255
    write_png(tmp_path / "mask.png", mask)
    codes = np.zeros((12, 16), np.uint8)
    codes[3, 4], codes[9, 12] = 1, 2
    write_png(tmp_path / "sparse.png", codes)
    write_png(tmp_path / "pseudo.png", rng.integers(0, 256, (12, 16), dtype=np.uint8))
    return {
        "img_path": str(tmp_path / "a.png"),
        "mask_path": str(tmp_path / "mask.png"),
        "sparse_path": str(tmp_path / "sparse.png"),
        "pseudo_path": str(tmp_path / "pseudo.png"),
        "sample_id": "a",
        "dataset": "toy",
    }


def load(sample):
    return LoadPseudoMask()(LoadSparseLabels(ignore_index=IGNORE)(LoadMask()(LoadImage()(sample))))


def test_load(sample):
    results = load(sample)
    assert results["img"].shape == (12, 16, 3)
    assert results["ori_shape"] == results["img_shape"] == (12, 16)
    assert results["gt_mask"].sum() == results["gt_sem_seg"].sum() == 24
    sparse = results["sparse_sem_seg"]
    assert (sparse[3, 4], sparse[9, 12]) == (1, 0)
    assert (sparse != IGNORE).sum() == 2


def test_class_maps_are_taken_as_they_are(sample, tmp_path):
    write_png(tmp_path / "mask.png", np.full((12, 16), 7, np.uint8))
    results = LoadMask(threshold=None)(LoadImage()(sample))
    assert (results["gt_sem_seg"] == 7).all()
    assert "gt_mask" not in results


def test_ids_of_sixteen_bits_stay_and_colours_are_no_class_map(sample, tmp_path):
    Image.fromarray(np.full((12, 16), 300, np.uint16)).save(tmp_path / "mask.png")
    loaded = LoadMask(threshold=None)(LoadImage()(sample))
    assert (loaded["gt_sem_seg"] == 300).all()
    smaller = Resize(size=(6, 8), resize_truth=True)(loaded)
    assert np.array_equal(smaller["gt_sem_seg"], np.full((6, 8), 300))
    Image.new("RGB", (16, 12), (128, 64, 128)).save(tmp_path / "mask.png")
    with pytest.raises(UserError, match="mode RGB is no map of class ids"):
        LoadMask(threshold=None)(LoadImage()(sample))


def test_annotation_json_gives_the_same_map(sample, tmp_path):
    points = PointLabels(xy=np.array([[4, 3], [12, 9]]), labels=np.array([1, 0]), size=(12, 16))
    save_annotations(tmp_path / "sparse.json", points)
    by_json = LoadSparseLabels()(LoadImage()({**sample, "sparse_path": str(tmp_path / "sparse.json")}))
    assert np.array_equal(by_json["sparse_sem_seg"], load(sample)["sparse_sem_seg"])


@pytest.mark.parametrize("key", ["mask_path", "sparse_path", "pseudo_path"])
def test_label_of_another_size_names_both(sample, key, tmp_path):
    write_png(tmp_path / "other.png", np.zeros((16, 12), np.uint8))
    with pytest.raises(UserError, match=r"other\.png: 12x16 pixels.*a\.png has 16x12"):
        load({**sample, key: str(tmp_path / "other.png")})


def test_no_sparse_label(sample):
    with pytest.raises(UserError, match="no sparse label"):
        LoadSparseLabels()(LoadImage()({**sample, "sparse_path": None}))


def test_no_mask_is_fine(sample):
    assert "gt_mask" not in LoadMask()(LoadImage()({**sample, "mask_path": None}))


def test_png_with_other_codes(sample, tmp_path):
    write_png(tmp_path / "sparse.png", np.full((12, 16), 255, np.uint8))
    with pytest.raises(UserError, match=r"sparse\.png: holds \[255\]"):
        load(sample)


def test_json_that_holds_no_labels_of_one_image(sample, tmp_path):
    save_annotations(tmp_path / "sparse.json", [PointLabels(indices=[1], labels=[1], size=(5,))])
    with pytest.raises(UserError, match=r"items\[0\]: labels of a cloud \(size \(5,\)\); expected the labels"):
        read_sparse_labels(tmp_path / "sparse.json", ignore_index=IGNORE)


def test_resize_keeps_the_truth_native(sample):
    results = Resize(size=(6, 8))(load(sample))
    assert results["img"].shape == (6, 8, 3)
    for key in ("sparse_sem_seg", "box_sem_seg", "pseudo_mask"):
        assert results[key].shape == (6, 8)
    assert results["gt_mask"].shape == results["gt_sem_seg"].shape == results["ori_shape"] == (12, 16)
    assert results["img_shape"] == (6, 8)
    dense = Resize(size=(6, 8), resize_truth=True)(load(sample))
    assert dense["gt_sem_seg"].shape == (6, 8)
    assert dense["gt_mask"].shape == (12, 16)


def test_resize_rejects_a_bad_size():
    with pytest.raises(UserError, match=r"\(height, width\)"):
        Resize(size=(0, 8))


def test_one_pixel_image():
    assert resize_image(np.full((1, 1, 3), 9, np.uint8), (4, 5)).tolist() == np.full((4, 5, 3), 9).tolist()


@given(st.data())
def test_resizing_loses_no_class_and_invents_none(data):
    height, width, new_height, new_width = (data.draw(st.integers(1, 24)) for _ in range(4))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    labels = np.full((height, width), IGNORE)
    labels.flat[rng.integers(0, labels.size, 3)] = rng.integers(0, 3, 3)
    resized = resize_sparse_labels(labels, (new_height, new_width), ignore_index=IGNORE)
    for row, column in zip(*np.nonzero(resized != IGNORE), strict=True):
        rows = slice(row * height // new_height, -(-(row + 1) * height // new_height))
        columns = slice(column * width // new_width, -(-(column + 1) * width // new_width))
        assert resized[row, column] in labels[rows, columns]
    for row, column in zip(*np.nonzero(labels != IGNORE), strict=True):
        if new_height <= height and new_width <= width:
            assert resized[row * new_height // height, column * new_width // width] != IGNORE


def test_nearest_takes_pixel_centres():
    assert resize_labels(np.arange(4)[None], (1, 2)).tolist() == [[1, 3]]
    assert resize_labels(np.arange(2)[None], (1, 4)).tolist() == [[0, 0, 1, 1]]


def test_flip_moves_everything_together(sample):
    results = load(sample)
    flipped = RandomFlip(prob=1.0)(results)
    for key in PIXEL_KEYS:
        assert np.array_equal(flipped[key], results[key][:, ::-1])
    assert flipped["flip"] is True
    assert RandomFlip(prob=0.0)(results)["flip"] is False


def test_crop_cuts_everything_alike(sample):
    results = load(sample)
    rows, columns = np.indices((12, 16))
    results["gt_sem_seg"] = rows * 16 + columns
    np.random.seed(1)  # noqa: NPY002
    cropped = RandomCrop(share=(0.5, 0.8))(results)
    height, width = cropped["img_shape"]
    assert 6 <= height <= 10
    assert 8 <= width <= 13
    top, left = divmod(int(cropped["gt_sem_seg"][0, 0]), 16)
    for key in PIXEL_KEYS:
        assert np.array_equal(cropped[key], results[key][top : top + height, left : left + width])
    assert RandomCrop(share=(1.0, 1.0))(results)["img_shape"] == (12, 16)
    with pytest.raises(UserError, match="RandomCrop: share"):
        RandomCrop(share=(0.8, 0.5))


def test_jitter_by_hand():
    image = np.array([[[100, 50, 0], [200, 150, 100]]], np.uint8)
    assert np.array_equal(jitter(image, 1, 1, 1), image)
    assert jitter(image, 0.5, 1, 1).tolist() == [[[50, 25, 0], [100, 75, 50]]]
    assert jitter(image, 1, 0, 1).tolist() == [[[100, 100, 100], [100, 100, 100]]]
    assert jitter(image, 1, 1, 0).tolist() == [[[50, 50, 50], [150, 150, 150]]]


def test_jitter_follows_the_global_generator(sample):
    results = LoadImage()(sample)
    np.random.seed(3)  # noqa: NPY002
    first = ColourJitter()(results)["img"]
    np.random.seed(3)  # noqa: NPY002
    assert np.array_equal(ColourJitter()(results)["img"], first)
    assert not np.array_equal(first, results["img"])


def test_pack(sample):
    packed = PackImageInputs()(Resize(size=(6, 8))(load(sample)))
    image, data_sample = packed["inputs"]["image"], packed["data_samples"]
    assert image.shape == (3, 6, 8)
    assert image.dtype == torch.uint8
    for key, kind in (
        ("sparse_sem_seg", torch.int64),
        ("box_sem_seg", torch.int64),
        ("pseudo_mask", torch.float32),
    ):
        assert data_sample.get(key).data.shape == (1, 6, 8)
        assert data_sample.get(key).data.dtype == kind
    assert data_sample.gt_mask.data.shape == (1, 12, 16)
    assert data_sample.gt_mask.data.dtype == torch.bool
    assert data_sample.ori_shape == (12, 16)
    assert data_sample.sample_id == "a"


def test_soft_labels_shrink_by_their_mean_and_stay_probabilities(sample):
    results = load(sample)
    resized = Resize(size=(6, 8))(results)["pseudo_mask"]
    expected = results["pseudo_mask"].reshape(6, 2, 8, 2).mean((1, 3))
    assert np.allclose(resized, expected, atol=1e-6)
    enlarged = Resize(size=(31, 37))(results)["pseudo_mask"]
    assert enlarged.dtype == np.float32
    assert 0 <= enlarged.min() <= enlarged.max() <= 1


def test_dense_supervision_takes_the_truth_along(sample):
    pipeline = [LoadImage(), LoadMask(), Resize(size=(6, 8), resize_truth=True), PackImageInputs()]
    for transform in pipeline:
        sample = transform(sample)
    assert sample["data_samples"].gt_sem_seg.data.shape == (1, 6, 8)
    assert "sparse_sem_seg" not in sample["data_samples"]


def test_background_does_not_creep_into_a_box():
    boxes = np.zeros((9, 9), np.int64)
    boxes[1:7, 1:7] = 1
    labels = np.where(boxes == 0, 0, IGNORE)
    labels[4, 4] = 0  # a background click inside the box is kept
    resized = resize_sparse_labels(labels, (4, 4), ignore_index=IGNORE, regions=boxes)
    inside = resize_labels(boxes, (4, 4)) == 1
    assert (resized[~inside] == 0).all()
    assert (resized[inside] == 0).sum() == 1
    assert (resize_sparse_labels(labels, (4, 4), ignore_index=IGNORE)[inside] == 0).sum() > 1


@pytest.fixture(scope="module")
def strokes():
    """A foreground and a background stroke, seven pixels wide, on an image of 300 x 400."""
    labels = np.full((300, 400), IGNORE)
    for label, shift in ((1, 0), (0, 120)):
        line = [[40, 20 + shift], [150, 60 + shift], [260, 110 + shift], [330, 70 + shift]]
        drawn = Scribbles(polylines=[line], labels=[label], widths=7, size=labels.shape).densify(IGNORE)
        labels[drawn != IGNORE] = label
    return labels


def truncated_slowly(labels, size):
    """Bilinear interpolation of the file's codes at pixel centres, pixel by pixel, then truncation."""
    codes = np.select([labels == 1, labels == 0], [1.0, 2.0], 0.0)
    result = np.full(size, IGNORE)
    for row, column in np.ndindex(*size):
        y, x = (
            np.clip((at + 0.5) * old / new - 0.5, 0, old - 1)
            for at, old, new in zip((row, column), labels.shape, size, strict=True)
        )
        top, left = int(y), int(x)
        rows, columns = [top, min(top + 1, len(codes) - 1)], [left, min(left + 1, codes.shape[1] - 1)]
        value = np.array([1 - (y - top), y - top]) @ codes[np.ix_(rows, columns)] @ np.array([1 - (x - left), x - left])
        if value != 0:
            result[row, column] = 0 if value == 2 else int(value)
    return result


def test_the_published_resizing_turns_a_fifth_of_the_labels_over(strokes):
    for label in (0, 1):
        only = np.where(strokes == label, label, IGNORE)
        wrong = Resize(size=(320, 320), sparse_interpolation="bilinear_truncated")._sparse(only, None)
        right = Resize(size=(320, 320))._sparse(only, None)
        assert 0.15 < (wrong[wrong != IGNORE] != label).mean() < 0.4
        assert (right[right != IGNORE] == label).all()


@pytest.mark.parametrize("size", [(7, 9), (20, 31), (24, 32)])
def test_the_published_resizing_against_the_plain_formula(size):
    labels = np.random.default_rng(0).choice([0, 1, IGNORE], (12, 16), p=[0.2, 0.2, 0.6])
    fast = resize_codes_truncated(labels, size, ignore_index=IGNORE)
    slow = truncated_slowly(labels, size)
    assert (fast == slow).mean() > 0.98  # float32 against float64 where a value is almost whole


def test_the_published_resizing_knows_two_classes_and_one_spelling():
    with pytest.raises(UserError, match="not class 2"):
        resize_codes_truncated(np.full((4, 4), 2), (2, 2), ignore_index=IGNORE)
    with pytest.raises(UserError, match="expected 'nearest' or 'bilinear_truncated'"):
        Resize(size=(4, 4), sparse_interpolation="bilinear")
