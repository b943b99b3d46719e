"""What is done to each scene of a point data set: prepared, or compared with its raw files."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sparsevision.datasets.points.prepare.raw_set import Note, RawSet
from sparsevision.datasets.points.prepare.stamp import Stamp, is_up_to_date, read_stamp
from sparsevision.datasets.points.scene import read_scene, write_scene
from sparsevision.utils import UserError


@dataclass(frozen=True)
class Outcome:
    """What became of a scene.

    Args:
        key: of the scene.
        points: of the prepared scene.
        written: whether it was written now; it was there already if not.
        problems: why it could not be prepared, or what --verify found.
        notes: what was noted of its raw files.
    """

    key: str
    points: int = 0
    written: bool = False
    problems: Sequence[str] = ()
    notes: Sequence[Note] = ()


def prepare_scene(key: str, *, raw: RawSet, root: Path, overwrite: bool) -> Outcome:
    """Read and write one scene, unless it is there and up to date. A bad raw file becomes a problem of the outcome."""
    folder = root / key
    try:
        sources = raw.sources(key)
        stamp = None if overwrite else read_stamp(folder)
        if stamp and is_up_to_date(stamp, folder, settings=raw.settings, sources=sources):
            return Outcome(key, stamp.points, notes=stamp.notes)
        reading = raw.read(key)
        write_scene(folder, reading.scene)
        stamp = Stamp.of(reading.scene, reading.notes, settings=raw.settings, sources=sources)
        stamp.write(folder)
    except UserError as error:
        return Outcome(key, problems=[str(error)])
    except OSError as error:
        return Outcome(key, problems=[f"{error.filename or folder}: {error.strerror or error}"])
    return Outcome(key, stamp.points, written=True, notes=stamp.notes)


def verify_scene(key: str, *, raw: RawSet, root: Path) -> Outcome:
    """Read the raw files of one scene again and compare. Writes nothing."""
    try:
        if read_stamp(root / key) is None:
            return Outcome(key, problems=["is not prepared, or not wholly"])
        prepared = read_scene(root / key)
        verdict = raw.verify(key, prepared)
    except UserError as error:
        return Outcome(key, problems=[str(error)])
    except OSError as error:
        return Outcome(key, problems=[f"{error.filename or key}: {error.strerror or error}"])
    return Outcome(key, len(prepared), problems=verdict.problems, notes=verdict.notes)


def sweep(root: Path, keys: Iterable[str]) -> None:
    """Remove what a killed run left: temporary folders of these scenes."""
    names: dict[Path, set[str]] = {}
    for key in keys:
        names.setdefault((root / key).parent, set()).add(Path(key).name)
    for parent, scenes in names.items():
        for path in parent.glob(".*"):
            if path.is_dir() and path.stem.removeprefix(".") in scenes:
                shutil.rmtree(path)


def preparation(raw: RawSet, root: Path, *, overwrite: bool = False) -> Callable[[str], Outcome]:
    """`prepare_scene` with all but the key given."""
    return partial(prepare_scene, raw=raw, root=root, overwrite=overwrite)


def verification(raw: RawSet, root: Path) -> Callable[[str], Outcome]:
    """`verify_scene` with all but the key given."""
    return partial(verify_scene, raw=raw, root=root)
