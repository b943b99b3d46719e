"""Inpainted views that another program made, read from a folder by name."""

from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import IMAGE_SUFFIXES, read_image
from sparsevision.datasets.views.files import load_npy
from sparsevision.methods.spin_nerf.inpaint.base import Inpainter
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean

FULL = 255


@MODELS.register_module()
class PrecomputedInpainter(Inpainter):
    """Looks the result up by the view's name; only masked pixels are taken from it.

    Args:
        folder: holds `<name>.png` (or another image format). For disparities `<name>.npy` float32 comes first; an image
            holds disparities times 255 in its first channel.
        dilation: see `Inpainter`.

    Raises:
        UserError: no such folder; when called: no name, no file for it, or a file of another size.
    """

    def __init__(self, folder: str | Path, *, dilation: int = 0) -> None:
        super().__init__(dilation=dilation)
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise UserError(
                f"{folder}: no such folder of inpainted views; make them first or choose another inpainter."
            )

    def fill_colours(self, image: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        return self._sized(read_image(self._file(name, IMAGE_SUFFIXES)), image, name)

    def fill_disparities(self, disparity: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        file = self._file(name, (".npy", *IMAGE_SUFFIXES))
        stored = _load_array(file) if file.suffix == ".npy" else read_image(file)[..., 0] / np.float32(FULL)
        return self._sized(stored, disparity, name)

    def _file(self, name: str, suffixes: tuple[str, ...]) -> Path:
        if not name:
            raise UserError("PrecomputedInpainter looks views up by name; pass name=...")
        found = [file for suffix in suffixes if (file := self.folder / f"{name}{suffix}").is_file()]
        if found:
            return found[0]
        others = sorted(file.stem for file in self.folder.iterdir() if file.suffix in suffixes)
        raise UserError(
            f"{self.folder}: no inpainted view '{name}' ({', '.join(suffixes)}).{did_you_mean(name, others)} "
            f"The folder holds {len(others)} of these files; each view needs one of its own name."
        )

    def _sized(self, stored: np.ndarray, like: np.ndarray, name: str) -> np.ndarray:
        if stored.shape == like.shape:
            return stored
        raise UserError(
            f"{self.folder}: the inpainted view '{name}' is {stored.shape}, the view is {like.shape}; "
            "inpaint the images of this size."
        )


def _load_array(file: Path) -> np.ndarray:
    stored = load_npy(file)
    if not np.issubdtype(stored.dtype, np.floating) or not np.isfinite(stored).all():
        raise UserError(f"{file}: expected finite float disparities, got {stored.dtype}.")
    return stored.astype(np.float32)
