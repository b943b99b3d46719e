"""A prepared set of point clouds: a folder of arrays for each scene, whatever data set it came from.

    <root>/dataset.json               what the set is: {"set", "format", "classes", ...}
    <root>/splits/train.txt           one scene key a line
    <root>/<scene key>/coord.npy ...  the arrays of `Scene`; the names are those in common use for such folders
    <root>/sparse/<name>.npz          sparse labels (`sparsevision.annotation.load_annotations`)

A scene key is a relative path with forward slashes: "scene0000_00", "Area_1/office_10", "08/000123".
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

import numpy as np

from sparsevision.utils import UserError, atomic_write
from sparsevision.utils.arrays import load_npy
from sparsevision.utils.files import read_text

FORMAT = 1
STAMP = "source.json"  # what a converter made the scene of
ROWS = {"coord": (3, "f"), "color": (3, "u")}  # columns and kind; every other array is one whole number a point


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One cloud of n points; where it was thinned, N counts the points that it had before.

    Args:
        coord: (n,3) float32 metres.
        color: (n,3) uint8 red, green, blue.
        segment: (n,) uint8 class for training, 255 where there is none; None without ground truth.
        segment_raw: (n,) class in the data set's own numbers.
        instance: (n,) int32, 0 where there is none.
        superpoint: (n,) int32 number of the over-segmentation's patch.
        original_to_point: (N,) int32 row of each point that there was before thinning.
        original_segment: (N,) uint8 class of each such point.
    """

    coord: np.ndarray
    color: np.ndarray
    segment: np.ndarray | None = None
    segment_raw: np.ndarray | None = None
    instance: np.ndarray | None = None
    superpoint: np.ndarray | None = None
    original_to_point: np.ndarray | None = None
    original_segment: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.coord)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that there are, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in named.items() if array is not None}

    def check(self, *, where: str | os.PathLike) -> None:
        """Raises UserError unless all arrays fit together and points are finite; `where` is named in the message."""
        self.check_shapes(where=where)
        if not np.isfinite(self.coord).all():
            raise UserError(f"{where}: coord holds NaN or infinite coordinates. Convert the scene again.")

    def check_shapes(self, *, where: str | os.PathLike) -> None:
        """Raises UserError unless all arrays are of the kinds and lengths that belong together; reads no value."""
        if not len(self.coord):
            raise UserError(f"{where}: the scene has no point.")
        original = len(self) if self.original_to_point is None else len(self.original_to_point)
        for name, array in self.arrays().items():
            columns, kind = ROWS.get(name, (None, "iu"))
            rows = original if name.startswith("original_") else len(self)
            expected = (rows,) if columns is None else (rows, columns)
            if array.shape != expected or array.dtype.kind not in kind:
                raise UserError(
                    f"{where}: {name} holds {array.dtype} of shape {array.shape}; expected {expected} of kind {kind}. "
                    "Convert the scene again."
                )


def write_scene(folder: str | os.PathLike, scene: Scene) -> None:
    """Write a scene's arrays as .npy; the folder is there whole or not at all. An older one is replaced.

    Raises:
        UserError: arrays that do not fit together, or a folder with files that are no part of a prepared scene.
        OSError: from the file system.
    """
    folder = Path(folder)
    scene.check(where=folder)
    _refuse_other_files(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        for name, array in scene.arrays().items():
            np.save(Path(temporary, f"{name}.npy"), np.ascontiguousarray(array))
        _replace_folder(Path(temporary), folder)


def _refuse_other_files(folder: Path) -> None:
    """Nothing but an older prepared scene may be replaced: the folder could hold somebody's raw files."""
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    foreign = [name for name in there if not name.endswith(".npy") and name != STAMP]
    if foreign:
        raise UserError(
            f"{folder}: holds {foreign[0]}, which is no part of a prepared scene, and would be replaced. Choose "
            "another folder for the prepared set."
        )


def _replace_folder(new: Path, folder: Path) -> None:
    """Put the files of `new` at `folder`."""
    staged = new / "whole"
    staged.mkdir()
    for path in sorted(new.glob("*.npy")):
        path.rename(staged / path.name)
    if folder.exists():
        shutil.rmtree(folder)
    staged.rename(folder)


def read_scene(folder: str | os.PathLike, *, mmap: bool = True) -> Scene:
    """The scene that `write_scene` wrote; arrays stay on the disk until they are used if `mmap` is set.

    Raises:
        UserError: no such scene, a file that is no array, or arrays that do not fit together.
    """
    folder = Path(folder)
    arrays = {}
    for field in fields(Scene):
        path = folder / f"{field.name}.npy"
        if path.exists():
            arrays[field.name] = read_array(path, mmap=mmap)
    missing = [name for name in ROWS if name not in arrays]
    if missing:
        raise UserError(
            f"{folder}: {missing[0]}.npy is missing; expected a prepared scene. Run the data set's converter "
            "(docs/prepare_data.md) again, it keeps what is complete."
        )
    scene = Scene(**arrays)
    scene.check(where=folder)
    return scene


def read_array(path: Path, *, mmap: bool = True) -> np.ndarray:
    """One array of a scene. Raises UserError if the file is none, or shorter than its header says."""
    try:
        return load_npy(path, mmap=mmap)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no readable array ({error}). Delete it and convert the scene again.") from error


def scene_keys(root: str | os.PathLike, split: str, *, prepare: str = "") -> list[str]:
    """The scene keys of splits/<split>.txt, in its order.

    Raises:
        UserError: no such file, no key in it, a key twice, or one that leads out of the set.
    """
    path = Path(root) / "splits" / f"{split}.txt"
    if not path.is_file():
        there = sorted(found.stem for found in path.parent.glob("*.txt"))
        known = f" There are {', '.join(there)}." if there else ""
        raise UserError(f"{path} does not exist.{known}" + (f" {prepare}" if prepare else ""))
    keys = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    for key in keys:
        if PurePosixPath(key).is_absolute() or ".." in PurePosixPath(key).parts:
            raise UserError(f"{path}: '{key}' is no scene of this set; expected a path below {root}.")
    if not keys or len(set(keys)) != len(keys):
        raise UserError(f"{path}: " + ("it names a scene twice." if keys else "it names no scene."))
    return keys


def write_split(root: str | os.PathLike, split: str, keys: Sequence[str]) -> None:
    """Write splits/<split>.txt, one key a line."""
    path = Path(root) / "splits" / f"{split}.txt"
    with atomic_write(path) as stream:
        stream.write("".join(f"{key}\n" for key in keys).encode())
