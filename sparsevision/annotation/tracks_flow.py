"""Dense optical flow from files: Middlebury .flo (one step each), .npy and .npz (whole videos)."""

import os
from pathlib import Path

import numpy as np

from sparsevision.annotation import checks, files, npz
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.tracks import flow_field
from sparsevision.utils.arrays import load_npy

FLOW_SUFFIXES = (".flo", ".npy", ".npz")
MAX_FLOW_BYTES = 2**32
_FLO_TAG = b"PIEH"  # the float 202021.25; Baker et al., "A database and evaluation methodology for optical flow", 2011


def read_flow(path: str | os.PathLike, *, max_bytes: int = MAX_FLOW_BYTES) -> np.ndarray:
    """Flow (T - 1, height, width, 2) as (dx, dy) from frame t to t + 1.

    Args:
        path: a .flo (one step); a .npy or .npz with one array of that shape, or of (height, width, 2) for one step; a
            folder of .flo files, one step each, in the order of their names.
        max_bytes: refuse larger files, and archives that unpack to more.

    Raises:
        AnnotationError: nothing pickled is read; anything wrong with the file, in one sentence with its name.
    """
    path = Path(path)
    if path.is_dir():
        return _read_steps(path, max_bytes)
    read = {".flo": _read_flo, ".npy": _read_npy, ".npz": _read_npz}.get(path.suffix.lower())
    if read is None:
        raise AnnotationError(f"{path}: flow is read from {', '.join(FLOW_SUFFIXES)} or a folder of .flo files.")
    data = files.read_bytes(path, max_bytes=max_bytes)
    try:
        array = read(data, max_bytes)
        return flow_field(array[None] if array.ndim == 3 else array)
    except AnnotationError as error:
        raise AnnotationError(f"{path}: {error}") from error


def _read_steps(folder: Path, max_bytes: int) -> np.ndarray:
    paths = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".flo")
    if not paths:
        raise AnnotationError(f"{folder}: holds no .flo file.")
    steps = [read_flow(path, max_bytes=max_bytes) for path in paths]
    for path, step in zip(paths, steps, strict=True):
        if step.shape != steps[0].shape:
            raise AnnotationError(
                f"{path}: {step.shape[2]} x {step.shape[1]} pixels, {paths[0].name} has {steps[0].shape[2]} x "
                f"{steps[0].shape[1]}; all steps of a video have one size."
            )
    return np.concatenate(steps)


def _read_flo(data: bytes, max_bytes: int) -> np.ndarray:
    if data[:4] != _FLO_TAG or len(data) < 12:
        raise AnnotationError("not a Middlebury .flo file (it does not begin with 'PIEH').")
    width, height = (int(side) for side in np.frombuffer(data, dtype="<i4", offset=4, count=2))
    for name, side in (("width", width), ("height", height)):
        checks.whole_number(side, field=name, low=1, high=checks.MAX_SIDE)
    if len(data) != 12 + 8 * width * height:
        raise AnnotationError(
            f"{len(data)} bytes, {12 + 8 * width * height} are expected for {width} x {height} pixels; is it cut off?"
        )
    return np.frombuffer(data, dtype="<f4", offset=12).reshape(height, width, 2)


def _read_npy(data: bytes, max_bytes: int) -> np.ndarray:
    try:
        return load_npy(data)
    except ValueError as error:
        raise AnnotationError(f"not a whole .npy file of plain numbers ({str(error)[:80]}).") from error


def _read_npz(data: bytes, max_bytes: int) -> np.ndarray:
    arrays = npz.unpack_arrays(data, max_bytes=max_bytes)
    if len(arrays) != 1:
        raise AnnotationError(f"expected one array, the flow, got {', '.join(sorted(arrays)[:5]) or 'none'}.")
    return next(iter(arrays.values()))
