"""Random numbers that are the same on every machine, with every numpy, for every budget.

A simulation draws **one** number from the caller's generator (its raw 64-bit stream, which numpy promises never to
change) and derives a key for every candidate from it by SplitMix64 (Steele, Lea and Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014), in exact integer arithmetic. The key of a candidate does not depend on
how many are wanted, and this is what makes budgets nested.
"""

import numpy as np

from sparsevision.annotation.errors import AnnotationError

_GAMMA = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def draw_root(rng: np.random.Generator) -> int:
    """One raw number of the generator's stream: all the randomness of one simulation."""
    if not isinstance(rng, np.random.Generator):
        raise AnnotationError(f"rng: expected numpy.random.default_rng(seed), got {type(rng).__name__}.")
    return int(rng.bit_generator.random_raw())


def keys(root: int, *path: int, count: int) -> np.ndarray:
    """`count` random uint64 numbers (count,) of the stream that `root` and the whole numbers in `path` name."""
    return keys_at(root, *path, places=np.arange(count))


def keys_at(root: int, *path: int, places: np.ndarray) -> np.ndarray:
    """The random uint64 numbers at `places` (N,), whole numbers, of the stream that `root` and `path` name."""
    state = root
    for step in path:
        state = int(_mix(np.array([(state + _GAMMA * (step + 1)) & _MASK], dtype=np.uint64))[0])
    turns = np.asarray(places, dtype=np.int64).astype(np.uint64) + np.uint64(1)
    return _mix(np.uint64(state & _MASK) + np.uint64(_GAMMA) * turns)


def unit_numbers(numbers: np.ndarray) -> np.ndarray:
    """Random uint64 numbers as float64 in [0, 1): their upper 53 bits, without rounding."""
    return (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
