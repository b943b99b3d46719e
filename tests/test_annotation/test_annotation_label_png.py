"""S-COD and P-COD label files: codes 0, 1, 2 on disk, class ids and an ignore index in memory."""

import cv2
import numpy as np
import pytest

from sparsevision.annotation import (
    AnnotationError,
    PointLabels,
    points_from_label_map,
    read_label_png,
    write_label_png,
)

LABELS = np.array([[1, 0, 255], [255, 255, 1]])


@pytest.mark.parametrize("ignore_index", [255, -1, 7])
def test_round_trip_and_codes(tmp_path, ignore_index):
    path = tmp_path / "folder" / "a.png"
    labels = np.where(LABELS == 255, ignore_index, LABELS)
    write_label_png(path, labels, ignore_index=ignore_index)
    assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), [[1, 2, 0], [0, 0, 1]])
    assert np.array_equal(read_label_png(path, ignore_index=ignore_index), labels)


def test_points_as_squares_and_back(tmp_path):
    points = PointLabels(xy=[[8, 8], [30, 20]], labels=[1, 0], size=(32, 40))
    write_label_png(tmp_path / "a.png", points.densify(255, side=11), ignore_index=255)
    labels = read_label_png(tmp_path / "a.png", ignore_index=255)
    assert (labels == 1).sum() == (labels == 0).sum() == 121
    assert np.array_equal(points_from_label_map(labels, ignore_index=255).densify(255), labels)


def test_grey_stored_as_colour_is_read(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((3, 4, 3), 2, np.uint8))
    assert (read_label_png(tmp_path / "a.png", ignore_index=255) == 0).all()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((3, 4), 255, np.uint8), r"a.png: holds \[255\]; expected 0 unlabelled.*dense mask"),
        (np.arange(36, dtype=np.uint8).reshape(3, 4, 3), "a.png: a colour image"),
    ],
)
def test_other_images_are_refused(tmp_path, image, message):
    cv2.imwrite(str(tmp_path / "a.png"), image)
    with pytest.raises(AnnotationError, match=message):
        read_label_png(tmp_path / "a.png", ignore_index=255)


def test_broken_files_and_wrong_calls(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    with pytest.raises(AnnotationError, match="not an image that can be read"):
        read_label_png(path, ignore_index=255)
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (2**30).to_bytes(4, "big") * 2)
    with pytest.raises(AnnotationError, match="1073741824 x 1073741824 pixels, too large"):
        read_label_png(path, ignore_index=255)
    with pytest.raises(AnnotationError, match="no such file"):
        read_label_png(tmp_path / "b.png", ignore_index=255)
    with pytest.raises(AnnotationError, match="ignore_index=1"):
        read_label_png(path, ignore_index=1)
    with pytest.raises(AnnotationError, match=r"holds \[3\]"):
        write_label_png(path, np.array([[3, 0]]), ignore_index=255)
    with pytest.raises(AnnotationError, match="label_map"):
        write_label_png(path, np.array([[0.5]]), ignore_index=255)
