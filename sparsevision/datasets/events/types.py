"""What an event camera gives: places, times and signs of brightness changes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sparsevision.utils import UserError


@dataclass(frozen=True)
class Events:
    """Events in the order of time.

    Attributes:
        x, y: (N,) columns and rows in pixels; unsigned integers as recorded, float32 once rectified.
        t: (N,) int64 microseconds.
        p: (N,) uint8, 1 for brighter, 0 for darker.
        sensor_size: (height, width) in pixels, None if the recording does not say.

    Raises:
        UserError: the arrays differ in length, or are not one-dimensional.
    """

    x: NDArray
    y: NDArray
    t: NDArray
    p: NDArray
    sensor_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        shapes = {name: np.shape(getattr(self, name)) for name in ("x", "y", "t", "p")}
        if len(set(shapes.values())) != 1 or len(self.t.shape) != 1:
            raise UserError(f"Events need x, y, t and p of one length (N,); got {shapes}.")

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, part: slice | NDArray) -> "Events":
        """The events of a slice, a mask or an array of indices."""
        return replace(self, x=self.x[part], y=self.y[part], t=self.t[part], p=self.p[part])
