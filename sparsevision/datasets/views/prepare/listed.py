"""Scenes to and from nerfstudio's `transforms.json`, files and all."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.colmap import Camera, Image, Model, Points, find_model, read_model, write_model
from sparsevision.datasets.views.colmap.model import OPENGL_AXES, quaternion_of
from sparsevision.datasets.views.disparities import read_depths, read_disparities, write_disparities
from sparsevision.datasets.views.keypoints import count_key_points
from sparsevision.datasets.views.labels import OBJECT, UNKNOWN, read_labels, read_test_labels, write_masks
from sparsevision.datasets.views.layouts import guess_layout, load_scene
from sparsevision.datasets.views.pose_bounds import PoseBounds, write_pose_bounds
from sparsevision.datasets.views.prepare.report import SceneReport
from sparsevision.datasets.views.scene import Intrinsics, ViewScene
from sparsevision.datasets.views.transforms_json import FILE, load_transforms
from sparsevision.datasets.views.transforms_writer import original_poses, write_transforms
from sparsevision.utils import UserError

TOLERANCE = 1e-6
COLMAP_FOLDER = "colmap/sparse/0"  # where nerfstudio keeps it


@dataclass
class ListedScenes:
    """A scene, or a folder of scenes, to be written in the other form: with `transforms.json`, or as LLFF has it.

    Args:
        source: a scene with or without `transforms.json`, or the folder of several.
        factor: of the images; they must be there.
        layout: of scenes without `transforms.json`, see `load_scene`.
        depth: folder of disparities beside the images that become depth files of the list; None for none.
    """

    source: Path
    factor: float
    layout: str = "auto"
    depth: str | None = None
    settings: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = {
            "converter": "transforms_json",
            "factor": self.factor,
            "layout": self.layout,
            "depth": self.depth,
        }

    def folders(self, out: Path) -> dict[str, Path]:
        """Name of each scene and the folder that it is written in."""
        if _is_scene(self.source):
            return {self.source.resolve().name: out}
        scenes = sorted(path.name for path in self.source.iterdir() if path.is_dir() and _is_scene(path))
        if not scenes:
            raise UserError(
                f"{self.source}: holds no scene; expected {FILE}, poses_bounds.npy or a COLMAP model in it."
            )
        return {name: out / name for name in scenes}

    def prepare(self, key: str, folder: Path) -> SceneReport:
        """Write the scene in the other form, and load it again to see that its cameras are the same."""
        raw = self.source if _is_scene(self.source) else self.source / key
        listed = (raw / FILE).is_file()
        _check_images(raw, self.factor, listed=listed)
        scene = load_scene(raw, factor=self.factor, layout="nerfstudio" if listed else self.layout, preset="fixed")
        report = SceneReport(views=len(scene), test=scene.num_test)
        report.size = f"{scene.camera(0).width}x{scene.camera(0).height}"
        if listed:
            write_llff(scene, folder, report)
            again = load_scene(folder, factor=self.factor, layout="llff", preset="fixed")
        else:
            write_listed(scene, folder, report, depth=self.depth)
            again = load_transforms(folder)
        _check_same(scene, again)
        return report


def write_listed(scene: ViewScene, folder: Path, report: SceneReport, *, depth: str | None = None) -> None:
    """Write `transforms.json`, `images`, `masks` (0 at the object), `depths` and the COLMAP model into a folder."""
    files = _copy_images(scene, folder / "images")
    labels = _labels(scene, report)
    masks = [_write_keep_mask(folder, name, label) for name, label in zip(scene.image_names, labels, strict=True)]
    _copy_test_labels(scene, folder / "images" / "test_label", report)
    depths = _write_depths(scene, folder, depth) if depth else None
    if find_model(scene.root) is not None:
        model = read_model(scene.root)
        write_model(model, folder / COLMAP_FOLDER)
        report.points = count_key_points(scene, model)
    moved = replace(scene, image_files=files, depth_unit=1.0)  # the depths are written in units of the world
    write_transforms(moved, folder / FILE, mask_files=masks, depth_files=depths)


def write_llff(scene: ViewScene, folder: Path, report: SceneReport) -> None:
    """Write `poses_bounds.npy`, the images, `label`, `test_label`, sensor depths and a COLMAP model into a folder.

    The model is the scene's, or else one without points, since `poses_bounds.npy` has no room for the lens.
    """
    factor = scene.factor
    target = folder / ("images" if factor == 1 else f"images_{factor:g}")
    moved = replace(scene, image_files=_copy_images(scene, target))
    labels = _labels(scene, report)
    if (labels != UNKNOWN).any():
        write_masks(moved, labels, "label")
    _copy_test_labels(scene, target / "test_label", report)
    order = np.argsort(scene.image_names)
    if not np.array_equal(order, np.arange(len(scene))):
        report.notes.append(
            "test views are not the first by name, so that the files cannot tell them: all are for training"
        )
        report.test = 0
    elif scene.num_test and not (target / "test_label").is_dir():
        report.notes.append(
            f"without test labels nothing tells that {scene.num_test} views are for testing; give num_test"
        )
    if any(scene.depth_files):
        depths = read_depths(scene)
        known = np.divide(1, depths, out=np.zeros_like(depths), where=depths > 0)
        write_disparities(moved, known, "sensor_disparity")
    hwf = _large_hwf(scene)
    poses = np.concatenate((original_poses(scene), hwf[:, :, None]), axis=2)
    write_pose_bounds(folder / "poses_bounds.npy", PoseBounds(poses[order], scene.bounds[order] / scene.scale))
    model = read_model(scene.root) if find_model(scene.root) is not None else cameras_only(scene)
    write_model(model, folder / "sparse" / "0")
    report.points = count_key_points(scene, model)


def cameras_only(scene: ViewScene) -> Model:
    """A COLMAP model of the scene's cameras in its original world, without points; sizes are those of large images."""
    views = range(len(scene))
    lenses = [_colmap_camera(view + 1, _large(scene, view)) for view in views]
    images = {
        view + 1: _colmap_image(view + 1, scene.image_files[view].name, pose)
        for view, pose in zip(views, original_poses(scene), strict=True)
    }
    return Model({camera.id: camera for camera in lenses}, images, _no_points())


def _is_scene(folder: Path) -> bool:
    try:
        return bool(guess_layout(folder, 1))
    except UserError:
        return False


def _check_images(raw: Path, factor: float, *, listed: bool) -> None:
    """Nothing is written into the raw scene, smaller images neither."""
    if factor != 1 and not list(raw.glob(f"images_{factor:g}" if not listed else f"*_{factor:g}")):
        raise UserError(
            f"{raw}: has no images_{factor:g}; take a --factor whose images are there, or prepare the scene first "
            "(tools/dataset_converters/spin_nerf.py)."
        )


def _copy_images(scene: ViewScene, target: Path) -> tuple[Path, ...]:
    target.mkdir(parents=True)
    return tuple(Path(shutil.copyfile(path, target / path.name)) for path in scene.image_files)


def _labels(scene: ViewScene, report: SceneReport) -> np.ndarray:
    labels = read_labels(scene, required=False)
    report.labels = int((labels != UNKNOWN).all((1, 2)).sum())
    return labels


def _write_keep_mask(folder: Path, name: str, label: np.ndarray) -> Path | None:
    if (label == UNKNOWN).all():
        return None
    path = folder / "masks" / f"{name}.png"
    write_png(path, np.where(label == OBJECT, 0, 255).astype(np.uint8))
    return path


def _copy_test_labels(scene: ViewScene, target: Path, report: SceneReport) -> None:
    if scene.num_test and (scene.image_folder / "test_label").is_dir():
        labels = read_test_labels(scene)
        for view, label in zip(scene.test, labels, strict=True):
            write_png(target / f"{scene.image_names[view]}.png", label * np.uint8(255))
        report.test_labels = len(labels)


def _write_depths(scene: ViewScene, folder: Path, source: str) -> list[Path | None]:
    """Depth files in units of the original world from disparities; 0 where nothing is known."""
    disparities = np.nan_to_num(read_disparities(scene, source))
    depths = np.divide(1, disparities * scene.scale, out=np.zeros_like(disparities), where=disparities > 0)
    (folder / "depths").mkdir()
    files = [folder / "depths" / f"{name}.npy" for name in scene.image_names]
    for path, depth in zip(files, depths, strict=True):
        np.save(path, depth.astype(np.float32), allow_pickle=False)
    return files


def _large(scene: ViewScene, view: int) -> Intrinsics:
    camera = scene.camera(view)
    return camera.scaled(round(camera.height * scene.factor), round(camera.width * scene.factor))


def _large_hwf(scene: ViewScene) -> np.ndarray:
    cameras = [_large(scene, view) for view in range(len(scene))]
    return np.array([(camera.height, camera.width, camera.fx) for camera in cameras])


def _colmap_camera(number: int, camera: Intrinsics) -> Camera:
    lens = camera.distortion or (0.0,) * 4
    numbers = (camera.fx, camera.fy, camera.cx, camera.cy, *lens)
    return Camera(number, "OPENCV", camera.width, camera.height, numbers)


def _colmap_image(number: int, name: str, pose: np.ndarray) -> Image:
    rotation = (pose[:, :3] * OPENGL_AXES).T
    none = np.zeros((0, 2)), np.zeros(0, np.int64)
    return Image(number, name, number, quaternion_of(rotation), -rotation @ pose[:, 3], *none)


def _no_points() -> Points:
    whole = np.zeros(0, np.int64)
    return Points(whole, np.zeros((0, 3)), np.zeros((0, 3), np.uint8), np.zeros(0), whole, whole, whole)


def _check_same(scene: ViewScene, again: ViewScene) -> None:
    """The scene that was written has the cameras of the one that was read."""
    rows = [again.image_names.index(name) for name in scene.image_names]
    near = np.abs(again.poses[rows] - scene.poses).max(), np.abs(again.bounds[rows] - scene.bounds).max()
    if max(near) > TOLERANCE * scene.far:
        raise UserError(f"{scene.root}: its poses change by {near[0]:.2g}, its bounds by {near[1]:.2g} when written.")
