"""Points and corrective clicks made from dense truth, as a person would have given them.

Every simulation is seeded, takes a subset of the truth, gives the same answer on every platform, and is nested: a
smaller budget buys the first part of what a larger one buys. How: the order in which candidates would be annotated is
fixed first, from one random number and without looking at the budget, and the budget then takes its beginning.
"""

import itertools
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from sparsevision.annotation import checks, regions
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.random_keys import draw_root, keys
from sparsevision.annotation.types import Clicks, PointLabels


def simulate_points(
    mask: Any,
    *,
    rng: np.random.Generator,
    per_class: int = 1,
    total: int | None = None,
    ignore_index: int | None = None,
    per_component: bool | Collection[int] = False,
    centre_bias: float = 0.0,
) -> PointLabels:
    """Label a few pixels of a class map, or a few points of a cloud.

    Points come in rounds: one point of every class (ids ascending), then a second one of every class, and so on; a
    class that is used up is left out. `simulate_points(per_class=k)` is thus the beginning of `per_class=n`, k <= n,
    for a generator in the same state. One number is drawn from `rng`, whatever the budget.

    Args:
        mask: dense truth, class ids (height, width) of an image or (count,) of a cloud; bool is 0 and 1.
        rng: `numpy.random.default_rng(seed)`.
        per_class: points per class, or per component where those are told apart.
        total: instead of `per_class`: this many points in all, uniformly over everything labelled (nested as well).
        ignore_index: the value of places without truth; None if every value is a class.
        per_component: give every connected component (8 neighbours) of a class its own points, the largest component
            first. A collection of class ids does so for these classes only: `per_component=(1,)` is the protocol of
            P-COD, one point per object and one on the background. Images only.
        centre_bias: b in [0, 1]; points are drawn from the share 1 - b of the pixels that lie deepest inside their
            class (or component), and outwards from there once these are used up. 0 is uniform, 1 takes the centre.
            Images only.

    Returns:
        `PointLabels` in the order in which they would be annotated.

    Raises:
        AnnotationError: a mask that is not a class map, or an option that does not fit it.
    """
    classes = regions.class_map(mask, ignore_index, dims=(1, 2))
    _check_point_options(classes, per_class, total, per_component, centre_bias)
    root = draw_root(rng)
    if total is not None:
        groups, rounds = [_everything(classes, ignore_index)], total
    else:
        groups, rounds = _groups(classes, ignore_index, per_component), per_class
    rank = keys(root, count=classes.size)
    ordered = [_annotation_order(group, rank, classes.shape, centre_bias) for group in groups]
    rounds = min(rounds, max(map(len, ordered), default=0))
    chosen = np.array([group[turn] for turn in range(rounds) for group in ordered if turn < len(group)], dtype=np.int64)
    meta = {"simulator": "simulate_points", "root": root, "ignore_index": ignore_index, "centre_bias": centre_bias}
    meta |= {"per_component": per_component if isinstance(per_component, bool) else sorted(per_component)}
    meta |= {"per_class": per_class} if total is None else {"total": total}
    return _point_labels(chosen, classes, meta)


def points_from_label_map(label_map: Any, *, ignore_index: int) -> PointLabels:
    """Every labelled place of a sparse label map as a point, in scan order: the inverse of `PointLabels.densify`."""
    classes = regions.class_map(label_map, ignore_index, dims=(1, 2), name="label_map")
    return _point_labels(_everything(classes, ignore_index), classes, {"source": "label map"})


def simulate_clicks(
    gt: Any,
    pred: Any = None,
    *,
    previous: Clicks | None = None,
    n: int = 1,
    ignore_index: int | None = None,
    per_component: bool = False,
    centre_bias: float = 1.0,
    rng: np.random.Generator | None = None,
) -> Clicks:
    """Click where a segmentation is most wrong, as interactive segmentation is evaluated (RITM, f-BRS).

    The rule for one click. Missed pixels (in `gt`, not in `pred`) and invented ones (the other way round) are two error
    regions. In each, a pixel's depth is its Euclidean distance to the nearest pixel outside of the region, beyond the
    image's border counting as outside. The region with the larger maximal depth is the larger one (missed wins a tie),
    the click goes to its deepest pixel (the first one in scan order), never to a pixel that was clicked before, and is
    positive on a missed pixel and negative on an invented one. Nothing is random.

    To drive a segmenter, ask for one click at a time::

        clicks = simulate_clicks(gt)                                # nothing segmented yet: the centre of the object
        for _ in range(4):
            pred = segment(image, clicks)
            clicks = simulate_clicks(gt, pred, previous=clicks)     # the same clicks and one more

    With n > 1, and so no segmenter in between, the pixels clicked in this call count as outside for the next click: the
    clicks spread over the object, and n = k gives the first k of a larger n.

    First clicks, which answer no segmentation, may also be those of a person who looks at the object's parts, or who
    does not hit the centre: see `per_component` and `centre_bias`. Both are nested in n.

    Args:
        gt: the object, bool or 0/1 (height, width).
        pred: the current segmentation, bool or 0/1 of the same shape; None if there is none yet (then it is empty).
        previous: clicks made so far; they come first in the answer.
        n: how many clicks to add. Fewer come back when every wrong pixel has its click.
        ignore_index: value of pixels of `gt` that do not count.
        per_component: first clicks only; click the connected components (8 neighbours) of the object in rounds, the
            largest first in each.
        centre_bias: first clicks only; b in [0, 1], clicks are drawn from the share 1 - b of the pixels that lie
            deepest inside the object (or component), and outwards from there. 1 is the rule above, without chance.
        rng: `numpy.random.default_rng(seed)`, needed with a `centre_bias` below 1; one number is drawn.

    Raises:
        AnnotationError: shapes differ, probabilities instead of a mask, or options for first clicks with a `pred`.
    """
    truth, counts = regions.binary_map(gt, ignore_index, name="gt")
    if per_component or centre_bias != 1:
        _check_first_clicks(pred, previous, n, centre_bias)
        return _first_clicks(truth, n, per_component=per_component, centre_bias=centre_bias, rng=rng)
    guess = np.zeros_like(truth) if pred is None else regions.binary_map(pred, None, name="pred")[0]
    if guess.shape != truth.shape:
        raise AnnotationError(f"pred: has shape {guess.shape}, gt has {truth.shape}; resize it first.")
    if previous is not None and previous.size != truth.shape:
        raise AnnotationError(f"previous: clicks on an image of size {previous.size}, gt has {truth.shape}.")
    n = checks.whole_number(n, field="n", low=0, high=truth.size)
    errors = {True: truth & ~guess & counts, False: guess & ~truth & counts}
    return _clicks_on_errors(errors, n, previous)


def _clicks_on_errors(errors: dict[bool, np.ndarray], n: int, previous: Clicks | None) -> Clicks:
    """Up to n clicks on what was missed (True) and invented (False), after the previous ones."""
    shape = errors[True].shape
    clicked = np.zeros(shape, dtype=bool) if previous is None else previous.densify(-1) >= 0
    xy = [] if previous is None else previous.xy.tolist()
    positive = [] if previous is None else previous.positive.tolist()
    for _ in range(n):
        if not any((region & ~clicked).any() for region in errors.values()):
            break
        row, column, sign = _worst(errors, clicked)
        errors[sign][row, column] = False
        xy.append([float(column), float(row)])
        positive.append(sign)
    meta = {} if previous is None else previous.meta
    return Clicks(xy=xy, positive=positive, size=shape, meta=meta | {"simulator": "simulate_clicks"})


def _worst(errors: dict[bool, np.ndarray], clicked: np.ndarray) -> tuple[int, int, bool]:
    """Row, column and sign of the next click: the deepest pixel of the deeper error region."""
    depths = {sign: np.where(clicked, 0, regions.depth_squared(region)) for sign, region in errors.items()}
    sign = bool(depths[True].max() >= depths[False].max())
    row, column = (int(i) for i in np.unravel_index(np.argmax(depths[sign]), clicked.shape))
    return row, column, sign


def _check_first_clicks(pred: Any, previous: Clicks | None, n: int, centre_bias: float) -> None:
    checks.whole_number(n, field="n", low=0)
    if not 0 <= centre_bias <= 1:
        raise AnnotationError(f"centre_bias: expected a number from 0 (uniform) to 1 (centre), got {centre_bias}.")
    if pred is not None or previous is not None:
        raise AnnotationError(
            "per_component and centre_bias are for first clicks; leave pred and previous out, or click without these."
        )


def _first_clicks(
    truth: np.ndarray, n: int, *, per_component: bool, centre_bias: float, rng: np.random.Generator | None
) -> Clicks:
    """Positive clicks on the object, component by component in rounds, or on all of it."""
    indices = np.flatnonzero(truth)
    groups = regions.components(indices, truth.shape) if per_component and len(indices) else [indices]
    meta = {"simulator": "simulate_clicks", "per_component": per_component, "centre_bias": centre_bias}
    if centre_bias == 1:
        ordered = [_deepest_first(group, truth.shape) for group in groups]
    else:
        meta["root"] = draw_root(rng)
        rank = keys(meta["root"], count=truth.size)
        ordered = [iter(_annotation_order(group, rank, truth.shape, centre_bias).tolist()) for group in groups]
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*ordered))
    chosen = list(itertools.islice((pixel for pixel in rounds if pixel is not None), min(n, len(indices))))
    rows, columns = np.unravel_index(np.array(chosen, dtype=np.int64), truth.shape)
    return Clicks(xy=np.stack([columns, rows], axis=1), positive=[True] * len(chosen), size=truth.shape, meta=meta)


def _deepest_first(group: np.ndarray, shape: tuple[int, int]) -> Iterator[int]:
    """The pixels of a group: the deepest, then the deepest of what is left around it, and so on."""
    if not len(group):
        return
    region, corner = regions.crop(group, shape)
    for _ in range(len(group)):
        row, column = np.unravel_index(np.argmax(regions.depth_squared(region)), region.shape)
        region[row, column] = False
        yield int(np.ravel_multi_index((row + corner[0], column + corner[1]), shape))


def _check_point_options(
    classes: np.ndarray, per_class: int, total: int | None, per_component: Any, centre_bias: float
) -> None:
    checks.whole_number(per_class, field="per_class", low=0)
    if total is not None:
        checks.whole_number(total, field="total", low=0)
    if not 0 <= centre_bias <= 1:
        raise AnnotationError(f"centre_bias: expected a number from 0 (uniform) to 1 (centre), got {centre_bias}.")
    if classes.ndim == 1 and (per_component or centre_bias):
        raise AnnotationError("per_component and centre_bias are for images; a cloud has neither components nor depth.")
    if total is not None and (per_component or per_class != 1):
        raise AnnotationError("total counts points over all classes: leave per_class and per_component alone.")


def _everything(classes: np.ndarray, ignore_index: int | None) -> np.ndarray:
    flat = classes.ravel()
    return np.arange(flat.size) if ignore_index is None else np.flatnonzero(flat != ignore_index)


def _groups(classes: np.ndarray, ignore_index: int | None, per_component: bool | Collection[int]) -> list[np.ndarray]:
    groups = []
    for label, indices in regions.classes_of(classes, ignore_index):
        split = per_component if isinstance(per_component, bool) else label in per_component
        groups += regions.components(indices, classes.shape) if split else [indices]
    return groups


def _annotation_order(group: np.ndarray, rank: np.ndarray, shape: tuple[int, ...], centre_bias: float) -> np.ndarray:
    """The pixels of a group (flat indices) in the order in which they would be annotated."""
    group = group[np.argsort(rank[group], kind="stable")]
    if not centre_bias or not len(group):
        return group
    region, (top, left) = regions.crop(group, shape)
    rows, columns = np.unravel_index(group, shape)
    depth = regions.depth_squared(region)[rows - top, columns - left]
    inwards = np.argsort(-depth, kind="stable")
    deepest = max(1, int(np.ceil((1 - centre_bias) * len(group))))
    return group[np.concatenate([np.sort(inwards[:deepest]), inwards[deepest:]])]


def _point_labels(chosen: np.ndarray, classes: np.ndarray, meta: dict) -> PointLabels:
    labels = classes.ravel()[chosen]
    if classes.ndim == 1:
        return PointLabels(indices=chosen, labels=labels, size=classes.shape, meta=meta)
    rows, columns = np.unravel_index(chosen, classes.shape)
    return PointLabels(xy=np.stack([columns, rows], axis=1), labels=labels, size=classes.shape, meta=meta)
