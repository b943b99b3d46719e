"""The photographs of a scene, and smaller copies of them."""

from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from PIL import Image

from sparsevision.datasets.image_io import image_size, read_image, write_png
from sparsevision.datasets.views.files import list_images, whole_folder
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError


def read_images(scene: ViewScene, folder: str | None = None) -> np.ndarray:
    """The views' colours, uint8 (V, H, W, 3).

    Args:
        scene: the scene.
        folder: beside the images, with a file of the same name for each view ("lama_images"); None: the images.

    Raises:
        UserError: a file is missing, damaged, or of another size than its camera.
    """
    files = scene.image_files if folder is None else _same_names(scene, folder)
    images = [read_image(path) for path in files]
    for view, (path, image) in enumerate(zip(files, images, strict=True)):
        camera = scene.camera(view)
        if image.shape[:2] != (camera.height, camera.width):
            size = f"{image.shape[1]}x{image.shape[0]}"
            raise UserError(f"{path}: is {size}, but its camera {camera.width}x{camera.height}.")
    if len({image.shape for image in images}) > 1:
        raise UserError(f"{scene.root}: the images are of several sizes; resize them to one.")
    return np.stack(images)


def folder_of_factor(root: Path, factor: float, *, images: str = "images") -> Path:
    """`<images>_<factor>`, or `<images>` for factor 1; made from the large images where it is missing.

    Raises:
        UserError: the factor is no number of 1 or more; or there are no images to make it from.
    """
    if not (np.isfinite(factor) and factor >= 1):
        raise UserError(f"factor {factor}: expected 1 (the images as they are) or a larger number.")
    if factor == 1:
        return root / images
    folder = root / f"{images}_{factor:g}"
    if not folder.is_dir():
        shrink_images(root / images, folder, factor=factor)
    return folder


def shrink_images(source: Path, target: Path, *, factor: float) -> None:
    """Write a PNG `factor` times smaller (Lanczos, size rounded) of each image: the whole folder or nothing.

    Pixels are taken as stored: an EXIF orientation is not applied, as COLMAP does not apply it.
    """
    files = list_images(source)
    print_log(f"{target}: is not there; {len(files)} images are made {factor:g} times smaller", logger="current")
    with whole_folder(target) as folder:
        for path in files:
            write_png(folder / f"{path.stem}.png", shrink(read_image(path), factor))


def shrink(image: np.ndarray, factor: float) -> np.ndarray:
    """An image (H, W, 3) uint8 that is `factor` times smaller."""
    height, width = (max(1, int(size / factor + 0.5)) for size in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def common_size(files: list[Path]) -> tuple[int, int]:
    """(height, width) of all files, from their headers.

    Raises:
        UserError: they are of several sizes.
    """
    sizes = {path: image_size(path) for path in files}
    first = sizes[files[0]]
    for path, size in sizes.items():
        if size != first:
            raise UserError(
                f"{path}: is {size[1]}x{size[0]}, but {files[0].name} {first[1]}x{first[0]}; all images of a folder "
                "must be of one size. Was the camera turned for one of them?"
            )
    return first


def _same_names(scene: ViewScene, folder: str) -> list[Path]:
    there = {path.stem: path for path in list_images(scene.image_folder / folder)}
    missing = [name for name in scene.image_names if name not in there]
    if missing:
        raise UserError(
            f"{scene.image_folder / folder}: has no image called '{missing[0]}' ({len(missing)} of {len(scene)} are "
            "missing); expected one of the same name for each view."
        )
    return [there[name] for name in scene.image_names]
