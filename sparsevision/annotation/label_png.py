"""Sparse labels of camouflage sets as PNG files: 0 unlabelled, 1 foreground, 2 background.

The codes of S-COD (scribbles; He et al., "Weakly-supervised camouflaged object detection with scribble annotations",
AAAI 2023) and of P-COD (points drawn as squares; Chen et al., ECCV 2024). In memory a label map holds 1 for foreground,
0 for background and the caller's ignore index where nothing is known.
"""

import os
from typing import Any

import cv2
import numpy as np

from sparsevision.annotation import checks, files, regions
from sparsevision.annotation.errors import AnnotationError

UNLABELLED, FOREGROUND, BACKGROUND = 0, 1, 2
_CODES = "0 unlabelled, 1 foreground, 2 background"


def read_label_png(path: str | os.PathLike, *, ignore_index: int) -> np.ndarray:
    """Label map int64 (height, width): 1 foreground, 0 background, `ignore_index` unlabelled.

    Raises:
        AnnotationError: not a readable image, more than one channel, or a code other than 0, 1, 2.
    """
    _check_ignore_index(ignore_index)
    codes = _decode(path)
    if codes.ndim == 3 and (codes[..., :3] == codes[..., :1]).all():
        codes = codes[..., 0]
    if codes.ndim != 2:
        raise AnnotationError(f"{path}: a colour image; expected {_CODES} in one channel.")
    strange = np.setdiff1d(codes, (UNLABELLED, FOREGROUND, BACKGROUND))
    if strange.size:
        raise AnnotationError(f"{path}: holds {strange[:5].tolist()}; expected {_CODES}. A dense mask, perhaps?")
    return np.select([codes == FOREGROUND, codes == BACKGROUND], [1, 0], ignore_index).astype(np.int64)


def write_label_png(path: str | os.PathLike, label_map: Any, *, ignore_index: int) -> None:
    """Write a label map (1 foreground, 0 background, `ignore_index` unlabelled) with the codes of S-COD, in one step.

    For annotations: `write_label_png(path, points.densify(255, side=11), ignore_index=255)`.
    """
    files.write_bytes(path, encode_label_png(label_map, ignore_index=ignore_index, source=path))


def encode_label_png(label_map: Any, *, ignore_index: int, source: str | os.PathLike) -> bytes:
    """What `write_label_png` writes. `source` is named in the error where the map (height, width) holds other classes.

    Raises:
        AnnotationError: the map holds a class other than 0 and 1.
    """
    _check_ignore_index(ignore_index)
    labels = regions.class_map(label_map, ignore_index, name="label_map")
    strange = np.setdiff1d(labels, (0, 1, ignore_index))
    if strange.size:
        raise AnnotationError(
            f"{source}: the label map holds {strange[:5].tolist()}; expected 0 background, 1 foreground and "
            f"{ignore_index} unlabelled."
        )
    codes = np.select([labels == 1, labels == 0], [FOREGROUND, BACKGROUND], UNLABELLED).astype(np.uint8)
    return cv2.imencode(".png", codes)[1].tobytes()


def _decode(path: str | os.PathLike) -> np.ndarray:
    data = files.read_bytes(path)
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    if data[12:16] == b"IHDR" and width * height > checks.MAX_PLACES:
        raise AnnotationError(f"{path}: an image of {width} x {height} pixels, too large for labels.")
    try:
        codes = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        codes = None
    if codes is None:
        raise AnnotationError(f"{path}: not an image that can be read, or cut off.")
    return codes


def _check_ignore_index(ignore_index: int) -> None:
    if ignore_index in (0, 1):
        raise AnnotationError(
            f"ignore_index={ignore_index} is background or foreground; choose another value, such as 255."
        )
