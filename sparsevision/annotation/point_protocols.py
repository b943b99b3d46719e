"""Which points of a scene carry a label: the five protocols of weakly supervised point-cloud segmentation.

`class_even`, budget = a share p in (0, 1]: of every class that occurs, n_c points of it, max(floor(n_c p), 1) are drawn
without replacement.

`official`, budget = a share: the sampler that CPCM's released label files come from. It draws as many numbers as
`class_even`, from 0 to n_c - 1, which are places in the list of the class's points, **and then uses them as places in
the cloud**. So every label lies among the first max(n_c) points of the file, whatever their class, most of them among
the very first; rare classes are mostly missed, and one point may come twice. The labels themselves are true.

`uniform`, budget = a share p or a count k: max(floor(n p), 1) or k points, uniformly over all n with a truth.

`points_k`, budget = a count: k points of the scene, uniformly (published: 20, 50, 100, 200). The benchmark's own files
were chosen actively; for that, see `sparsevision.selection.select_points`.

`otoc`, budget = clicks an instance: one click on a random point of every instance, then a second one, and so on; with
superpoints a click labels all of its superpoint, right or wrong, as One Thing One Click spreads it.

Sources: CPCM (Liu et al., ICCV 2023), "class-even" percentages; ScanNet's data-efficient benchmark (Hou et al., CVPR
2021), 20 to 200 points a scene; One Thing One Click (Liu et al., CVPR 2021).
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsevision.annotation import checks, regions
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.random_keys import draw_root, keys
from sparsevision.annotation.types import PointLabels
from sparsevision.utils import did_you_mean

NO_INSTANCE = 0


def simulate_point_labels(
    labels: Any,
    *,
    protocol: str,
    budget: float,
    rng: np.random.Generator,
    instances: Any = None,
    superpoints: Any = None,
    ignore_index: int | None = None,
    classes: Collection[int] | None = None,
) -> PointLabels:
    """Label a few points of a cloud by one of the published protocols; the top of this file says what each draws.

    `official` repeats a bias of the released files: it uses places in a class as places in the cloud, so most labels
    lie at the beginning of the file and rare classes are missed. Numbers published for CPCM were trained on such
    labels; use it to compare with them, and `class_even`, the same without the bias, otherwise. The released ScanNet
    files also draw for void and for classes outside of the benchmark: to have that, pass raw labels without
    `ignore_index`, and drop what has no class afterwards.

    Each is nested: a smaller budget gives the beginning of what a larger one gives for a generator in the same state.
    One number is drawn from `rng`; the answer is the same on every machine and for every integer type of `labels`.
    Where fewer points have a truth than the budget asks for, all of them are labelled.

    Args:
        labels: class ids (n,) of the cloud, raw ones or train ids.
        protocol: one of `POINT_PROTOCOLS`.
        budget: a float is a share, a whole number a count; see the protocols.
        rng: `numpy.random.default_rng(seed)`.
        instances: (n,) instance ids, 0 = none; needed by `otoc`, and by it alone.
        superpoints: (n,) ids of an over-segmentation, `otoc` only.
        ignore_index: the value of points without truth: nothing is drawn for them and they are never labelled (what
            `official` draws there is lost). None if every value is a class.
        classes: `official` and `class_even` draw for these class ids only; None for all that occur.

    Returns:
        `PointLabels` with `indices`, their labels in the ids of `labels`, and size (n,).

    Raises:
        AnnotationError: labels that are no class ids, an unknown protocol, or options that do not fit it.
    """
    truth = regions.class_map(labels, ignore_index, dims=(1,), name="labels")
    _check_options(protocol, instances=instances, superpoints=superpoints, classes=classes)
    budget = _BUDGETS[protocol](budget, f"budget of '{protocol}'")
    root = draw_root(rng)
    scene = _Scene(
        truth=truth,
        known=np.ones(truth.shape, dtype=bool) if ignore_index is None else truth != ignore_index,
        rank=keys(root, count=truth.size),
        classes=classes,
        instances=_ids(instances, len(truth), "instances"),
        superpoints=_ids(superpoints, len(truth), "superpoints"),
    )
    chosen, given = _DRAWS[protocol](scene, budget)
    kept = scene.known[chosen]
    meta = {"simulator": "simulate_point_labels", "protocol": protocol, "budget": budget, "root": root}
    meta |= {"ignore_index": ignore_index, "classes": None if classes is None else sorted(map(int, classes))}
    return PointLabels(indices=chosen[kept], labels=given[kept], size=truth.shape, meta=meta)


@dataclass(frozen=True)
class _Scene:
    """A cloud to draw from; `rank` (n,) uint64 is the random order of its points."""

    truth: np.ndarray
    known: np.ndarray
    rank: np.ndarray
    classes: Collection[int] | None
    instances: np.ndarray | None
    superpoints: np.ndarray | None

    def shuffled(self, indices: np.ndarray) -> np.ndarray:
        """Places in `indices`, in random order."""
        return np.argsort(self.rank[indices], kind="stable")

    def groups(self) -> list[np.ndarray]:
        """The points (indices) of each class that is drawn for, ids ascending."""
        found = regions.classes_of(np.where(self.known, self.truth, -1), -1)
        return [points for label, points in found if self.classes is None or label in self.classes]


def _official(scene: _Scene, share: float) -> tuple[np.ndarray, np.ndarray]:
    chosen = _by_class(scene, share, lambda points, places: places)
    return chosen, scene.truth[chosen]


def _class_even(scene: _Scene, share: float) -> tuple[np.ndarray, np.ndarray]:
    chosen = _by_class(scene, share, lambda points, places: points[places])
    return chosen, scene.truth[chosen]


def _by_class(scene: _Scene, share: float, pick: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """max(floor(n_c p), 1) places of each class, in the order in which a growing share p would reach them."""
    chosen, due = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for points in scene.groups():
        count = max(math.floor(len(points) * share), 1)
        chosen.append(pick(points, scene.shuffled(points)[:count]))
        due.append(np.concatenate([[0.0], np.arange(2, count + 1) / len(points)]))
    return np.concatenate(chosen)[np.argsort(np.concatenate(due), kind="stable")]


def _uniform(scene: _Scene, budget: float) -> tuple[np.ndarray, np.ndarray]:
    points = np.flatnonzero(scene.known)
    count = max(math.floor(len(points) * budget), 1) if isinstance(budget, float) else budget
    chosen = points[scene.shuffled(points)[:count]]
    return chosen, scene.truth[chosen]


def _otoc(scene: _Scene, clicks: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.where(scene.known, scene.instances, NO_INSTANCE)
    ordered = [points[scene.shuffled(points)] for _, points in regions.classes_of(ids, NO_INSTANCE)]
    turns = min(clicks, max(map(len, ordered), default=0))
    clicked = [points[turn] for turn in range(turns) for points in ordered if turn < len(points)]
    clicked = np.array(clicked, dtype=np.int64)
    return _spread(scene, clicked) if scene.superpoints is not None else (clicked, scene.truth[clicked])


def _spread(scene: _Scene, clicked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each click with all of its superpoint, the clicked point first; the first click on a superpoint decides."""
    _, first = np.unique(scene.superpoints[clicked], return_index=True)
    chosen, given = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for click in clicked[np.sort(first)]:
        same = np.flatnonzero(scene.superpoints == scene.superpoints[click])
        chosen += [np.array([click]), same[same != click]]
        given.append(np.full(len(same), scene.truth[click]))
    return np.concatenate(chosen), np.concatenate(given)


def _share(budget: Any, field: str) -> float:
    if not isinstance(budget, float | np.floating) or not 0 < budget <= 1:
        raise AnnotationError(f"{field}: expected a share above 0 and up to 1.0 (0.1 % is 0.001), got {budget!r:.40}.")
    return float(budget)


def _count(budget: Any, field: str) -> int:
    return checks.whole_number(budget, field=field, low=1)


def _share_or_count(budget: Any, field: str) -> float:
    return _share(budget, field) if isinstance(budget, float | np.floating) else _count(budget, field)


_DRAWS: dict[str, Callable] = {
    "official": _official,
    "class_even": _class_even,
    "uniform": _uniform,
    "points_k": _uniform,
    "otoc": _otoc,
}
_BUDGETS: dict[str, Callable] = {
    "official": _share,
    "class_even": _share,
    "uniform": _share_or_count,
    "points_k": _count,
    "otoc": _count,
}
POINT_PROTOCOLS = tuple(_DRAWS)


def _check_options(protocol: Any, *, instances: Any, superpoints: Any, classes: Any) -> None:
    if not isinstance(protocol, str) or protocol not in _DRAWS:
        hint = did_you_mean(str(protocol)[:40], POINT_PROTOCOLS)
        raise AnnotationError(f"protocol: {protocol!r:.40} is none of {', '.join(POINT_PROTOCOLS)}.{hint}")
    if protocol == "otoc" and instances is None:
        raise AnnotationError("instances: otoc clicks on every instance; pass the instance ids (n,) of the points.")
    if protocol != "otoc" and not (instances is None and superpoints is None):
        raise AnnotationError(f"instances and superpoints are for otoc; leave them out with '{protocol}'.")
    if protocol not in ("official", "class_even") and classes is not None:
        raise AnnotationError(f"classes: '{protocol}' does not draw by class; leave it out.")


def _ids(values: Any, count: int, field: str) -> np.ndarray | None:
    """Ids (count,) as int64, or None as it came."""
    if values is None:
        return None
    array = checks.whole_array(values, field=field)
    if len(array) != count:
        raise AnnotationError(f"{field}: has {len(array)} entries, labels has {count}.")
    return array
