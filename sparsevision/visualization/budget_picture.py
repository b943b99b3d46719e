"""One picture of what a budget of annotations bought: examples above, cost and reach below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks
from sparsevision.annotation.report import BudgetStep
from sparsevision.visualization.canvas import BACKGROUND, FOREGROUND, class_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
TRACK_COLOUR = (0.0, 0.65, 1.0)
MOST_IN_A_ROW = 5


@dataclass(frozen=True, kw_only=True)
class Example:
    """An image with its annotations by name.

    Attributes:
        title: shown above.
        annotations: what is drawn.
        picture: uint8 RGB (H,W,3); None draws on grey.
        truth: bool (H,W), shown as outline.
    """

    title: str
    annotations: Mapping[str, Annotation]
    picture: NDArray | None = None
    truth: NDArray | None = None


def budget_figure(
    *,
    title: str,
    examples: Sequence[Example],
    curves: Mapping[str, Sequence[BudgetStep]],
    prices: Mapping[str, float],
) -> "Figure":
    """A matplotlib figure, to be saved with `savefig`.

    Args:
        title: of the figure.
        examples: images to show, at most five a row.
        curves: type of annotation -> what a growing budget of it bought.
        prices: bar -> seconds an image, such as "points", "full mask".
    """
    from matplotlib.figure import Figure

    rows = -(-len(examples) // MOST_IN_A_ROW)
    columns = -(-len(examples) // max(rows, 1))
    figure = Figure(figsize=(13, 0.6 + 3.0 * rows + 3.9), layout="constrained", dpi=DPI)
    figure.suptitle(title, fontsize=13)
    upper, lower = figure.subfigures(2, 1, height_ratios=[3.0 * rows, 3.9]) if rows else (None, figure)
    if upper is not None:
        for axes in upper.subplots(rows, columns, squeeze=False).ravel():
            axes.set_axis_off()
        for axes, example in zip(upper.axes, examples, strict=False):
            draw_example(axes, example)
    reach, labelled, cost = lower.subplots(1, 3)
    known = any(step.object_share is not None for steps in curves.values() for step in steps)
    _curve(reach, curves, "object_share" if known else "turns", "objects touched" if known else "items an annotation")
    _curve(labelled, curves, "pixel_share", "pixels labelled")
    labelled.set_yscale("log")
    _bars(cost, prices)
    return figure


def draw_example(axes: "Axes", example: Example) -> None:
    """An image, its truth as outline, and everything that was annotated."""
    height, width = _frame(example)
    picture = np.full((height, width, 3), 225, np.uint8) if example.picture is None else example.picture
    axes.imshow(picture, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="antialiased")
    if example.truth is not None and example.truth.any() and not example.truth.all():
        axes.contour(example.truth, levels=[0.5], colors="white", linewidths=2.2)
        axes.contour(example.truth, levels=[0.5], colors="black", linewidths=0.9)
    for annotation in sorted(example.annotations.values(), key=lambda each: isinstance(each, PointLabels | Clicks)):
        _draw(axes, annotation)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_title(example.title, fontsize=9)


def _frame(example: Example) -> tuple[int, int]:
    sizes = [annotation.size for annotation in example.annotations.values() if len(annotation.size) == 2]
    return sizes[0] if sizes else (1, 1)


def _draw(axes: "Axes", annotation: Annotation) -> None:
    if isinstance(annotation, Scribbles):
        for line, label in zip(annotation.polylines, annotation.labels, strict=True):
            _stroke(axes, line, _colour(label))
    elif isinstance(annotation, Boxes):
        for box, label in zip(annotation.xyxy - 0.5, annotation.labels, strict=True):
            corners = box[[0, 1, 2, 1, 2, 3, 0, 3, 0, 1]].reshape(-1, 2)
            _stroke(axes, corners, _colour(label))
    elif isinstance(annotation, Tracks):
        for path in annotation.paths:
            _stroke(axes, path, TRACK_COLOUR)
        starts = np.array([path[0] for path in annotation.paths]).reshape(-1, 2)
        axes.scatter(*starts.T, s=14, color=TRACK_COLOUR, edgecolors="white", linewidths=0.7, zorder=4)
    elif isinstance(annotation, PointLabels | Clicks) and annotation.xy is not None:
        clicks = isinstance(annotation, Clicks)
        colours = [_colour(label) for label in annotation.labels]
        axes.scatter(
            *annotation.xy.T, s=60 if clicks else 30, c=colours or None, marker="*" if clicks else "o",
            edgecolors="white", linewidths=0.8, zorder=4,
        )  # fmt: skip


def _stroke(axes: "Axes", line: NDArray, colour: tuple[float, ...]) -> None:
    mark = "o" if len(line) == 1 else None
    axes.plot(*line.T, color="white", linewidth=3.2, marker=mark, markersize=5, solid_capstyle="round", zorder=3)
    axes.plot(*line.T, color=colour, linewidth=1.8, marker=mark, markersize=3.5, solid_capstyle="round", zorder=3)


def _colour(label: int) -> tuple[float, ...]:
    """Background red and class 1 green, as everywhere in this package; further classes get colours of their own."""
    palette = {0: BACKGROUND, 1: FOREGROUND}
    return tuple(np.array(palette.get(int(label), class_colours(int(label) + 1)[-1])) / 255)


def _curve(axes: "Axes", curves: Mapping[str, Sequence[BudgetStep]], field: str, words: str) -> None:
    share = field != "turns"
    for name, steps in curves.items():
        seconds = np.array([step.seconds for step in steps])
        values = np.array([getattr(step, field) for step in steps], dtype=float)
        if np.nansum(values) > 0:
            axes.plot(seconds, values * (100 if share else 1), marker="o", markersize=3.5, label=name)
    axes.set(
        xlabel="seconds of work (cost model)", ylabel=f"{words}, %" if share else words, title=f"{words} against cost"
    )
    if field == "object_share":
        axes.set_ylim(0, 104)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=8)


def _bars(axes: "Axes", prices: Mapping[str, float]) -> None:
    names, seconds = list(prices)[::-1], np.array(list(prices.values()))[::-1]
    bars = axes.barh(names, seconds, color=["0.7" if "mask" in name or "outline" in name else "C0" for name in names])
    axes.bar_label(bars, labels=[f" {value:.1f} s" for value in seconds], fontsize=9)
    axes.set(xlabel="seconds an image", title="cost of an image")
    axes.set_xlim(0, max([*seconds, 1e-9]) * 1.22)
