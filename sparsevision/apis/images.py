"""Photographs as people have them: a file, a folder, a glob, an array, or several of these."""

import glob
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose

from sparsevision.datasets.image_io import IMAGE_SUFFIXES, image_files, read_image
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

ImageLike = str | Path | np.ndarray


@dataclass(frozen=True)
class ImageSource:
    """An image that is yet to be read.

    Attributes:
        name: stem of the file, or "image_<k>" for the k-th array.
        source: the file, or uint8 RGB (H,W,3).
    """

    name: str
    source: Path | np.ndarray

    @property
    def path(self) -> Path | None:
        """The file, if it is one."""
        return self.source if isinstance(self.source, Path) else None

    def read(self, *, upright: bool = False) -> np.ndarray:
        """uint8 RGB (H,W,3); see `read_image`, which raises UserError for what is no image."""
        return self.source if self.path is None else read_image(self.path, upright=upright)


def image_sources(images: ImageLike | Iterable[ImageLike]) -> list[ImageSource]:
    """Every image, in order; the files of a folder or glob by name. Files are not read yet.

    Raises:
        UserError: an array that is no uint8 RGB image, a folder or glob without images.
    """
    return list(_sources(images))


def check_names(sources: Sequence[ImageSource]) -> None:
    """Raise UserError if two images have the same name, so that what is written for one would replace the other's."""
    name, count = Counter(source.name for source in sources).most_common(1)[0] if sources else ("", 0)
    if count > 1:
        raise UserError(
            f"{count} images are called '{name}' and would overwrite each other; give each its own out_dir."
        )


def image_pipeline(cfg: Config) -> Compose:
    """The config's test pipeline without the steps that read files: images are already in memory.

    Raises:
        UserError: the config has no test pipeline.
    """
    steps = cfg.get("test_dataloader", {}).get("dataset", {}).get("pipeline")
    if steps is None:
        raise UserError("the config has no test_dataloader with a pipeline, which says how images are prepared.")
    built = [TRANSFORMS.build(step) for step in steps]
    return Compose([step for step in built if not type(step).__name__.startswith("Load")])


def _sources(images: ImageLike | Iterable[ImageLike]) -> Iterator[ImageSource]:
    if isinstance(images, np.ndarray):
        yield ImageSource("image_0", _checked(images))
    elif isinstance(images, str | Path):
        for path in _files(Path(images)):
            yield ImageSource(path.stem, path)
    else:
        for index, image in enumerate(images):
            if isinstance(image, np.ndarray):
                yield ImageSource(f"image_{index}", _checked(image))
            else:
                yield from _sources(image)


def _files(path: Path) -> list[Path]:
    if path.is_file() or not (path.is_dir() or glob.has_magic(str(path))):
        return [path]
    if not path.is_dir():
        if not (found := sorted(Path(p) for p in glob.glob(str(path)))):
            raise UserError(f"{path}: no file matches; expected a path, or a pattern that some images match")
        return found
    if not (found := image_files(path)):
        raise UserError(f"{path}: no image in it; expected files that end with {', '.join(sorted(IMAGE_SUFFIXES))}")
    return found


def _checked(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise UserError(f"an image array must be uint8 RGB (H,W,3), got {image.dtype} {image.shape}")
    return image
