"""What a converter has to know of a data set."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sparsevision.datasets.points.classes import ClassSet
from sparsevision.datasets.points.scene import Scene


@dataclass(frozen=True)
class Note:
    """Something of the raw files that was not as it should be, and was dealt with.

    Args:
        kind: what was done, one or two words: "repaired", "left out", ...
        text: file, place and details; one line.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Reading:
    """A scene as its raw files give it, and what was noted on the way."""

    scene: Scene
    notes: Sequence[Note] = ()


@dataclass(frozen=True)
class Verdict:
    """What comparing a prepared scene with its raw files gave."""

    problems: Sequence[str] = field(default_factory=tuple)
    notes: Sequence[Note] = field(default_factory=tuple)


class RawSet(ABC):
    """The raw files of a data set. Instances are sent to worker processes, so they hold paths and numbers only.

    Attributes:
        classes: what is learnt on it.
    """

    classes: ClassVar[ClassSet]

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What changes the arrays that come out, as JSON values."""

    @abstractmethod
    def splits(self) -> Mapping[str, Sequence[str]]:
        """Scene keys of each split; a scene may be in several. Raises UserError if files are missing."""

    @abstractmethod
    def sources(self, key: str) -> dict[str, Path]:
        """The files that a scene is made of, by their paths inside of the set. Raises UserError if one is missing."""

    @abstractmethod
    def read(self, key: str) -> Reading:
        """The scene. Raises UserError for files that cannot be what they should be."""

    def verify(self, key: str, prepared: Scene) -> Verdict:
        """Compare a prepared scene with the raw files, which are read again."""
        reading = self.read(key)
        return Verdict(differences(reading.scene, prepared), reading.notes)

    def group(self, key: str) -> str:
        """The row of the table of --verify that counts this scene."""
        return key.split("/", maxsplit=1)[0]

    def warnings(self) -> list[str]:
        """What is unusual about the set as a whole."""
        return []


def differences(raw: Scene, prepared: Scene) -> list[str]:
    """Where a prepared scene is not the one that the raw files give, one sentence for each array."""
    expected, found = raw.arrays(), prepared.arrays()
    problems = [f"{name}.npy is missing" for name in expected if name not in found]
    problems += [f"{name}.npy should not be there" for name in found if name not in expected]
    for name in expected.keys() & found.keys():
        one, other = expected[name], found[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            problems.append(f"{name}.npy is {other.dtype} {other.shape}; the raw files give {one.dtype} {one.shape}")
        elif not np.array_equal(one, other):
            rows = np.flatnonzero((one != other).reshape(len(one), -1).any(axis=1))
            problems.append(
                f"{name}.npy differs in {len(rows)} of {len(one)} rows, first in row {rows[0]}: "
                f"{other[rows[0]].tolist()}; the raw files give {one[rows[0]].tolist()}"
            )
    return sorted(problems)
