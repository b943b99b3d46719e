"""A world whose answers are known: a textured plane, an upright square of one colour before it, cameras in a row."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.datasets.views.scene import Intrinsics, ViewScene
from sparsevision.methods.spin_nerf.projection import unproject

SIZE = 60, 80
FOCAL = 80.0
PLANE, SQUARE = 5.0, 3.0  # distance of the plane and of the square from the cameras' line
HALF = 0.5  # of the square's side
CENTRES = (-0.8, -0.4, 0.0, 0.4, 0.8)
RED = (210, 30, 30)


@dataclass(frozen=True)
class BoxScene:
    """Everything about the V views: photographs, truth of the object, depths with and without it, cameras."""

    scene: ViewScene
    images: np.ndarray
    masks: np.ndarray
    depths: np.ndarray
    empty_images: np.ndarray
    empty_depths: np.ndarray
    hidden: np.ndarray  # (V, H, W) bool: masked pixels whose background no view sees


def box_scene(centres: tuple[float, ...] = CENTRES) -> BoxScene:
    """Cameras side by side, looking along -z."""
    count = len(centres)
    poses = np.tile(np.eye(3, 4), (count, 1, 1))
    poses[:, 0, 3] = centres
    camera = Intrinsics.simple(*SIZE, FOCAL)
    scene = ViewScene(
        name="box",
        root=Path("box"),
        image_names=tuple(f"view_{view}" for view in range(count)),
        image_files=tuple(Path(f"view_{view}.png") for view in range(count)),
        poses=poses,
        intrinsics=camera,
        bounds=np.tile([2.0, 6.0], (count, 1)),
        near=2.0,
        far=6.0,
        scale=1.0,
        world_to_scene=np.eye(3, 4),
        render_poses=poses,
    )
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    xy = np.stack([columns, rows], axis=-1).astype(np.float64)
    wall = np.stack([unproject(xy, np.full(SIZE, PLANE), pose, camera) for pose in poses])
    front = np.stack([unproject(xy, np.full(SIZE, SQUARE), pose, camera) for pose in poses])
    masks = (np.abs(front[..., :2]) <= HALF).all(axis=-1)
    empty = texture(wall[..., 0], wall[..., 1])
    return BoxScene(
        scene=scene,
        images=np.where(masks[..., None], np.array(RED, np.uint8), empty),
        masks=masks,
        depths=np.where(masks, SQUARE, PLANE),
        empty_images=empty,
        empty_depths=np.full((count, *SIZE), PLANE),
        hidden=masks & ~_seen_elsewhere(wall, centres),
    )


def texture(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(...) places on the plane -> (..., 3) uint8, slow waves."""
    waves = np.stack([np.sin(2 * x), np.cos(1.5 * y + x), np.sin(x + 2 * y)], axis=-1)
    return np.rint(80 + 40 * waves + np.array([0, 60, 90])).clip(0, 255).astype(np.uint8)


def _seen_elsewhere(wall: np.ndarray, centres: tuple[float, ...]) -> np.ndarray:
    """(V, H, W): is this point of the plane in the picture of another camera, and not behind the square there?"""
    seen = np.zeros(wall.shape[:3], bool)
    for centre in centres:
        to_square = SQUARE / PLANE
        x = centre + (wall[..., 0] - centre) * to_square
        y = wall[..., 1] * to_square
        behind = (np.abs(x) <= HALF) & (np.abs(y) <= HALF)
        column = SIZE[1] / 2 + FOCAL * (wall[..., 0] - centre) / PLANE
        row = SIZE[0] / 2 - FOCAL * wall[..., 1] / PLANE
        inside = (column >= 0) & (column <= SIZE[1] - 1) & (row >= 0) & (row <= SIZE[0] - 1)
        seen |= inside & ~behind
    return seen
