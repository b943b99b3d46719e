"""Tiny images and masks on disk, in any layout."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def make_files(tmp_path):
    """make_files("TestDataset/CAMO/Imgs", ["a.jpg"], value) writes small images under tmp_path; returns tmp_path."""

    def make(folder: str, names: list[str], *, mask: bool = False, size: tuple[int, int] = (6, 8)) -> Path:
        directory = tmp_path / folder
        directory.mkdir(parents=True, exist_ok=True)
        for name in names:
            array = np.zeros(size, np.uint8) if mask else np.full((*size, 3), 90, np.uint8)
            if mask:
                array[1:3, 2:5] = 255
            Image.fromarray(array).save(directory / name, format="PNG" if name.endswith("png") else None)
        return tmp_path

    return make
