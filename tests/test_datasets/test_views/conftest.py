"""The golden scene, written to disk as the release lays it out."""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.colmap import Camera, Image, Model, Points, write_model

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "spin_nerf"


@pytest.fixture(scope="session")
def golden_scene() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "synthetic_scene.npz", allow_pickle=False) as arrays:
        return dict(arrays) | json.loads((GOLDEN / "synthetic_scene.json").read_text(encoding="utf-8"))


@pytest.fixture
def scene_folder(golden_scene, tmp_path) -> Path:
    """A scene of nine views with images, labels of all kinds, inpainted colours and disparities, and COLMAP's model."""
    root = tmp_path / "scene"
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


def write_label(path: Path, label: np.ndarray, kind: str) -> None:
    if kind == "double_size":
        label = label.repeat(2, axis=0).repeat(2, axis=1)
    if kind == "rgb":
        label = label[:, :, None].repeat(3, axis=2)
    if kind != "missing":
        write_png(path, label)


def golden_model(golden: dict, ids: list[int] | None = None) -> Model:
    """COLMAP's model of the golden scene; `ids` are those of the images, 1 to 9 by default."""
    count = len(golden["colmap_qvec"])
    ids = ids or list(range(1, count + 1))
    focal = golden["poses_bounds"][0, 14]
    images = {
        own: Image(
            own,
            f"img_{index:02d}.png",
            1,
            golden["colmap_qvec"][index],
            golden["colmap_tvec"][index].copy(),
            golden["colmap_image_xy"][index],
            golden["colmap_image_point_ids"][index],
        )
        for index, own in enumerate(ids)
    }
    tracks = [
        [(own, place) for own, image in images.items() for place in np.flatnonzero(image.point_ids == point)]
        for point in range(1, len(golden["colmap_points_xyz"]) + 1)
    ]
    flat = np.array([pair for track in tracks for pair in track]).reshape(-1, 2)
    points = Points(
        ids=np.arange(1, len(tracks) + 1),
        xyz=golden["colmap_points_xyz"],
        rgb=np.zeros((len(tracks), 3), np.uint8),
        errors=golden["colmap_points_error"],
        track_images=flat[:, 0],
        track_places=flat[:, 1],
        track_lengths=np.array([len(track) for track in tracks]),
    )
    camera = Camera(1, "SIMPLE_RADIAL", 224, 160, (float(focal), 112.0, 80.0, 0.02))
    return Model({1: camera}, dict(reversed(images.items())), points)
