"""Which boxes of an image are drawn when not all are: protocols of sparsely annotated object detection.

`random`, keep = a share p in (0, 1]: each box is kept with probability p, whatever the others.

`one_per_category`: one box of every class that the image shows (SIOD).

`easy`: all boxes but one; the only box of an image stays. `hard`: half of the boxes of every class, rounded up.
`extreme`: one box (the three settings of BRL, part-aware sampling and Co-mining).

What an image keeps depends on the seed, the image's id and the boxes' ids alone: neither on the order of images and
boxes nor on other images or workers. `random` is nested: a smaller share keeps part of what a larger one keeps.

Sources: SIOD (Li et al., CVPR 2022), Co-mining (Wang et al., AAAI 2021), SparseDet (Suri et al., ICCV 2023). The
published index files are not at hand; these draws follow the descriptions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.random_keys import keys_at, unit_numbers
from sparsevision.utils import did_you_mean

KEPT, POINT_X, POINT_Y = range(3)  # the streams of random numbers of an image
Draw = Callable[[NDArray, NDArray, float], NDArray]


def kept_boxes(
    labels: Any, ids: Any, *, protocol: str, seed: int, image_id: int, keep: float = 0.5
) -> NDArray[np.bool_]:
    """Which of the boxes of one image are kept, (M,) bool.

    Args:
        labels: (M,) classes of the boxes.
        ids: (M,) whole numbers, each box's own within the image: those of the annotation file.
        protocol: one of `BOX_PROTOCOLS`.
        seed: of the draws.
        image_id: of the image.
        keep: the share that `random` keeps, above 0 and up to 1; the other protocols do not use it.

    Raises:
        AnnotationError: an unknown protocol, or a share or seed out of range.
    """
    check_protocol(protocol, keep=keep, seed=seed)
    labels = np.asarray(labels, dtype=np.int64).reshape(-1)
    return _DRAWS[protocol](labels, keys_at(seed, image_id, KEPT, places=np.asarray(ids)), keep)


def points_in_boxes(boxes: Any, ids: Any, *, spread: float, seed: int, image_id: int) -> NDArray[np.float32]:
    """One point (x, y) in each box, (M,2) float32, the same for the same seed, image and ids.

    Args:
        boxes: (M,4) edges (x0, y0, x1, y1).
        ids: (M,) whole numbers, as for `kept_boxes`.
        spread: 0 is the box's centre, 1 anywhere in the box with equal probability, between them a middle part.
        seed: of the draws.
        image_id: of the image.

    Raises:
        AnnotationError: a spread out of [0, 1], or a negative seed.
    """
    check_spread(spread)
    check_protocol("random", keep=1.0, seed=seed)
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    draws = [unit_numbers(keys_at(seed, image_id, stream, places=np.asarray(ids))) for stream in (POINT_X, POINT_Y)]
    shares = 0.5 + spread * (np.stack(draws, axis=1) - 0.5)
    return (boxes[:, :2] + shares * (boxes[:, 2:] - boxes[:, :2])).astype(np.float32)


def check_spread(spread: Any) -> None:
    """Raises AnnotationError unless `spread` is a number in [0, 1]."""
    if not isinstance(spread, int | float) or not 0 <= spread <= 1:
        raise AnnotationError(f"spread: expected a number from 0 (centre) to 1 (anywhere inside), got {spread!r:.40}.")


def check_protocol(protocol: Any, *, keep: Any, seed: Any) -> None:
    """Raises AnnotationError for what `kept_boxes` cannot use."""
    if not isinstance(protocol, str) or protocol not in _DRAWS:
        hint = did_you_mean(str(protocol)[:40], BOX_PROTOCOLS)
        raise AnnotationError(f"protocol: {protocol!r:.40} is none of {', '.join(BOX_PROTOCOLS)}.{hint}")
    if not isinstance(keep, int | float) or not 0 < keep <= 1:
        raise AnnotationError(f"keep: expected a share above 0 and up to 1, got {keep!r:.40}.")
    if not isinstance(seed, int) or seed < 0:
        raise AnnotationError(f"seed: expected a whole number from 0 on, got {seed!r:.40}.")


def _random(labels: NDArray, ranks: NDArray, keep: float) -> NDArray:
    return unit_numbers(ranks) < keep


def _one_per_category(labels: NDArray, ranks: NDArray, keep: float) -> NDArray:
    return _places(labels, ranks) == 0


def _easy(labels: NDArray, ranks: NDArray, keep: float) -> NDArray:
    place = _places(np.zeros_like(labels), ranks)
    return (place == 0) | (place < len(labels) - 1)


def _hard(labels: NDArray, ranks: NDArray, keep: float) -> NDArray:
    counts = (labels[:, None] == labels).sum(axis=1)
    return _places(labels, ranks) < (counts + 1) // 2


def _extreme(labels: NDArray, ranks: NDArray, keep: float) -> NDArray:
    return _places(np.zeros_like(labels), ranks) == 0


def _places(groups: NDArray, ranks: NDArray) -> NDArray:
    """Place of each box, by rising rank, among those of its group."""
    return ((groups[:, None] == groups) & (ranks < ranks[:, None])).sum(axis=1)


_DRAWS: dict[str, Draw] = {
    "random": _random,
    "one_per_category": _one_per_category,
    "easy": _easy,
    "hard": _hard,
    "extreme": _extreme,
}
BOX_PROTOCOLS = tuple(_DRAWS)
