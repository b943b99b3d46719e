"""Other sizes of clips that carry their flow."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError


@TRANSFORMS.register_module()
class ResizeClip(BaseTransform):
    """`video`, and what there is of `flow`, `visible`, `objects`, `starts`, `tracks` and `centres`, at another size.

    Frames and flow are means over areas where they shrink, and bilinear where they grow; displacements grow and shrink
    with the frames; `visible` and `objects` take the nearest pixel. The shape of the frames is not kept.

    Args:
        size: (height, width) in pixels.

    Raises:
        UserError: a size that is none.
    """

    def __init__(self, *, size: tuple[int, int]) -> None:
        if len(size) != 2 or min(size) < 1:
            raise UserError(f"ResizeClip: size={tuple(size)}; expected (height, width) in pixels.")
        self.size = tuple(size)

    def transform(self, results: dict) -> dict:
        """See the class."""
        scale = np.array(self.size[::-1]) / results["video"].shape[2:0:-1]
        smooth = cv2.INTER_AREA if (scale < 1).any() else cv2.INTER_LINEAR
        changed = {"video": self._each(results["video"], smooth)}
        if "flow" in results:
            fields = self._each(results["flow"].transpose(0, 2, 3, 1), smooth) * scale
            changed["flow"] = fields.transpose(0, 3, 1, 2).astype(np.float32)
        if "visible" in results:
            changed["visible"] = self._each(results["visible"].astype(np.uint8), cv2.INTER_NEAREST).astype(bool)
        if "objects" in results:
            changed["objects"] = self._each(results["objects"][None], cv2.INTER_NEAREST)[0]
        for name in ("starts", "tracks", "centres"):
            if name in results:
                changed[name] = ((results[name] + 0.5) * scale - 0.5).astype(np.float32)
        return results | changed

    def _each(self, frames: NDArray, how: int) -> NDArray:
        """frames (F,h,w) or (F,h,w,C) -> (F,H,W) or (F,H,W,C)."""
        return np.stack([cv2.resize(frame, self.size[::-1], interpolation=how) for frame in frames])
