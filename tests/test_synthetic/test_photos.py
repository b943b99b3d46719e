"""Photographs with outlines."""

import cv2
import numpy as np
import pytest

from sparsevision.synthetic.photos import OUTLINES, load_photo, write_photos

pytest.importorskip("skimage")
pytest.importorskip("sklearn")


@pytest.mark.parametrize("name", sorted(OUTLINES))
def test_an_outline_lies_inside_its_photograph(name):
    image, mask = load_photo(name)
    assert image.shape[:2] == mask.shape
    outline = np.array(OUTLINES[name])
    assert (outline >= 0).all()
    assert (outline < mask.shape[::-1]).all()
    assert 0.005 < mask.mean() < 0.8


def test_written_pairs_share_stem_and_size(tmp_path):
    assert write_photos(tmp_path) == sorted(OUTLINES)
    for name in OUTLINES:
        image, mask = (cv2.imread(str(tmp_path / folder / f"{name}.png")) for folder in ("Imgs", "GT"))
        assert image.shape == mask.shape
        assert set(mask.flatten()) == {0, 255}
