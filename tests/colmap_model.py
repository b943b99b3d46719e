"""A small COLMAP model with ids in any order."""

import numpy as np

from sparsevision.datasets.views.colmap import Camera, Image, Model, Points


def small_model() -> Model:
    """Two cameras, two images, three points."""
    rng = np.random.default_rng(0)
    cameras = {
        3: Camera(3, "OPENCV", 200, 100, (150.0, 151.0, 99.0, 51.0, 0.1, -0.01, 0.001, 0.002)),
        1: Camera(1, "SIMPLE_RADIAL", 200, 100, (150.0, 100.0, 50.0, 0.03)),
    }
    images = {
        9: Image(9, "b é.jpg", 1, rng.normal(size=4), rng.normal(size=3), rng.random((4, 2)), np.array([7, -1, 70, 2])),
        2: Image(2, "folder/a.jpg", 3, rng.normal(size=4), rng.normal(size=3), np.zeros((0, 2)), np.zeros(0, np.int64)),
    }
    points = Points(
        ids=np.array([2, 7, 70]),
        xyz=rng.normal(size=(3, 3)),
        rgb=np.array([[1, 2, 3], [4, 5, 6], [7, 8, 255]], np.uint8),
        errors=rng.random(3),
        track_images=np.array([9, 9, 2, 9]),
        track_places=np.array([3, 0, 5, 2]),
        track_lengths=np.array([1, 2, 1]),
    )
    return Model(cameras, images, points)
