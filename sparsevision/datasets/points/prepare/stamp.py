"""source.json beside a scene's arrays: what it was made of, written last, so that an unfinished scene has none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.points.prepare.raw_set import Note
from sparsevision.datasets.points.scene import FORMAT, STAMP, Scene, read_array


@dataclass(frozen=True)
class Stamp:
    """What a prepared scene was made of.

    Args:
        points: of the prepared scene.
        settings: of the converter.
        sources: size in bytes of each raw file, by its path inside of the set.
        arrays: names of the arrays.
        notes: what was noted while reading.
    """

    points: int
    settings: Mapping[str, Any]
    sources: Mapping[str, int]
    arrays: Sequence[str]
    notes: Sequence[Note] = field(default_factory=tuple)

    @classmethod
    def of(
        cls, scene: Scene, notes: Sequence[Note], *, settings: Mapping[str, Any], sources: Mapping[str, Path]
    ) -> "Stamp":
        """The stamp of a scene that was just read."""
        return cls(len(scene), dict(settings), sizes(sources), sorted(scene.arrays()), list(notes))

    def write(self, folder: Path) -> None:
        """Write source.json; no times and no folders of this machine are in it."""
        content = {"format": FORMAT, **asdict(self)}
        write_bytes(folder / STAMP, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def sizes(sources: Mapping[str, Path]) -> dict[str, int]:
    """Bytes of each raw file."""
    return {name: path.stat().st_size for name, path in sorted(sources.items())}


def read_stamp(folder: Path) -> Stamp | None:
    """The stamp of a scene that is whole; None where there is no such scene, a damaged one, or one of another format.

    An array is damaged that is missing, shorter than its header says, or of another length than the others.
    """
    try:
        content = json.loads((folder / STAMP).read_bytes())
        if content.pop("format") != FORMAT:
            return None
        stamp = Stamp(**{**content, "notes": [Note(**note) for note in content["notes"]]})
        scene = Scene(**{name: read_array(folder / f"{name}.npy") for name in stamp.arrays})
        scene.check_shapes(where=folder)
        return stamp if len(scene) == stamp.points else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def is_up_to_date(stamp: Stamp, folder: Path, *, settings: Mapping[str, Any], sources: Mapping[str, Path]) -> bool:
    """Whether settings and raw files are those of the stamp, and no raw file is younger than it."""
    if dict(stamp.settings) != dict(settings) or dict(stamp.sources) != sizes(sources):
        return False
    made = (folder / STAMP).stat().st_mtime_ns
    return all(path.stat().st_mtime_ns <= made for path in sources.values())
