"""A posed scene in memory: cameras, names and files of its views. The pixels stay on disk, see `images`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sparsevision.datasets.views.poses import closest_to_mean
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class Intrinsics:
    """A pinhole camera with OpenCV's lens distortion, in pixels of an image of this size.

    Attributes:
        height, width: size of the image.
        fx, fy: focal lengths.
        cx, cy: principal point (x to the right, y down).
        distortion: k1, k2, p1, p2 of OpenCV; empty for a lens without distortion.
    """

    height: int
    width: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if self.height < 1 or self.width < 1 or not np.isfinite(numbers).all() or self.fx <= 0 or self.fy <= 0:
            raise UserError(
                f"{self}: no camera; expected a size of 1 or more, finite numbers and positive focal lengths."
            )
        if len(self.distortion) not in (0, 4):
            raise UserError(f"{self}: expected the four numbers k1, k2, p1, p2 of a lens, or none.")

    @classmethod
    def simple(cls, height: int, width: int, focal: float) -> "Intrinsics":
        """One focal length, the principal point in the middle, no distortion: what LLFF and SPIn-NeRF take."""
        return cls(height=height, width=width, fx=focal, fy=focal, cx=width / 2, cy=height / 2)

    def scaled(self, height: int, width: int) -> "Intrinsics":
        """The same camera for its image resized to this size. Distortion does not depend on the size."""
        x, y = width / self.width, height / self.height
        return replace(self, height=height, width=width, fx=self.fx * x, fy=self.fy * y, cx=self.cx * x, cy=self.cy * y)


@dataclass(frozen=True, kw_only=True)
class ViewScene:
    """V photographs of a scene with their cameras. World frame: OpenGL axes, scaled and recentred as LLFF does.

    Attributes:
        name: of the scene.
        root: its folder.
        image_names: stems of the V image files, sorted; labels, disparities and key points are paired by these names.
        image_files: the V files.
        poses: (V, 3, 4) float64 camera to world, columns right, up, back and the camera's centre.
        intrinsics: the one camera of all views, or one for each view. See `camera`.
        bounds: (V, 2) float64 nearest and farthest depth of each view.
        near, far: between which rays are sampled, as z of the camera.
        scale: what the lengths of the original world were multiplied with.
        world_to_scene: (3, 4) from the original world (of COLMAP or the pose file) to this one, scale included.
        factor: how many times smaller the images are than those that the cameras were found with.
        num_test: so many first views show the scene without the object and serve as test only; 0 where unknown.
        reference: index of the view closest to the mean pose.
        render_poses: (P, 3, 4) a path for videos.
        mask_files, depth_files: of each view where the scene's own list names them, see `transforms_json`.
        depth_unit: what one step of a depth file is in the original world.
    """

    name: str
    root: Path
    image_names: tuple[str, ...]
    image_files: tuple[Path, ...]
    poses: np.ndarray
    intrinsics: Intrinsics | tuple[Intrinsics, ...]
    bounds: np.ndarray
    near: float
    far: float
    scale: float
    world_to_scene: np.ndarray
    factor: float = 1.0
    num_test: int = 0
    reference: int = 0
    render_poses: np.ndarray
    mask_files: tuple[Path | None, ...] = ()
    depth_files: tuple[Path | None, ...] = ()
    depth_unit: float = 0.001

    def __post_init__(self) -> None:
        count = len(self.image_names)
        lengths = {"image_files": len(self.image_files), "poses": len(self.poses), "bounds": len(self.bounds)}
        if isinstance(self.intrinsics, tuple):
            lengths["intrinsics"] = len(self.intrinsics)
        wrong = [f"{length} {field}" for field, length in lengths.items() if length != count]
        if wrong or not count:
            raise UserError(f"{self.root}: {count} images but {', '.join(wrong) or 'none are needed'}.")
        if len(set(self.image_names)) != count:
            raise UserError(f"{self.root}: two images have the same name; labels and depths are paired by names.")
        if not 0 <= self.num_test < count:
            raise UserError(f"{self.root}: num_test {self.num_test}: expected 0 to {count - 1} of the {count} views.")

    def __len__(self) -> int:
        return len(self.image_names)

    def camera(self, view: int) -> Intrinsics:
        """The camera of a view."""
        return self.intrinsics[view] if isinstance(self.intrinsics, tuple) else self.intrinsics

    def only(self, views: Sequence[int]) -> "ViewScene":
        """The same scene with some of its views, none of which counts as test."""
        rows = list(views)
        return replace(
            self,
            image_names=tuple(self.image_names[view] for view in rows),
            image_files=tuple(self.image_files[view] for view in rows),
            poses=self.poses[rows],
            bounds=self.bounds[rows],
            intrinsics=tuple(map(self.camera, rows)) if isinstance(self.intrinsics, tuple) else self.intrinsics,
            mask_files=tuple(self.mask_files[view] for view in rows) if self.mask_files else (),
            depth_files=tuple(self.depth_files[view] for view in rows) if self.depth_files else (),
            num_test=0,
            reference=closest_to_mean(self.poses[rows]),
        )

    @property
    def image_folder(self) -> Path:
        """The folder of the images, in which `label`, `depth` and their like lie."""
        return self.image_files[0].parent

    @property
    def test(self) -> tuple[int, ...]:
        """Indices of the views without the object."""
        return tuple(range(self.num_test))

    @property
    def train(self) -> tuple[int, ...]:
        """Indices of the other views."""
        return tuple(range(self.num_test, len(self)))

    @property
    def hwf_poses(self) -> np.ndarray:
        """(V, 3, 5) as LLFF keeps them: the pose and a column of height, width, focal length."""
        cameras = [self.camera(view) for view in range(len(self))]
        hwf = np.array([(camera.height, camera.width, camera.fx) for camera in cameras], dtype=np.float64)
        return np.concatenate((self.poses, hwf[:, :, None]), axis=2)
