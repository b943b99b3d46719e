"""Four photographs of scikit-image with reference masks, drawn by hand as polygons for this demo.

The outlines follow the object by eye to about three pixels: good for a picture and a rough score, not for a benchmark.
"""

from pathlib import Path

import cv2
import numpy as np

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
    "astronaut": [
        (236, 16), (205, 22), (185, 38), (160, 55), (154, 70), (156, 95), (165, 112), (180, 130), (183, 148),
        (160, 150),
        (135, 160), (122, 180), (114, 188), (116, 205), (100, 220), (75, 240), (58, 260), (45, 285), (40, 310),
        (28, 340), (20, 385), (25, 430), (30, 470), (35, 511), (278, 511), (278, 460), (290, 415), (310, 385),
        (335, 360), (362, 348), (355, 310), (345, 270), (325, 245), (303, 233), (300, 215), (285, 190), (258, 175),
        (255, 150), (262, 135), (275, 130), (290, 115), (301, 85), (298, 65), (285, 40), (265, 22),
    ],
}  # fmt: skip


def load_photo(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A photograph and its reference mask: uint8 RGB (H,W,3), bool (H,W). `name` is a key of OUTLINES."""
    data = require("skimage.data", extra="demo", why="The demo's photographs")
    image = getattr(data, name)()
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(OUTLINES[name], np.int32)], 1)
    return image, mask.astype(bool)


def write_photos(root: str | Path) -> list[str]:
    """Write `root/Imgs/*.png` and `root/GT/*.png` (0/255), the common camouflage layout; returns the stems."""
    root = Path(root)
    for folder in ("Imgs", "GT"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in OUTLINES:
        image, mask = load_photo(name)
        cv2.imwrite(str(root / "Imgs" / f"{name}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        cv2.imwrite(str(root / "GT" / f"{name}.png"), mask.astype(np.uint8) * 255)
    return sorted(OUTLINES)
