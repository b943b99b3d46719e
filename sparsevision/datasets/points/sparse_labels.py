"""Sparse labels of a prepared set: drawn scene by scene, taken from published index files, read for training."""

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.annotation import PointLabels, load_annotations, simulate_point_labels
from sparsevision.datasets.points.classes import IGNORE_INDEX
from sparsevision.datasets.points.scene import Scene
from sparsevision.datasets.simulate_folder import image_rng
from sparsevision.selection import Selector, select_points
from sparsevision.utils import UserError, did_you_mean
from sparsevision.utils.arrays import load_npy

RAW_PROTOCOLS = ("official", "class_even")  # drawn for every raw class, void included, as the released files are
MAX_BYTES = 2**31  # of a file of labels: superpoints of a thousand scenes are many points
SUFFIXES = (".pth", ".npy", ".pt")


def simulate_scene(
    scene: Scene,
    key: str,
    *,
    protocol: str,
    budget: float,
    seed: int,
    spread: bool = False,
    classes: Iterable[int] | None = None,
    selector: Selector | None = None,
) -> PointLabels:
    """The labels of one scene by a protocol of `simulate_point_labels`, as train ids.

    `official` and `class_even` draw for every raw class, those without a train id included, as CPCM's released files
    do; what has no train id is left out afterwards and counted in `meta["dropped"]`. The others draw among points that
    have a train id. The randomness comes from the seed and the scene's key alone.

    Args:
        scene: with ground truth; with `instance` for otoc.
        key: of the scene.
        protocol, budget: see `simulate_point_labels`.
        seed: of all scenes.
        spread: otoc labels whole superpoints; needs `superpoint`.
        classes: raw ids that `official` and `class_even` draw for; None for all.
        selector: points_k takes the points that this selector finds worth labelling by place and colour (it does not
            see the truth), instead of random ones.

    Raises:
        UserError: names the scene and what it lacks, or the option that does not fit.
    """
    if scene.segment is None:
        raise UserError(f"scene {key}: has no ground truth (segment.npy) to simulate labels from.")
    options = {"protocol": protocol, "budget": budget, "rng": image_rng(seed, key, "points")}
    try:
        if selector is not None:
            drawn = _actively(scene, selector=selector, **options)
        elif protocol in RAW_PROTOCOLS:
            raw = scene.segment if scene.segment_raw is None else scene.segment_raw
            drawn = simulate_point_labels(raw, **options, classes=classes)
        else:
            options |= {"classes": classes} if classes is not None else {}
            options |= _instances(scene, spread=spread) if protocol == "otoc" else {}
            drawn = simulate_point_labels(scene.segment, **options, ignore_index=IGNORE_INDEX)
    except UserError as error:
        raise UserError(f"scene {key}: {error}") from error
    return _as_train_labels(drawn, scene.segment, keep_given=spread, seed=seed)


def _instances(scene: Scene, *, spread: bool) -> dict[str, np.ndarray]:
    wanted = {"instances": "instance"} | ({"superpoints": "superpoint"} if spread else {})
    found = {option: getattr(scene, name) for option, name in wanted.items()}
    for option, name in wanted.items():
        if found[option] is None:
            raise UserError(f"otoc needs {option}, but the prepared scene has no {name}.npy.")
    return found


def _actively(scene: Scene, *, selector: Selector, protocol: str, budget: int, rng: np.random.Generator) -> PointLabels:
    """`budget` points of places and colours that the selector wants labelled, in its order."""
    if protocol != "points_k":
        raise UserError(f"active selection is for points_k, not for {protocol}.")
    cloud = np.hstack([scene.coord, scene.color.astype(np.float32)])
    chosen = select_points(cloud, budget, selector=selector, rng=rng)
    meta = {"simulator": "select_points", "protocol": protocol, "budget": budget, "selector": type(selector).__name__}
    return PointLabels(indices=chosen, labels=scene.segment[chosen], size=(len(scene),), meta=meta)


def _as_train_labels(drawn: PointLabels, segment: np.ndarray, *, keep_given: bool, seed: int | None) -> PointLabels:
    """Drop points without a train id, and points that come again; say how many in meta["dropped"]."""
    labels = drawn.labels if keep_given else segment[drawn.indices].astype(np.int64)
    _, first = np.unique(drawn.indices, return_index=True)
    kept = np.sort(first)
    kept = kept[labels[kept] != IGNORE_INDEX]
    meta = drawn.meta | {"drawn": len(drawn), "repeated": len(drawn) - len(first), "dropped": len(first) - len(kept)}
    meta |= {} if seed is None else {"seed": seed}
    return dataclasses.replace(drawn, indices=drawn.indices[kept], labels=labels[kept], meta=meta)


def official_indices(content: Any, *, path: str | os.PathLike) -> dict[str, np.ndarray]:
    """{scene key: indices (k,) int64} of a published index file.

    Args:
        content: what the file holds, read without running code of it (`sparsevision.engine.safe_unpickle`):
            {"scene0000_00": array} or {"Area_1/office_10.pth": array}; the suffix is dropped.
        path: of the file, for messages.

    Raises:
        UserError: not such a dict; names the first entry that is wrong.
    """
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path}: holds {type(content).__name__}; expected a dict of scene names to point indices.")
    found: dict[str, np.ndarray] = {}
    for name, values in content.items():
        key = without_suffix(str(name))
        if key in found:
            raise UserError(f"{path}: names the scene {key} twice.")
        found[key] = _whole_numbers(values, where=f"{path}: scene {key:.80}")
    return found


def without_suffix(name: str) -> str:
    """A scene's or index file's name without .pth, .pt or .npy; other points belong to the name."""
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    return name.removesuffix(suffix)


def _whole_numbers(values: Any, *, where: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{where}: expected a list of point indices, got {type(values).__name__}.") from error
    if array.ndim == 1 and not array.size:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise UserError(f"{where}: expected point indices (k,), got {array.dtype} of shape {array.shape}.")
    return array.astype(np.int64)


def label_indices(scene: Scene, key: str, indices: np.ndarray, *, path: str | os.PathLike) -> PointLabels:
    """The true labels of a scene at the given points (k,), as train ids.

    Raises:
        UserError: an index that the scene does not have: the file is of another scene, or of another preparation.
    """
    if scene.segment is None:
        raise UserError(f"scene {key}: has no ground truth (segment.npy) to take labels from.")
    wrong = np.flatnonzero((indices < 0) | (indices >= len(scene)))
    if wrong.size:
        raise UserError(
            f"{path}: scene {key}: entry {wrong[0]} is point {indices[wrong[0]]}, but the scene has {len(scene)} "
            "points. The file belongs to another scene, or to a copy of the set that was thinned or ordered otherwise."
        )
    meta = {"protocol": "official file", "file": Path(path).name}
    drawn = PointLabels(indices=indices, labels=scene.segment[indices], size=(len(scene),), meta=meta)
    return _as_train_labels(drawn, scene.segment, keep_given=False, seed=None)


def load_point_labels(
    path: str | os.PathLike, *, root: str | os.PathLike, keys: Sequence[str]
) -> dict[str, PointLabels]:
    """The sparse labels (train ids) of the named scenes of a prepared set, checked against the scenes.

    Raises:
        UserError: not a file of point labels, a scene without an entry, or an entry made for a scene of another size.
    """
    content = load_annotations(path, max_bytes=MAX_BYTES)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected point labels by scene (a dict), found {type(content).__name__}.")
    for key in keys:
        if key not in content:
            raise UserError(
                f"{path}: has no labels for scene {key}; it has {len(content)} scenes. Make them for this split with "
                f"tools/annotation/point_labels.py.{did_you_mean(key, content)}"
            )
        _check_entry(content[key], key, points=_point_count(Path(root) / key), path=path)
    return {key: content[key] for key in keys}


def _check_entry(entry: Any, key: str, *, points: int, path: str | os.PathLike) -> None:
    if not isinstance(entry, PointLabels) or entry.indices is None:
        raise UserError(f"{path}: the entry of scene {key} is not point labels with indices.")
    if entry.size != (points,):
        raise UserError(
            f"{path}: scene {key} has {points} points, its labels were made for {entry.size[0]}. The set was prepared "
            "again otherwise; make the labels again."
        )


def _point_count(folder: Path) -> int:
    """Points of a prepared scene, from the head of its coord.npy alone."""
    try:
        return len(load_npy(folder / "coord.npy", mmap=True))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{folder}: no readable coord.npy; convert the scene again.") from error
