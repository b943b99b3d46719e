"""One field of optical flow from a file and back: Middlebury .flo, KITTI .png, .pfm (FlyingThings3D, Sceneflow)."""

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation.files import read_bytes, write_bytes
from sparsevision.annotation.tracks_flow import read_flow
from sparsevision.utils import UserError

FLOW_FILE_SUFFIXES = (".flo", ".png", ".pfm")
MAX_BYTES = 2**30
UNKNOWN = 1e9  # larger displacements of a .flo mean "not known"; Baker et al., 2011
KITTI_ZERO, KITTI_SCALE = 2.0**15, 64.0  # 16-bit levels of KITTI's PNG: zero motion, and levels a pixel
_PFM_HEADER = re.compile(rb"(P[Ff])\s+(\d{1,6})\s+(\d{1,6})\s+(-?[0-9.eE+-]+)\s")


def read_flow_file(path: str | Path) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Displacements (dx, dy) float32 (2,H,W) in pixels, and bool (H,W), where they are known (0 elsewhere).

    Raises:
        UserError: another suffix, no such file, or not a whole file of its kind; says what was expected.
    """
    path = Path(path)
    read = {".flo": _read_flo, ".png": _read_kitti, ".pfm": _read_pfm}.get(path.suffix.lower())
    if read is None:
        raise UserError(f"{path}: a field of flow is read from {', '.join(FLOW_FILE_SUFFIXES)}.")
    flow, known = read(path)
    known &= np.isfinite(flow).all(axis=2)
    return np.where(known[..., None], flow, 0).transpose(2, 0, 1).astype(np.float32), known


def write_flow_file(path: str | Path, flow: NDArray, known: NDArray | None = None) -> None:
    """Write displacements (2,H,W) in pixels in the kind that the suffix says; the file is whole or not there.

    KITTI's PNG rounds to 1/64 pixel and holds -512 to 511.98; a .pfm cannot say what is unknown, and gets NaN there.

    Args:
        path: ends with .flo, .png or .pfm.
        flow: finite where known.
        known: bool (H,W); None is everywhere.

    Raises:
        UserError: another suffix or shape, a displacement that the kind cannot hold, or the file cannot be written.
    """
    path, flow = Path(path), np.asarray(flow, np.float32)
    encode = {".flo": _flo_bytes, ".png": _kitti_bytes, ".pfm": _pfm_bytes}.get(path.suffix.lower())
    if encode is None:
        raise UserError(f"{path}: a field of flow is written as {', '.join(FLOW_FILE_SUFFIXES)}.")
    if flow.ndim != 3 or flow.shape[0] != 2 or flow.size == 0:
        raise UserError(f"{path}: expected flow of shape (2,H,W), got {flow.shape}.")
    known = np.ones(flow.shape[1:], bool) if known is None else np.asarray(known, bool)
    if known.shape != flow.shape[1:] or not np.isfinite(flow[:, known]).all():
        raise UserError(f"{path}: expected `known` of shape {flow.shape[1:]} and finite flow where it is true.")
    write_bytes(path, encode(path, flow.transpose(1, 2, 0), known))


def _read_flo(path: Path) -> tuple[NDArray, NDArray]:
    flow = read_flow(path, max_bytes=MAX_BYTES)[0]
    with np.errstate(invalid="ignore"):
        return flow, (np.abs(flow) < UNKNOWN).all(axis=2)


def _flo_bytes(path: Path, flow: NDArray, known: NDArray) -> bytes:
    size = np.array(flow.shape[1::-1], "<i4").tobytes()
    return b"PIEH" + size + np.where(known[..., None], flow, 10 * UNKNOWN).astype("<f4").tobytes()


def _read_kitti(path: Path) -> tuple[NDArray, NDArray]:
    image = cv2.imdecode(np.frombuffer(read_bytes(path, max_bytes=MAX_BYTES), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 3 or image.shape[2] != 3:
        found = "no image" if image is None else f"{image.dtype} of shape {image.shape}"
        raise UserError(f"{path}: expected KITTI's flow, a PNG of three 16-bit channels, got {found}.")
    known, dy, dx = np.moveaxis(image, 2, 0)  # OpenCV gives blue first
    return (np.stack([dx, dy], axis=2).astype(np.float32) - KITTI_ZERO) / KITTI_SCALE, known > 0


def _kitti_bytes(path: Path, flow: NDArray, known: NDArray) -> bytes:
    levels = np.rint(np.where(known[..., None], flow, 0) * KITTI_SCALE + KITTI_ZERO)
    if levels.min() < 0 or levels.max() > 2**16 - 1:
        raise UserError(f"{path}: KITTI's PNG holds displacements from -512 to 511.98 pixels; write a .flo instead.")
    image = np.dstack([known.astype(np.uint16), levels[..., ::-1].astype(np.uint16)])
    return cv2.imencode(".png", image)[1].tobytes()


def _read_pfm(path: Path) -> tuple[NDArray, NDArray]:
    data = read_bytes(path, max_bytes=MAX_BYTES)
    header = _PFM_HEADER.match(data)
    if header is None:
        raise UserError(f"{path}: not a PFM file (expected 'PF', width, height and scale at its beginning).")
    if header[1] == b"Pf":
        raise UserError(f"{path}: a PFM of one channel (disparity or depth); flow has three, of which two are read.")
    width, height = int(header[2]), int(header[3])
    values = data[header.end() :]
    if min(width, height) < 1 or len(values) != 12 * width * height:
        raise UserError(
            f"{path}: {len(values)} bytes of values, {12 * width * height} are expected for {width} x {height} pixels; "
            "is it cut off?"
        )
    try:
        little = float(header[4]) < 0
    except ValueError:
        raise UserError(f"{path}: the scale in its header, {header[4].decode()!r}, is no number.") from None
    rows = np.frombuffer(values, "<f4" if little else ">f4").reshape(height, width, 3)
    return rows[::-1, :, :2], np.ones((height, width), bool)


def _pfm_bytes(path: Path, flow: NDArray, known: NDArray) -> bytes:
    height, width = known.shape
    values = np.dstack([np.where(known[..., None], flow, np.nan), np.zeros((height, width, 1), np.float32)])
    return f"PF\n{width} {height}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes()
