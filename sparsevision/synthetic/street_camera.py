"""The camera that drives through the street: its lens, and the rectify map that undoes it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.street_render import Raster, View, render
from sparsevision.synthetic.street_scene import Street

LABEL_SHARE = 440 / 480  # DSEC-Semantic labels lack the lowest twelfth
BARREL = 0.06  # displacement in the corners, relative to their distance from the middle
TILT = 0.006  # radians by which the raw sensor is turned


@dataclass(frozen=True)
class StreetCamera:
    """A sensor of height x width pixels behind a lens with mild distortion.

    Pictures are drawn rectified, twice as fine as the sensor and with a margin, and sampled where each raw pixel looks.
    """

    height: int
    width: int
    margin: int = 6  # rectified pixels around the frame

    @property
    def focal(self) -> float:
        """In pixels."""
        return 0.72 * self.width

    @property
    def centre(self) -> tuple[float, float]:
        """Principal point (column, row) of the rectified frame."""
        return (self.width - 1) / 2, 0.42 * self.height

    @property
    def label_rows(self) -> int:
        """Height of the label maps: the upper part of the rectified frame."""
        return round(self.height * LABEL_SHARE)

    def rectify_map(self) -> NDArray:
        """The rectified (x, y) of each raw pixel, float32 (H, W, 2); may lie outside the frame."""
        middle = np.array([(self.width - 1) / 2, (self.height - 1) / 2])
        y, x = np.mgrid[: self.height, : self.width]
        offset = np.stack([x, y], axis=2) - middle
        reach = (offset**2).sum(2, keepdims=True) / (middle**2).sum()
        turn = np.array([[np.cos(TILT), np.sin(TILT)], [-np.sin(TILT), np.cos(TILT)]])
        return (middle + (offset * (1 + BARREL * (reach - 0.5))) @ turn + [0.3, -0.2]).astype(np.float32)

    def frame(self, street: Street, time: float) -> NDArray:
        """What the sensor sees at a time in seconds: brightness float32 (H, W) in [0, 1] by raw pixel."""
        fine = self._render(street, time, self._fine_raster())
        soft = cv2.GaussianBlur(fine.brightness, (3, 3), 0.8)
        places = (self.rectify_map() + np.float32(self.margin + 0.5)) * 2 - np.float32(0.5)
        return cv2.remap(soft, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def labelled(self, street: Street, time: float) -> View:
        """The rectified view at a time, cropped like the labels: brightness, class and depth at each pixel's centre."""
        return self._render(street, time, Raster(self.label_rows, self.width))

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
