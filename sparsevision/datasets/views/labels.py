"""Masks of the object in the views: read, widened, negated but for the reference view, and written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from mmengine.logging import print_log
from PIL import Image

from sparsevision.datasets.image_io import read_image, write_png
from sparsevision.datasets.views.files import find_by_name, list_images, whole_folder
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

Preset = Literal["published", "fixed"]
OBJECT, BACKGROUND, UNKNOWN = 1, 0, -1
DILATION_SIDE = 5
DILATIONS = 5
REFERENCE_FROM_END = 5
HALF = 128


def read_labels(
    scene: ViewScene, folder: str = "label", *, dilate: int = 0, preset: Preset = "fixed", required: bool = True
) -> np.ndarray:
    """The masks of all views, int8 (V, H, W): 1 object, 0 background, -1 in a whole view that has no label.

    A label file has the name of its image, the values {0, 1} or {0, 255}, in grey or colour (the first channel
    counts); one of another size is resized to the image's, each pixel the nearest. A file without any object is an
    empty mask. Scenes whose list names masks (`transforms.json`) are read from these when `folder` is not there.

    Args:
        scene: the scene.
        folder: beside the images.
        dilate: times that the masks are widened by two pixels, see `dilate_mask`; SPIn-NeRF takes 5.
        preset: what to do with odd files. "published": each file counts from half its largest value on, a damaged
            file is a view without a label, and when no view has one all are masked completely. "fixed": each is told.
        required: with "fixed", refuse a scene without any label; else all views are -1.

    Raises:
        UserError ("fixed"): no label is there, all are empty, one is damaged, coded in another way or, once widened,
            covers its whole view.
    """
    files = _label_files(scene, folder)
    labels = np.stack([_read_view(scene, view, path, preset) for view, path in enumerate(files)])
    if preset == "published":
        labels = np.abs(labels) if (labels == UNKNOWN).all() else labels
    elif required:
        _check_some(scene, labels, folder)
    labels = np.stack([dilate_mask(label, dilate) if dilate else label for label in labels])
    if preset == "fixed":
        _check_not_everything(scene, labels, folder, dilate)
    return labels


def read_test_labels(scene: ViewScene, folder: str = "test_label") -> np.ndarray:
    """Where the object would be in the test views, int8 (T, H, W), to measure there. See `read_labels` for files.

    Files are paired by the images' names; where not one is the same, in order with the test images, as the benchmark
    numbers them (`out_00001.png`, ...). Its files are of another height and are resized to the images'.

    Raises:
        UserError: there is no such folder, or another count of files than test views; or a file is damaged.
    """
    files = list_images(scene.image_folder / folder)
    names = [scene.image_names[view] for view in scene.test]
    own = {path.stem: path for path in files}
    if len(files) != len(names):
        raise UserError(f"{scene.image_folder / folder}: {len(files)} files for {len(names)} test views.")
    if set(own) == set(names):
        files = [own[name] for name in names]
    elif set(own) & set(scene.image_names):
        missing = next(name for name in names if name not in own)
        raise UserError(f"{scene.image_folder / folder}: has no file called '{missing}', the name of a test view.")
    shape = (len(files), *_size(scene, 0))
    labels = [_read_view(scene, view, path, "fixed") for view, path in zip(scene.test, files, strict=True)]
    return np.array(labels, dtype=np.int8).reshape(shape)


def dilate_mask(mask: np.ndarray, iterations: int = DILATIONS, *, side: int = DILATION_SIDE) -> np.ndarray:
    """Widen a mask (H, W) by a square of ones, so many times: 5 times 5x5 adds 10 pixels on each side.

    Takes bool or integers and gives the same type back; views that are -1 everywhere stay as they are.

    Raises:
        ValueError: `iterations` is negative, or `side` no odd number.
    """
    if iterations < 0 or side < 1 or side % 2 == 0:
        raise ValueError(f"expected 0 iterations or more of an odd side, got {iterations} of {side}.")
    if iterations == 0:
        return mask.copy()
    kernel = np.ones((side, side), np.uint8)
    wide = cv2.dilate((mask > 0).astype(np.uint8), kernel, iterations=iterations)
    return np.where(wide > 0, np.ones((), mask.dtype), mask)


def reference_view(scene: ViewScene, labels: np.ndarray, *, preset: Preset = "fixed", index: int | None = None) -> int:
    """The one view whose inpainted colours are believed.

    Args:
        scene: the scene.
        labels: (V, H, W) of `read_labels`.
        preset: "published" takes the fifth view from the end; "fixed" the training view nearest to the mean of the
            training cameras among those with an object in their mask.
        index: of a view, which decides.

    Raises:
        UserError: there is no such view, or no object in its mask.
    """
    if index is None and preset == "published":
        index = len(scene) - REFERENCE_FROM_END
    if index is None:
        index = _most_central(scene, labels)
    if not 0 <= index < len(scene):
        raise UserError(f"{scene.root}: there is no view {index} to take as reference; the scene has {len(scene)}.")
    if not (labels[index] == OBJECT).any():
        raise UserError(
            f"{scene.root}: the reference view {index} ('{scene.image_names[index]}') has no label, or an empty one. "
            "Label it, or choose another reference."
        )
    return index


def negate_others(labels: np.ndarray, reference: int) -> np.ndarray:
    """Object pixels of all views but the reference become -1 (int8, (V, H, W)): priors hold there, colours do not."""
    negated = -np.abs(labels)
    negated[reference] = labels[reference]
    return negated


def write_masks(scene: ViewScene, masks: np.ndarray, folder: str) -> Path:
    """Write masks (V, H, W), bool or as `read_labels` gives them, as grey PNGs {0, 255} of the images' names.

    A view that is -1 everywhere gets no file. The whole folder is replaced, or nothing.

    Raises:
        UserError: their number or size is not that of the views; or they cannot be written.
    """
    check_maps(scene, masks, "masks")
    target = scene.image_folder / folder
    with whole_folder(target) as new:
        for name, mask in zip(scene.image_names, masks, strict=True):
            if not (mask.dtype.kind == "i" and (mask == UNKNOWN).all()):
                write_png(new / f"{name}.png", np.where(mask > 0, 255, 0).astype(np.uint8))
    return target


def check_maps(scene: ViewScene, maps: np.ndarray, what: str) -> None:
    """Raise UserError when maps (V, H, W) do not fit the views."""
    expected = (len(scene), *_size(scene, 0))
    if maps.shape != expected:
        raise UserError(f"{scene.root}: {what} of shape {maps.shape}; the scene has views of {expected}.")


def find_labelled(place: Path, names: Sequence[str]) -> list[bool]:
    """Whether each of these images has a label file in the folder `place`."""
    return [find_by_name(place, name) is not None for name in names]


def read_label(path: Path, size: tuple[int, int], *, preset: Preset = "fixed") -> np.ndarray:
    """One label file as int8 {0, 1} of this (height, width), see `read_labels`."""
    levels = read_image(path)[:, :, 0]
    if levels.shape != size:
        levels = np.asarray(Image.fromarray(levels).resize(size[::-1], Image.Resampling.NEAREST))
    largest = int(levels.max())
    if preset == "fixed" and 1 < largest < HALF:
        raise UserError(
            f"{path}: its largest value is {largest}; expected a mask of 0 and 1, or of 0 and 255. Save it as one."
        )
    if preset == "published":
        return ((levels * 2.0 >= largest) & (levels > 0)).astype(np.int8)
    return (levels >= (HALF if largest > 1 else 1)).astype(np.int8)


def _read_view(scene: ViewScene, view: int, path: Path | None, preset: Preset) -> np.ndarray:
    size = _size(scene, view)
    if path is None:
        return np.full(size, UNKNOWN, np.int8)
    try:
        label = read_label(path, size, preset=preset)
    except UserError:
        if preset == "fixed":
            raise
        return np.full(size, UNKNOWN, np.int8)
    return 1 - label if path in scene.mask_files else label  # nerfstudio's masks are of what to keep


def _label_files(scene: ViewScene, folder: str) -> list[Path | None]:
    place = scene.image_folder / folder
    if folder == "label" and scene.mask_files and not place.is_dir():
        return list(scene.mask_files)
    files = [find_by_name(place, name) for name in scene.image_names]
    missing = [name for name, path in zip(scene.image_names, files, strict=True) if path is None]
    unlabelled = len(missing) - scene.num_test
    if place.is_dir() and unlabelled > 0 and len(missing) < len(scene):
        print_log(f"{place}: {len(missing)} of {len(scene)} views have no label, among them '{missing[-1]}'", "current")
    return files


def _size(scene: ViewScene, view: int) -> tuple[int, int]:
    camera = scene.camera(view)
    return camera.height, camera.width


def _most_central(scene: ViewScene, labels: np.ndarray) -> int:
    centres = scene.poses[:, :, 3]
    distances = np.linalg.norm(centres - centres[list(scene.train)].mean(0), axis=1)
    usable = [view for view in scene.train if (labels[view] == OBJECT).any()]
    if not usable:
        raise UserError(f"{scene.root}: no training view has an object in its mask, so that none can be the reference.")
    return min(usable, key=lambda view: distances[view])


def _check_some(scene: ViewScene, labels: np.ndarray, folder: str) -> None:
    place = scene.image_folder / folder
    if (labels == UNKNOWN).all():
        raise UserError(
            f"{place}: no view has a label; expected grey PNGs of 0 and 1 (or 255) with the names of the images, such "
            f"as {scene.image_names[-1]}.png."
        )
    if not (labels == OBJECT).any():
        raise UserError(
            f"{place}: all labels are empty, so there is nothing to remove. Expected 1 or 255 at the object."
        )


def _check_not_everything(scene: ViewScene, labels: np.ndarray, folder: str, dilate: int) -> None:
    covers = "covers, once widened," if dilate else "covers"
    for name, label in zip(scene.image_names, labels, strict=True):
        if (label == OBJECT).all():
            raise UserError(
                f"{scene.image_folder / folder}: the mask of '{name}' {covers} the whole view, and nothing of "
                "the background remains. Is it inverted? The object is 1 or 255."
            )
