"""The files of a ScanNet scene that say what its points are."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.utils import UserError
from sparsevision.utils.files import read_text

HIGH_RESOLUTION = "_vh_clean.segs.json"


@dataclass(frozen=True)
class Group:
    """An object: its raw category, and the segments that it is made of."""

    label: str
    segments: np.ndarray


def read_category_ids(path: Path) -> dict[str, int]:
    """raw_category -> nyu40id of scannetv2-labels.combined.tsv; 0 where the table has no number.

    Raises:
        UserError: no such file, a missing column, or a number that is none.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; it is part of ScanNet's download (tasks data).")
    rows = csv.DictReader(io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = {"raw_category", "nyu40id"} - set(rows.fieldnames or ())
    if missing:
        raise UserError(f"{path}: its first line has no column '{min(missing)}'. Get the file again.")
    ids = {}
    for row in rows:
        number = row["nyu40id"] or "0"
        if row["raw_category"] is None:
            raise UserError(f"{path}, line {rows.line_num}: ends before the raw_category. Get the file again.")
        if not (number.isdecimal() and len(number) < 4 and int(number) < 256):
            raise UserError(f"{path}, line {rows.line_num}: nyu40id is {number!r:.20}; expected a number of 0 to 40.")
        ids[row["raw_category"]] = int(number)
    return ids


def read_segments(path: Path, *, scene: str, points: int) -> np.ndarray:
    """Segment (points,) int32 of each vertex, from <scene>_vh_clean_2.0.010000.segs.json.

    Raises:
        UserError: no such file, another scene's, or another number of vertices.
    """
    content = _read_json(path, scene=scene)
    try:
        segments = np.array(content["segIndices"], dtype=np.int32)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: 'segIndices' is not a list of whole numbers ({error!r}). Get it again.") from error
    if segments.shape != (points,) or segments.min(initial=0) < 0:
        raise UserError(
            f"{path}: has {len(segments)} vertices, the mesh has {points}. Both have to be of the same resolution "
            "(_vh_clean_2) and of the same release."
        )
    return segments


def read_groups(path: Path, *, scene: str) -> list[Group]:
    """The objects of <scene>.aggregation.json, in its order.

    Raises:
        UserError: no such file, another scene's, or that of the mesh of high resolution.
    """
    content = _read_json(path, scene=scene)
    if str(content.get("segmentsFile", "")).endswith(HIGH_RESOLUTION):
        raise UserError(f"{path}: is of the mesh of high resolution; expected <scene>.aggregation.json.")
    try:
        groups = [
            Group(str(group["label"]), np.array(group["segments"], dtype=np.int64)) for group in content["segGroups"]
        ]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: 'segGroups' holds no labels and segments ({error!r}). Get it again.") from error
    if any(group.segments.ndim != 1 or group.segments.min(initial=0) < 0 for group in groups):
        raise UserError(f"{path}: 'segments' of a group are no whole numbers from 0 on. Get it again.")
    return groups


def _read_json(path: Path, *, scene: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no whole JSON file ({error}). Get it again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected an object with 'sceneId'. Get it again.")
    named = str(content.get("sceneId", scene)).rsplit(".", maxsplit=1)[-1]
    if named != scene:
        raise UserError(f"{path}: belongs to {named}, not to {scene}.")
    return content


def object_of_segment(groups: list[Group], segments: np.ndarray) -> tuple[np.ndarray, int]:
    """Number of the group (n,), from 1, to which each vertex belongs, and how many segments of groups there are not.

    Where a segment is in several groups, the last of them has it. Vertices of no group have 0.
    """
    size = int(segments.max(initial=0)) + 1
    table, there, unknown = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=bool), 0
    there[segments] = True
    for number, group in enumerate(groups, start=1):
        known = group.segments[group.segments < size]
        table[known] = number
        unknown += len(group.segments) - int(there[known].sum())
    return table[segments], unknown
