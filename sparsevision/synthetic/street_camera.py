"""The camera that drives through the street: its lens, and the rectify map that undoes it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.street_render import Raster, View, render
from sparsevision.synthetic.street_scene import Street

BARREL = 0.06  # displacement in the corners, relative to their distance from the middle
TILT = 0.006  # radians by which the raw sensor is turned
SHIFT = (0.3, -0.2)  # pixels by which it is off, to the right and downwards


@dataclass(frozen=True)
class StreetCamera:
    """A sensor of height x width pixels behind a lens with mild distortion.

    Pictures are drawn rectified, twice as fine as the sensor and with a margin, and sampled where each raw pixel looks.

    Attributes:
        height, width: in pixels.
        margin: rectified pixels around the frame.
        distortion: 1 for the usual lens, 0 for a perfect one, whose rectify map changes nothing.
    """

    height: int
    width: int
    margin: int = 6
    distortion: float = 1.0

    @property
    def focal(self) -> float:
        """In pixels."""
        return 0.72 * self.width

    @property
    def centre(self) -> tuple[float, float]:
        """Principal point (column, row) of the rectified frame."""
        return (self.width - 1) / 2, 0.42 * self.height

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    def rectify_map(self) -> NDArray:
        """The rectified (x, y) of each raw pixel, float32 (H, W, 2); may lie outside the frame."""
        middle = np.array([(self.width - 1) / 2, (self.height - 1) / 2])
        y, x = np.mgrid[: self.height, : self.width]
        offset = np.stack([x, y], axis=2) - middle
        reach = (offset**2).sum(2, keepdims=True) / (middle**2).sum()
        cos, sin = np.cos(TILT * self.distortion), np.sin(TILT * self.distortion)
        bent = offset * (1 + BARREL * self.distortion * (reach - 0.5))
        turned = bent @ np.array([[cos, sin], [-sin, cos]])
        return (middle + turned + self.distortion * np.array(SHIFT)).astype(np.float32)

    def frame(self, street: Street, time: float) -> NDArray:
        """What the sensor sees at a time in seconds: brightness float32 (H, W) in [0, 1] by raw pixel."""
        fine = self._render(street, time, self._fine_raster())
        soft = cv2.GaussianBlur(fine.brightness, (3, 3), 0.8)
        places = (self.rectify_map() + np.float32(self.margin + 0.5)) * 2 - np.float32(0.5)
        return cv2.remap(soft, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def labelled(self, street: Street, time: float, *, rows: int) -> View:
        """The upper rows of the rectified view at a time: brightness, class and depth at each pixel's centre."""
        return self._render(street, time, Raster(rows, self.width))

    def _fine_raster(self) -> Raster:
        edge = -self.margin - 0.25
        return Raster(2 * (self.height + 2 * self.margin), 2 * (self.width + 2 * self.margin), edge, edge, 0.5)

    def _render(self, street: Street, time: float, raster: Raster) -> View:
        return render(
            street.surfaces,
            street.textures.atlas,
            street.sky,
            pose=street.drive.pose_at(time),
            time=time,
            focal=self.focal,
            centre=self.centre,
            raster=raster,
        )
