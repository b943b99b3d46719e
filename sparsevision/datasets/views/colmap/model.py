"""What a COLMAP model holds. Image ids and point ids may be in any order and have gaps: nothing here counts on them."""

from dataclasses import dataclass

import numpy as np

from sparsevision.datasets.views.scene import Intrinsics
from sparsevision.utils import UserError

# name: (id in .bin, number of parameters, where fx, fy, cx, cy, k1, k2, p1, p2 stand among them; None is 0)
LENSES: dict[str, tuple[int, int, tuple[int | None, ...]]] = {
    "SIMPLE_PINHOLE": (0, 3, (0, 0, 1, 2, None, None, None, None)),
    "PINHOLE": (1, 4, (0, 1, 2, 3, None, None, None, None)),
    "SIMPLE_RADIAL": (2, 4, (0, 0, 1, 2, 3, None, None, None)),
    "RADIAL": (3, 5, (0, 0, 1, 2, 3, 4, None, None)),
    "OPENCV": (4, 8, (0, 1, 2, 3, 4, 5, 6, 7)),
}
OPENGL_AXES = np.array((1.0, -1.0, -1.0))  # COLMAP's camera looks along +z with y down


@dataclass(frozen=True)
class Camera:
    """A camera of COLMAP. `params` in the order of its lens model `lens`, in pixels; pixel centres are at 0.5."""

    id: int
    lens: str
    width: int
    height: int
    params: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.lens not in LENSES:
            raise UserError(
                f"camera {self.id}: the lens model '{self.lens}' is not known; expected {', '.join(LENSES)}. "
                "Run COLMAP again with one of them, or undistort the images with it."
            )
        expected = LENSES[self.lens][1]
        if len(self.params) != expected:
            raise UserError(f"camera {self.id}: {self.lens} has {expected} parameters, here are {len(self.params)}.")

    @property
    def intrinsics(self) -> Intrinsics:
        """The same camera as `Intrinsics`, of the size that COLMAP saw."""
        places = LENSES[self.lens][2]
        fx, fy, cx, cy, *lens = (0.0 if place is None else self.params[place] for place in places)
        distortion = tuple(lens) if any(lens) else ()
        return Intrinsics(height=self.height, width=self.width, fx=fx, fy=fy, cx=cx, cy=cy, distortion=distortion)


@dataclass(frozen=True)
class Image:
    """A posed photograph.

    Attributes:
        id: any number.
        name: its file name as COLMAP was given it, folders included.
        camera_id: of its camera.
        quaternion, translation: world to camera, (w, x, y, z) and (3,), axes right, down, forward.
        xy: (K, 2) key points in pixels of the camera.
        point_ids: (K,) the point that each key point shows; -1 for none.
    """

    id: int
    name: str
    camera_id: int
    quaternion: np.ndarray
    translation: np.ndarray
    xy: np.ndarray
    point_ids: np.ndarray

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3) world to camera."""
        w, x, y, z = self.quaternion / np.linalg.norm(self.quaternion)
        return np.array(
            (
                (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
                (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
                (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
            )
        )

    @property
    def pose(self) -> np.ndarray:
        """(3, 4) camera to world with OpenGL axes: right, up, back, centre; in COLMAP's world."""
        to_world = self.rotation.T
        centre = -to_world @ self.translation
        return np.concatenate((to_world * OPENGL_AXES, centre[:, None]), axis=1)

    def depths(self, xyz: np.ndarray) -> np.ndarray:
        """z (K,) of points xyz (K, 3) in front of this camera, in units of COLMAP's world."""
        return xyz @ self.rotation[2] + self.translation[2]


@dataclass(frozen=True)
class Points:
    """The P points of a model.

    Attributes:
        ids: (P,) int64, ascending.
        xyz: (P, 3) in COLMAP's world.
        rgb: (P, 3) uint8.
        errors: (P,) mean reprojection error in pixels.
        track_images, track_places: flat arrays of the image id and the key point's place in that image of each
            observation, point after point.
        track_lengths: (P,) observations of each point.
    """

    ids: np.ndarray
    xyz: np.ndarray
    rgb: np.ndarray
    errors: np.ndarray
    track_images: np.ndarray
    track_places: np.ndarray
    track_lengths: np.ndarray

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """The places in these arrays of points with these ids; -1 where there is no such point."""
        if not len(self.ids):
            return np.full(len(ids), -1)
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[rows] == ids, rows, -1)


@dataclass(frozen=True)
class Model:
    """Cameras and images by their ids, and the points."""

    cameras: dict[int, Camera]
    images: dict[int, Image]
    points: Points

    def by_name(self) -> list[Image]:
        """The images in the order of their names."""
        return sorted(self.images.values(), key=lambda image: image.name)


def quaternion_of(rotation: np.ndarray) -> np.ndarray:
    """The unit quaternion (w, x, y, z), w >= 0, of a rotation (3,3).

    It is the eigenvector of the largest eigenvalue of a symmetric matrix made of the rotation (Bar-Itzhack 2000), which
    needs no case for small w.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    vector = np.linalg.eigh(matrix)[1][:, -1]
    return vector if vector[0] >= 0 else -vector
