"""One interface for 2-D inpainters: fill the masked pixels of a picture or of a disparity map, change no other."""

from abc import ABC, abstractmethod

import numpy as np

from sparsevision.datasets.views.labels import dilate_mask
from sparsevision.utils import UserError


class Inpainter(ABC):
    """Fills holes in single views (the priors of Mirzaei et al., 2023, Sec. 4.2).

    Args:
        dilation: how often the mask grows by a 5 x 5 square (two pixels to each side) first. The published pipeline
            grows the masks 5 times here; 0 leaves the mask as it is.
    """

    def __init__(self, *, dilation: int = 0) -> None:
        if dilation < 0:
            raise UserError(f"{type(self).__name__}: dilation={dilation}; expected 0 or more iterations.")
        self.dilation = dilation

    def __call__(self, image: np.ndarray, mask: np.ndarray, *, name: str = "") -> np.ndarray:
        """The image with other values where the (dilated) mask is set; a new array.

        Args:
            image: (H, W, 3) uint8 RGB, or (H, W) float32 disparities.
            mask: (H, W) bool, true = to be filled.
            name: of the view, for messages and for inpainters that look results up.

        Raises:
            UserError: another shape or type, disparities that are not finite, or a mask that leaves nothing to go by.
        """
        mask = self._checked_mask(image, mask, name)
        if not mask.any():
            return image.copy()
        if image.ndim == 3:
            filled = self.fill_colours(image, mask, name)
            return np.where(mask[..., None], filled, image)
        filled = self.fill_disparities(image, mask, name)
        return np.where(mask, filled, image).astype(np.float32)

    @abstractmethod
    def fill_colours(self, image: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        """(H, W, 3) uint8 whose masked pixels are the answer; the mask has at least one pixel on each side."""

    @abstractmethod
    def fill_disparities(self, disparity: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        """(H, W) float32 whose masked pixels are the answer."""

    def _checked_mask(self, image: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        view = f"view '{name}'" if name else "the image"
        colours = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
        if not colours and not (image.ndim == 2 and image.dtype == np.float32):
            raise UserError(
                f"{view}: inpainters take (H, W, 3) uint8 colours or (H, W) float32 disparities, got {image.shape} "
                f"{image.dtype}; convert it."
            )
        if mask.shape != image.shape[:2] or mask.dtype != bool:
            raise UserError(f"{view}: expected a mask {image.shape[:2]} bool, got {mask.shape} {mask.dtype}.")
        if not colours and not np.isfinite(image[~mask]).all():
            raise UserError(
                f"{view}: disparities outside the mask are not finite; replace them, e.g. by the nearest value."
            )
        mask = dilate_mask(mask, self.dilation)
        if mask.all():
            grown = f" after {self.dilation} dilations" if self.dilation else ""
            raise UserError(
                f"{view}: the mask covers every pixel{grown}, so there is nothing to fill it from; check the label."
            )
        return mask
