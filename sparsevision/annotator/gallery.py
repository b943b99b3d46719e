"""The images that a page may show: a list made once, addressed by number, and nothing outside its folder."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sparsevision.datasets.image_folder import find_images
from sparsevision.datasets.image_io import image_size, read_image
from sparsevision.utils import UserError

BROWSER_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
BROWSER_MODES = ("RGB", "L")
EXIF_ORIENTATION = 0x0112
THUMBNAIL_SIDE = 96


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One image of the list.

    Args:
        path: its file.
        size: (height, width), None when the file cannot be read.
        error: why it cannot be read, "" otherwise.
    """

    path: Path
    size: tuple[int, int] | None
    error: str = ""

    @property
    def stem(self) -> str:
        """File name without suffix: what annotations and masks are called after."""
        return self.path.stem


class Gallery:
    """The images of a folder in name order, or one image. Links that lead out of the folder are left out.

    Args:
        source: an image file or a folder of images.

    Raises:
        UserError: no such file or folder, no image in it, or two images with one stem.
    """

    def __init__(self, source: str | os.PathLike) -> None:
        source = Path(source)
        if not source.exists():
            raise UserError(f"'{source}' does not exist; give an image or a folder of images.")
        self.is_folder = source.is_dir()
        folder = source if self.is_folder else source.parent
        self.folder = Path(os.path.abspath(folder))
        self._root = os.path.realpath(source if self.is_folder else Path(os.path.realpath(source)).parent)
        found, _ = find_images(source)
        paths = [Path(os.path.abspath(path)) for path in found.values()]
        self.left_out = [path.name for path in paths if not self._is_inside(path)]
        self.pictures = [_picture(path) for path in paths if self._is_inside(path)]
        if not self.pictures:
            raise UserError(f"'{source}' holds no image but links that lead out of it; copy the images themselves.")

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def video_size(self) -> tuple[int, int] | None:
        """(height, width) when the images can be the frames of one video: two or more, all of one size."""
        sizes = {picture.size for picture in self.pictures}
        return sizes.pop() if len(self) > 1 and len(sizes) == 1 else None

    def pixels(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3) as `read_image` gives it to training. Raises: UserError."""
        return read_image(self._checked(index))

    def image_bytes(self, index: int) -> tuple[bytes, str]:
        """What a browser shows for these pixels, and its media type.

        The file itself if a browser shows it pixel for pixel as `read_image` reads it; else those pixels as PNG.

        Raises:
            UserError: the file cannot be read, or is now a link that leads out of the folder.
        """
        path = self._checked(index)
        try:
            with Image.open(path) as image:
                plain = image.mode in BROWSER_MODES and "transparency" not in image.info
                upright = image.getexif().get(EXIF_ORIENTATION, 1) == 1
                if plain and upright and image.format in BROWSER_TYPES:
                    return path.read_bytes(), BROWSER_TYPES[image.format]
        except (OSError, ValueError, SyntaxError):
            pass  # read_image says what is wrong
        return _encoded(Image.fromarray(read_image(path)), "PNG"), "image/png"

    def thumbnail(self, index: int) -> tuple[bytes, str]:
        """A small JPEG and its media type. Raises: UserError."""
        small = Image.fromarray(self.pixels(index))
        small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        return _encoded(small, "JPEG"), "image/jpeg"

    def _checked(self, index: int) -> Path:
        path = self.pictures[index].path
        if not self._is_inside(path):
            raise UserError(f"{path.name}: is now a link that leads out of the folder; it is not shown.")
        return path

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)


def _picture(path: Path) -> Picture:
    try:
        return Picture(path=path, size=image_size(path))
    except UserError as error:
        return Picture(path=path, size=None, error=str(error).replace(str(path), path.name))


def _encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=kind)
    return stream.getvalue()
