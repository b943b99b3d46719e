"""What a person has clicked on an image so far: drags and strokes of a brush."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.methods.motion_i2v import interpolate_track
from sparsevision.visualization import draw_points, draw_tracks

TOOLS = ("drag", "brush")
SHOWN = 512  # pixels; smaller images are enlarged, so that single pixels can be hit
MOMENTS = 32  # on a drawn drag


@dataclass(frozen=True)
class Mark:
    """One click.

    Attributes:
        tool: "drag" or "brush".
        begins: whether a new drag or stroke begins here.
        xy: in pixels of the image.
        radius: of the brush in pixels of the image.
    """

    tool: str
    begins: bool
    xy: tuple[float, float]
    radius: float


@dataclass(frozen=True)
class Sketch:
    """An image with clicks on it; every change is a new sketch.

    Attributes:
        image: uint8 RGB (H,W,3).
        marks: clicks in their order.
        apart: whether the next click begins a new drag or stroke.
    """

    image: NDArray[np.uint8]
    marks: tuple[Mark, ...] = ()
    apart: bool = True

    @property
    def grow(self) -> int:
        """How many times larger the picture is than the image."""
        return max(1, SHOWN // max(self.image.shape[:2]))

    def clicked(self, column: float, row: float, *, tool: str, radius: float) -> "Sketch":
        """With a click at a pixel of the picture."""
        height, width = self.image.shape[:2]
        x, y = ((place + 0.5) / self.grow - 0.5 for place in (column, row))
        place = (float(np.clip(x, -0.5, width - 0.51)), float(np.clip(y, -0.5, height - 0.51)))
        begins = self.apart or not self.marks or self.marks[-1].tool != tool
        return replace(self, marks=(*self.marks, Mark(tool, begins, place, float(radius))), apart=False)

    def set_apart(self) -> "Sketch":
        """The next click begins a new drag or stroke."""
        return replace(self, apart=True)

    def undone(self) -> "Sketch":
        """Without the last click."""
        return replace(self, marks=self.marks[:-1], apart=len(self.marks) < 2)

    def cleared(self) -> "Sketch":
        """Without any click."""
        return Sketch(self.image)

    @property
    def drags(self) -> list[NDArray[np.float64]]:
        """Clicks (k,2) of each drag."""
        return [np.array([mark.xy for mark in group]) for group in self._groups("drag")]

    @property
    def painted(self) -> NDArray[np.bool_] | None:
        """(H,W), true under the brush; None if it was not used."""
        canvas = np.zeros(self.image.shape[:2], np.uint8)
        strokes = self._groups("brush")
        for stroke in strokes:
            for before, after in zip([stroke[0], *stroke], stroke, strict=False):
                _paint(canvas, before.xy, after.xy, after.radius)
        return canvas > 0 if strokes else None

    @property
    def brush(self) -> NDArray[np.bool_] | None:
        """(H,W), true = frozen: all but what is painted; None if nothing is."""
        painted = self.painted
        return None if painted is None or not painted.any() else ~painted

    def picture(self) -> NDArray[np.uint8]:
        """uint8 RGB, the image enlarged with drags, and dark where it is frozen."""
        grow = self.grow
        drawn = self.image.repeat(grow, axis=0).repeat(grow, axis=1)
        frozen = self.brush
        frozen = None if frozen is None else frozen.repeat(grow, axis=0).repeat(grow, axis=1)
        drags = [(clicks + 0.5) * grow - 0.5 for clicks in self.drags]
        if not drags:
            return draw_tracks(drawn, np.zeros((0, 2)), np.zeros((0, 0, 2)), frozen=frozen)
        ways = np.stack([interpolate_track(clicks, MOMENTS) for clicks in drags], axis=1)
        drawn = draw_tracks(drawn, ways[0], ways[1:], frozen=frozen)
        inner = np.concatenate([clicks[1:-1] for clicks in drags])
        return draw_points(drawn, inner, np.ones(len(inner), int))

    def words(self) -> str:
        """What is drawn, in words."""
        moving = [len(clicks) for clicks in self.drags if len(clicks) > 1]
        still = len(self.drags) - len(moving)
        named = [f"{len(moving)} drag{'s'[: len(moving) > 1]} of {sum(moving)} clicks"] if moving else []
        named += [f"{still} point{'s that stay' if still > 1 else ' that stays'}"] if still else []
        frozen = self.brush
        if frozen is not None:
            named.append(f"{100 * (1 - frozen.mean()):.0f}% of the image may move")
        return ", ".join(named) or "Nothing drawn yet: click where a drag starts, then where it leads."

    def _groups(self, tool: str) -> list[list[Mark]]:
        groups: list[list[Mark]] = []
        for mark in self.marks:
            if mark.tool == tool:
                if mark.begins:
                    groups.append([])
                groups[-1].append(mark)
        return groups


def _paint(canvas: NDArray[np.uint8], before: tuple[float, float], after: tuple[float, float], radius: float) -> None:
    ends = [tuple(round(place) for place in xy) for xy in (before, after)]
    cv2.line(canvas, *ends, 1, max(1, round(2 * radius)))
    cv2.circle(canvas, ends[1], round(radius), 1, -1)
