"""Parts of the golden scene of SPIn-NeRF: its label files and its COLMAP model; points in a scene's frame."""

from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.colmap import Camera, Image, Model, Points, read_model
from sparsevision.datasets.views.scene import ViewScene


def write_label(path: Path, label: np.ndarray, kind: str) -> None:
    """Write a label (H, W) as one of the kinds of file that the release may hold."""
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


def scene_points(scene: ViewScene, model: Model | None = None) -> np.ndarray:
    """COLMAP's points in the scene's frame, (P, 3)."""
    model = read_model(scene.root) if model is None else model
    return model.points.xyz @ scene.world_to_scene[:, :3].T + scene.world_to_scene[:, 3]
