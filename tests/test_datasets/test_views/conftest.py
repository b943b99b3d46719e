"""The golden scene, written to disk as the release lays it out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from golden_views import golden_model, write_label

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.colmap import write_model

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "spin_nerf"


@pytest.fixture(scope="session")
def golden_scene() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "synthetic_scene.npz", allow_pickle=False) as arrays:
        return dict(arrays) | json.loads((GOLDEN / "synthetic_scene.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def golden_folder(golden_scene, tmp_path_factory) -> Path:
    """A scene of nine views with images, labels of all kinds, inpainted colours and disparities, and COLMAP's model."""
    root = tmp_path_factory.mktemp("golden") / "scene"
    small = root / "images_4"
    for index, image in enumerate(golden_scene["images_prepare"]):
        name = f"img_{index:02d}.png"
        write_png(root / "images" / name, image)
        write_png(small / name, image)
        write_png(small / "lama_images" / name, golden_scene["images_inpainted"][index])
        write_png(small / "depth" / f"img{index:03d}.png", golden_scene["disparity_png"][index])
        write_label(small / "label" / name, golden_scene["labels"][index], golden_scene["image_kinds"][index])
    np.save(root / "poses_bounds.npy", golden_scene["poses_bounds"])
    write_model(golden_model(golden_scene), root / "sparse" / "0")
    return root


@pytest.fixture
def scene_folder(golden_folder, tmp_path) -> Path:
    """A copy of the golden scene that a test may change."""
    return Path(shutil.copytree(golden_folder, tmp_path / "scene"))
