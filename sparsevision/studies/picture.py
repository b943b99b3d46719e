"""The picture of a study: a metric against the time that annotation costs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparsevision.studies.plan import DENSE
from sparsevision.studies.table import BASELINE, Point, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito, 2008
MARKERS = "osD^vP*"
DPI = 120
APART = 0.008  # of the axis, between the bars of two lines at the same cost
WIDE = 4.0  # from this ratio of the largest to the smallest cost on, the axis is logarithmic
UNITS = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def study_figure(points: Sequence[Point], *, metric: str, title: str, lower_is_better: bool = False) -> "Figure":
    """A panel for each kind of annotation with a line a selector, and, for several kinds, one that compares them.

    Points are means over seeds, bars one standard deviation to each side; the dashed line is the model that learns
    from everything, in the band of its standard deviation. Where there is no price the number of annotations stands.
    Lines are drawn a little apart from each other, so that their bars can be told.
    """
    from matplotlib.figure import Figure

    bound = next((point for point in points if point.selector == DENSE), None)
    curves: dict[str, dict[str, list[Point]]] = {}
    for point in points:
        if point.selector != DENSE:
            curves.setdefault(point.kind, {}).setdefault(point.selector, []).append(point)
    compared = {kind: found[BASELINE] for kind, found in curves.items() if BASELINE in found}
    panels = len(curves) + (len(compared) > 1)
    figure = Figure(figsize=(1.2 + 4.6 * panels, 4.4), layout="constrained", dpi=DPI)
    figure.suptitle(title, fontsize=11)
    places = figure.subplots(1, panels, squeeze=False, sharey=True)[0]
    selectors = list(dict.fromkeys(name for found in curves.values() for name in found))
    for axes, (kind, found) in zip(places, curves.items(), strict=False):
        _panel(axes, {name: (found[name], selectors.index(name)) for name in found}, f"{kind} labels", bound)
    if len(compared) > 1:
        lines = {kind: (line, number + 1) for number, (kind, line) in enumerate(compared.items())}
        _panel(places[-1], lines, f"kinds of labels, {BASELINE} choice", bound)
    places[0].set_ylabel(f"{metric} ({'lower' if lower_is_better else 'higher'} is better)")
    return figure


def _panel(axes: "Axes", lines: dict[str, tuple[list[Point], int]], title: str, bound: Point | None) -> None:
    priced = all(point.seconds is not None for line, _ in lines.values() for point in line)
    amounts = [point.seconds if priced else point.annotations for line, _ in lines.values() for point in line]
    _, unit, word = next(each for each in UNITS if max(amounts) >= each[0]) if priced else (0, 1.0, "")
    least, most = min(amounts) / unit, max(amounts) / unit
    logarithmic = least > 0 and most / least >= WIDE
    for place, (name, (line, number)) in enumerate(lines.items()):
        line = sorted(line, key=lambda point: point.budget)
        amount = [(point.seconds if priced else point.annotations) / unit for point in line]
        aside = (place - (len(lines) - 1) / 2) * APART
        axes.errorbar(
            [each * (most / least) ** aside if logarithmic else each + (most - least) * aside for each in amount],
            [point.summary.mean for point in line],
            yerr=[point.summary.std or 0.0 for point in line],
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            linewidth=1.6,
            capsize=2.5,
            elinewidth=1,
            label=name,
        )
    if logarithmic:
        _logarithmic(axes, least, most)
    if bound is not None:
        _bound(axes, bound)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(f"{word} of annotation (cost model)" if priced else "annotations")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _logarithmic(axes: "Axes", least: float, most: float) -> None:
    """Ticks at 1, 2 and 5 of each decade, written as numbers, from below the least amount to above the largest."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    steps = [base * 10.0**power for power in range(-2, 6) for base in (1, 2, 5)]
    first = max((step for step in steps if step <= least), default=least)
    last = min((step for step in steps if step >= most), default=most)
    axes.set_xlim(first / 1.05, last * 1.05)
    axes.xaxis.set_major_locator(FixedLocator([step for step in steps if first <= step <= last]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _bound(axes: "Axes", bound: Point) -> None:
    spread, price = bound.summary, duration(bound.seconds)
    label = f"everything labelled ({price})" if price else "everything labelled"
    axes.axhline(spread.mean, color="0.35", linestyle="--", linewidth=1.4, label=label)
    if spread.std:
        axes.axhspan(spread.mean - spread.std, spread.mean + spread.std, color="0.35", alpha=0.12, linewidth=0)
