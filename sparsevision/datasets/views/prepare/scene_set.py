"""Scenes in LLFF's layout (SPIn-NeRF's benchmark, MVSeg, LLFF, NVOS) prepared at one image size."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sparsevision.datasets.image_io import image_size
from sparsevision.datasets.views.colmap import Model, find_model, read_model, write_model
from sparsevision.datasets.views.files import list_images
from sparsevision.datasets.views.images import shrink_images
from sparsevision.datasets.views.keypoints import count_key_points
from sparsevision.datasets.views.labels import find_labelled, read_labels
from sparsevision.datasets.views.layouts import BENCHMARK_TEST_VIEWS, BENCHMARK_VIEWS
from sparsevision.datasets.views.llff import load_llff
from sparsevision.datasets.views.pairing import pair_cameras
from sparsevision.datasets.views.pose_bounds import pose_bounds_of_model, read_pose_bounds, write_pose_bounds
from sparsevision.datasets.views.prepare.mvseg import annotated_scenes
from sparsevision.datasets.views.prepare.nvos import annotation_keys, prepare_nvos, scene_of_key
from sparsevision.datasets.views.prepare.pictures import PictureFolders
from sparsevision.datasets.views.prepare.report import SceneReport
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

CLICKS = "clicks.json"
ANNOTATED = ("mvseg", "nvos")  # layouts whose masks lie apart from the scenes


@dataclass
class SceneSet:
    """Raw scenes of one layout.

    Args:
        source: a scene (`images`, `poses_bounds.npy` or `sparse/0`), or the folder of several.
        layout: "spin_nerf", "mvseg", "llff" or "nvos".
        factor: of the prepared images.
        annotations: of "mvseg" the folders of masks, called like the scenes, see `annotated_scenes`; of "nvos" its
            release (`scribbles`, `masks`, `reference_image`).
    """

    source: Path
    layout: str
    factor: float
    annotations: Path | None = None
    settings: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        if self.layout in ANNOTATED and self.annotations is None:
            raise UserError(f"--layout {self.layout} needs --annotations, the folder of its masks.")
        if self.annotations is not None and not self.annotations.is_dir():
            raise UserError(f"--annotations {self.annotations}: there is no such folder.")
        if not self.factor >= 1:
            raise UserError(f"--factor {self.factor}: expected 1 (the images as they are) or a larger number.")
        self.settings = {"layout": self.layout, "factor": self.factor}

    def folders(self, out: Path) -> dict[str, Path]:
        """Name of each scene and the folder that it is prepared in."""
        if self.layout == "nvos":
            return {key: out / key for key in annotation_keys(self.annotations or out)}
        if _is_scene(self.source):
            return {self.source.resolve().name: out}
        scenes = sorted(path.name for path in self.source.iterdir() if path.is_dir() and _is_scene(path))
        if not scenes:
            raise UserError(
                f"{self.source}: holds no scene; expected folders with images and poses_bounds.npy or sparse/0."
            )
        if self.layout == "mvseg" and self.annotations:
            scenes = list(annotated_scenes(self.annotations, scenes))
        return {name: out / name for name in scenes}

    def prepare(self, key: str, folder: Path) -> SceneReport:
        """Write images of the factor, poses, the COLMAP model and the masks, all under the images' names."""
        raw = self.source if _is_scene(self.source) else self.source / self._scene(key)
        report = SceneReport()
        images = _copy_images(raw, folder, self.factor, report)
        model = _copy_model(raw, folder, report)
        _copy_poses(raw, folder, model, [path.stem for path in list_images(images)], report)
        scene = replace(load_llff(folder, factor=self.factor, num_test=0), name=key)
        report.views, report.size = len(scene), f"{scene.camera(0).width}x{scene.camera(0).height}"
        pictures = PictureFolders(scene, _aliases(scene, raw, model), report)
        self._masks(key, raw, pictures)
        if model is not None:
            report.points = count_key_points(scene, model)
        if (raw / CLICKS).is_file() and not (folder / CLICKS).exists():
            shutil.copyfile(raw / CLICKS, folder / CLICKS)
        return report

    def _scene(self, key: str) -> str:
        return scene_of_key(key, self.source) if self.layout == "nvos" else key

    def _masks(self, key: str, raw: Path, pictures: PictureFolders) -> None:
        if self.layout == "nvos" and self.annotations:
            prepare_nvos(self.annotations, key, pictures)
            return
        small = raw / _images_name(self.factor)
        pictures.copy_known(small)
        if self.layout == "mvseg" and self.annotations:
            pictures.labels(annotated_scenes(self.annotations, [key])[key], "label_full")
        if self.layout == "spin_nerf":
            _check_split(small, pictures)
        if (pictures.scene.image_folder / "label").is_dir():
            read_labels(replace(pictures.scene, num_test=pictures.report.test))  # tells empty and inverted masks


def _is_scene(folder: Path) -> bool:
    has_images = any(path.is_dir() for path in folder.glob("images*"))
    return has_images and ((folder / "poses_bounds.npy").is_file() or find_model(folder) is not None)


def _images_name(factor: float) -> str:
    return "images" if factor == 1 else f"images_{factor:g}"


def _copy_images(raw: Path, folder: Path, factor: float, report: SceneReport) -> Path:
    """The images of the factor: copied where the raw scene has them, else made from the large ones."""
    target = folder / _images_name(factor)
    source = raw / target.name
    if not source.is_dir():
        shrink_images(raw / "images", target, factor=factor)
        report.notes.append(f"{target.name} was not there and is made from images")
        return target
    target.mkdir(parents=True)
    for path in list_images(source):
        image_size(path)
        shutil.copyfile(path, target / path.name)
    return target


def _copy_model(raw: Path, folder: Path, report: SceneReport) -> Model | None:
    if find_model(raw) is None:
        if (raw / "sparse").is_dir():
            report.notes.append(
                "sparse holds no whole COLMAP model (cameras, images, points3D); there are no key points"
            )
        return None
    model = read_model(raw)
    write_model(model, folder / "sparse" / "0")
    return model


def _copy_poses(raw: Path, folder: Path, model: Model | None, names: list[str], report: SceneReport) -> None:
    path = raw / "poses_bounds.npy"
    if path.is_file():
        read_pose_bounds(path)
        shutil.copyfile(path, folder / path.name)
    elif model is not None:
        write_pose_bounds(folder / path.name, pose_bounds_of_model(model, names))
        report.notes.append("poses_bounds.npy was not there and is made from the COLMAP model")
    else:
        raise UserError(f"{raw}: has neither poses_bounds.npy nor a COLMAP model.")
    if (raw / "colmap_depth.npy").is_file():
        report.notes.append("colmap_depth.npy is left out: it holds pickled Python objects; depths come from COLMAP")


def _aliases(scene: ViewScene, raw: Path, model: Model | None) -> dict[str, str]:
    """The names that files may have -> the view's: its own, that of its large image, COLMAP's, and LLFF's imageNNN."""
    aliases = {f"image{view:03d}": name for view, name in enumerate(scene.image_names)}
    if (raw / "images").is_dir():
        large = [path.stem for path in list_images(raw / "images")]
        aliases |= dict(zip(large, scene.image_names, strict=True)) if len(large) == len(scene) else {}
    if model is not None:
        images = zip(scene.image_names, pair_cameras(scene, model), strict=True)
        aliases |= {Path(image.name).stem: name for name, image in images if image is not None}
    return aliases | {name: name for name in scene.image_names}


def _check_split(small: Path, pictures: PictureFolders) -> None:
    """The first views are without the object, as many as there are test labels; all others have a label."""
    report, scene = pictures.report, pictures.scene
    labelled = find_labelled(scene.image_folder / "label", scene.image_names)
    if not (small / "test_label").is_dir():
        guess = BENCHMARK_TEST_VIEWS if len(scene) == BENCHMARK_VIEWS else None
        report.test = labelled.index(True) if any(labelled) else guess or 0
        report.notes.append(
            f"test_label is not there; the first {report.test} views are taken to be without the object"
        )
        return
    report.test = pictures.test_labels(small / "test_label")
    early = [name for name, there in zip(scene.image_names[: report.test], labelled, strict=False) if there]
    late = [name for name, there in list(zip(scene.image_names, labelled, strict=True))[report.test :] if not there]
    if early:
        report.notes.append(f"{len(early)} test views have a label of an object that is not there, such as {early[0]}")
    if late and any(labelled):
        report.notes.append(f"{len(late)} training views have no label, such as {late[0]}")
