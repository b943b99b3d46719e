"""ScanNet V2 (Dai et al., CVPR 2017): meshes of scanned rooms, whose vertices are the points.

    <root>/scans/scene0000_00/scene0000_00_vh_clean_2.ply, ...       1513 scenes with labels
    <root>/scans_test/scene0707_00/scene0707_00_vh_clean_2.ply       100 scenes without
    <root>/scannetv2-labels.combined.tsv, scannetv2_train.txt, scannetv2_val.txt, scannetv2_test.txt

The order of the vertices is kept, so that files of point numbers that others made fit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sparsevision.datasets.points.classes import SCANNET20, ClassSet
from sparsevision.datasets.points.cloud import checked_points
from sparsevision.datasets.points.ply import PlyMesh, read_ply
from sparsevision.datasets.points.prepare.raw_set import Note, RawSet, Reading, Verdict
from sparsevision.datasets.points.prepare.scannet_files import (
    object_of_segment,
    read_category_ids,
    read_groups,
    read_segments,
)
from sparsevision.datasets.points.scene import Scene
from sparsevision.utils import UserError, did_you_mean
from sparsevision.utils.files import read_text

SCENES = {"train": 1201, "val": 312, "test": 100}  # as published
SCENE = re.compile(r"scene\d{4}_\d{2}")
TABLE = "scannetv2-labels.combined.tsv"
LIST_PLACES = (".", "splits", "Tasks/Benchmark", "meta_data")
HIGHEST_NYU40 = 40


@dataclass(frozen=True)
class ScanNet(RawSet):
    """The raw meshes and annotations. Scans become scenes "scene0000_00".

    While a scan is read, its mesh, its over-segmentation and its labels are held, about 40 bytes a vertex and 12 a
    face; 200,000 vertices are usual.

    Args:
        root: folder of scans and scans_test.
        lists: folder of scannetv2_train.txt and the others; None looks for them in `root`.
        found_only: leave out scenes of the lists whose folders are not there.
    """

    classes: ClassVar[ClassSet] = SCANNET20
    root: Path
    lists: Path | None = None
    found_only: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """See RawSet; there are none."""
        return {}

    def splits(self) -> Mapping[str, Sequence[str]]:
        """See RawSet."""
        splits = {split: self._listed(path) for split in SCENES if (path := self._list(split)) is not None}
        if not splits:
            where = self.lists or self.root
            raise UserError(
                f"{where}: no scannetv2_train.txt, scannetv2_val.txt or scannetv2_test.txt. They are in the folder "
                "Tasks/Benchmark of ScanNet's repository; copy them there, or name their folder with --lists."
            )
        if self.found_only:
            splits = {split: [key for key in keys if self._folder(key).is_dir()] for split, keys in splits.items()}
        if not any(splits.values()):
            raise UserError(f"{self.root}: none of the scenes of the lists is in scans or scans_test.")
        return splits

    def _list(self, split: str) -> Path | None:
        places = [self.root / place for place in LIST_PLACES] if self.lists is None else [self.lists]
        return next((path for place in places if (path := place / f"scannetv2_{split}.txt").is_file()), None)

    def _listed(self, path: Path) -> list[str]:
        keys = read_text(path).split()
        wrong = [key for key in keys if not SCENE.fullmatch(key)]
        if wrong:
            raise UserError(f"{path}: '{wrong[0]}' is no scene; expected one name a line, like scene0000_00.")
        return keys

    def group(self, key: str) -> str:
        """See RawSet: the split."""
        lists = {split: path for split in SCENES if (path := self._list(split)) is not None}
        return next((split for split, path in lists.items() if key in self._listed(path)), "none")

    def _folder(self, key: str) -> Path:
        """In scans, where scenes have labels, or in scans_test."""
        unlabelled = self.root / "scans_test" / key
        return unlabelled if unlabelled.is_dir() else self.root / "scans" / key

    def _is_labelled(self, key: str) -> bool:
        return self._folder(key).parent.name == "scans"

    def _file(self, key: str, ending: str) -> Path:
        return self._folder(key) / f"{key}{ending}"

    def sources(self, key: str) -> dict[str, Path]:
        """See RawSet."""
        if not self._folder(key).is_dir():
            raise UserError(
                f"{self._folder(key)}: this scene of the lists has no folder, neither in scans nor in scans_test. "
                "Download it, or leave out what is missing with --found-only."
            )
        needed = [self._file(key, "_vh_clean_2.ply")]
        if self._is_labelled(key):
            endings = ("_vh_clean_2.0.010000.segs.json", ".aggregation.json")
            needed += [*(self._file(key, ending) for ending in endings), self.root / TABLE]
        for path in needed:
            if not path.is_file():
                raise UserError(f"{path}: there is no such file; download the scene again.")
        return {path.relative_to(self.root).as_posix(): path for path in needed}

    def read(self, key: str) -> Reading:
        """See RawSet."""
        path = self._file(key, "_vh_clean_2.ply")
        mesh = _read_mesh(path)
        cloud = {"coord": mesh.points.astype(np.float32, copy=False), "color": mesh.colours}
        if not self._is_labelled(key):
            return Reading(Scene(**cloud))
        segments = read_segments(self._file(key, "_vh_clean_2.0.010000.segs.json"), scene=key, points=len(mesh))
        labels, instances, notes = self._annotated(key, segments)
        truth = {"segment": SCANNET20.to_train(labels), "segment_raw": labels, "instance": instances}
        return Reading(Scene(**cloud, **truth, superpoint=segments), notes)

    def _annotated(self, key: str, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[Note]]:
        """nyu40id (n,) uint8 and number of the object (n,) int32 of each vertex; later objects win."""
        path = self._file(key, ".aggregation.json")
        groups = read_groups(path, scene=key)
        ids = read_category_ids(self.root / TABLE)
        for group in groups:
            if group.label not in ids:
                raise UserError(
                    f"{path}: '{group.label}' is no raw category of {TABLE}.{did_you_mean(group.label, ids)} Both have "
                    "to be of the same release."
                )
        instances, unknown = object_of_segment(groups, segments)
        table = np.array([0, *(ids[group.label] for group in groups)], dtype=np.uint8)
        notes = [Note("unknown segments", f"{key}: {unknown} that objects name")] if unknown else []
        return table[instances], instances, notes

    def verify(self, key: str, prepared: Scene) -> Verdict:
        """See RawSet; also whether the classes are those that ScanNet published for each vertex."""
        verdict = super().verify(key, prepared)
        if not self._is_labelled(key):
            return verdict
        path = self._file(key, "_vh_clean_2.labels.ply")
        if not path.is_file():
            return Verdict(verdict.problems, [*verdict.notes, Note("not compared", f"{key}: no {path.name}")])
        labels = read_ply(path).vertex.get("label")
        if labels is None or labels.shape != prepared.segment_raw.shape:
            return Verdict([*verdict.problems, f"{path.name} has no label for each vertex"], verdict.notes)
        strange = labels > HIGHEST_NYU40  # scene0270_00, scene0270_02 and scene0384_00 hold some numbers of other lists
        notes = [Note("no nyu40id", f"{key}: {strange.sum()} labels of {path.name}")] if strange.any() else []
        wrong = np.flatnonzero((labels != prepared.segment_raw) & ~strange)
        problems = []
        if len(wrong):
            problems.append(
                f"segment_raw differs from {path.name} in {len(wrong)} vertices, first in {wrong[0]}: "
                f"{prepared.segment_raw[wrong[0]]} instead of {labels[wrong[0]]}"
            )
        return Verdict([*verdict.problems, *problems], [*verdict.notes, *notes])

    def warnings(self) -> list[str]:
        """Numbers of scenes that are not those published."""
        found = {split: len(keys) for split, keys in self.splits().items()}
        return [
            f"the list '{split}' has {found.get(split, 0)} scenes; published are {count}"
            for split, count in SCENES.items()
            if found.get(split, 0) != count
        ]


def _read_mesh(path: Path) -> PlyMesh:
    """Points and colours, both of which have to be there."""
    mesh = read_ply(path)
    checked_points(mesh.points, field=str(path))
    if mesh.colours is None:
        raise UserError(f"{path}: its vertices have no red, green, blue; expected the mesh with colours. Get it again.")
    return mesh
