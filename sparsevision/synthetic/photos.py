"""Photographs that scikit-image and scikit-learn carry, with reference masks drawn by hand as polygons for the demo.

The outlines follow the object by eye to about three pixels: good for a picture and a rough score, not for a benchmark.
"""

from pathlib import Path

import cv2
import numpy as np

from sparsevision.datasets.image_io import write_png
from sparsevision.utils import require

OUTLINES = {
    "chelsea": [
        (0, 128), (20, 122), (38, 115), (33, 90), (31, 70), (34, 45), (40, 20), (44, 0), (400, 0), (392, 12), (375, 40),
        (358, 72), (355, 95), (362, 115), (360, 145), (352, 165), (335, 195), (318, 220), (312, 245), (300, 262),
        (290, 275), (292, 285), (280, 299), (0, 299),
    ],
    "coffee": [
        (174, 105), (178, 80), (190, 55), (215, 35), (250, 22), (285, 18), (325, 22), (360, 35), (385, 55), (402, 85),
        (408, 110), (400, 150), (390, 185), (375, 215), (355, 235), (340, 240), (322, 245), (325, 260), (310, 275),
        (285, 284), (258, 282), (235, 300), (215, 307), (197, 292), (196, 265), (205, 248), (215, 235), (200, 222),
        (185, 190), (176, 155),
    ],
    "rocket": [
        (322, 127), (316, 133), (311, 145), (311, 175), (313, 185), (313, 240), (311, 300), (311, 350), (313, 406),
        (331, 406), (331, 300), (331, 180), (334, 176), (334, 145), (328, 132),
    ],
    "flower": [
        (315, 85), (295, 92), (270, 96), (245, 100), (225, 113), (207, 120), (203, 135), (188, 143), (190, 168),
        (177, 172), (178, 195), (169, 205), (172, 235), (171, 255), (180, 278), (190, 298), (202, 318), (220, 332),
        (240, 348), (265, 352), (295, 360), (325, 358), (355, 350), (385, 335), (405, 325), (412, 308), (425, 290),
        (430, 272), (440, 245), (445, 215), (440, 190), (430, 165), (428, 140), (412, 130), (405, 118), (388, 112),
        (380, 100), (355, 93), (335, 91),
    ],
}  # fmt: skip


def load_photo(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A photograph and its reference mask: uint8 RGB (H,W,3), bool (H,W). `name` is a key of OUTLINES."""
    image = _read(name)
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(OUTLINES[name], np.int32)], 1)
    return image, mask.astype(bool)


def _read(name: str) -> np.ndarray:
    why = "The demo's photographs"
    if name == "flower":
        return require("sklearn.datasets", extra="demo", why=why).load_sample_image("flower.jpg")
    return getattr(require("skimage.data", extra="demo", why=why), name)()


def write_photos(root: str | Path) -> list[str]:
    """Write `root/Imgs/*.png` and `root/GT/*.png` (0/255), the common camouflage layout; returns the stems."""
    root = Path(root)
    for name in OUTLINES:
        image, mask = load_photo(name)
        write_png(root / "Imgs" / f"{name}.png", image)
        write_png(root / "GT" / f"{name}.png", mask.astype(np.uint8) * 255)
    return sorted(OUTLINES)
