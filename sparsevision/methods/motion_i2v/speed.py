"""Speed curves: how far along its way a drag, or a camera, is at each moment of the clip.

A curve maps shares of the time in [0, 1] to shares of the way in [0, 1], arrays (n,) -> (n,), with 0 -> 0.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

from sparsevision.utils import UserError, did_you_mean

Speed = Callable[[np.ndarray], np.ndarray]


def steady(time: np.ndarray) -> np.ndarray:
    """The same speed all the time."""
    return time


def ease_in(time: np.ndarray) -> np.ndarray:
    """From rest, faster and faster."""
    return time**2


def ease_out(time: np.ndarray) -> np.ndarray:
    """Slower and slower, to rest."""
    return 1 - (1 - time) ** 2


def ease_in_out(time: np.ndarray) -> np.ndarray:
    """From rest to rest."""
    return time**2 * (3 - 2 * time)


def there_and_back(time: np.ndarray) -> np.ndarray:
    """At the end of the way in the middle of the clip, and back at its start in the end."""
    return 1 - np.abs(1 - 2 * time)


SPEEDS: dict[str, Speed] = {curve.__name__: curve for curve in (steady, ease_in, ease_out, ease_in_out, there_and_back)}


def named_speed(name: str) -> Speed:
    """The curve of that name, see `SPEEDS`.

    Raises:
        UserError: there is none.
    """
    if name not in SPEEDS:
        raise UserError(f"there is no speed '{name}'.{did_you_mean(name, SPEEDS)} Known: {', '.join(SPEEDS)}.")
    return SPEEDS[name]


def keyed_speed(keys: Sequence[tuple[float, float]]) -> Speed:
    """A smooth curve through (time, way) pairs that nowhere overshoots them; it stays at the last one to the end.

    Args:
        keys: shares in [0, 1], times strictly increasing and above 0; (0, 0) is added.

    Raises:
        UserError: keys out of range or out of order.
    """
    table = np.array([(0.0, 0.0), *[tuple(key) for key in keys if tuple(key) != (0, 0)]], dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2:
        raise UserError("keyed_speed: expected at least one pair (time, way) after (0, 0).")
    if not ((table >= 0) & (table <= 1)).all() or (np.diff(table[:, 0]) <= 0).any():
        raise UserError(f"keyed_speed: expected shares in [0, 1] with increasing times, got {table[1:].tolist()}.")
    curve = PchipInterpolator(*table.T)
    return lambda time: curve(np.minimum(time, table[-1, 0]))
