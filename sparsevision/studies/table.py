"""What a study found: rows, one a run; curves of them; a CSV file and a Markdown table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparsevision.annotation import CostModel
from sparsevision.studies.plan import DENSE, Part
from sparsevision.utils import UserError, atomic_write, did_you_mean
from sparsevision.zoo.seeds import Summary, paired_difference, summarise
from sparsevision.zoo.tables import markdown_table

COLUMNS = (
    "config", "kind", "selector", "budget", "seed", "units", "annotations", "annotation_seconds", "training_seconds",
)  # fmt: skip
BASELINE = "random"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One complete run; `seconds` of annotation, None where nothing has a price; of training, None if interrupted."""

    config: str
    kind: str
    selector: str
    budget: int
    seed: int
    units: int
    annotations: int
    seconds: float | None
    training_seconds: float | None
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One budget of one selector: the metric over the seeds that are done."""

    kind: str
    selector: str
    budget: int
    units: str
    annotations: float
    seconds: float | None
    values: dict[int, float]

    @property
    def summary(self) -> Summary:
        """Mean and spread over seeds."""
        return summarise(list(self.values.values()))


def rows_of(part: Part, costs: CostModel) -> list[Row]:
    """The complete runs of a config, with what their annotations cost."""
    rows = []
    for run in part.runs:
        result = run.result
        if result is None:
            continue
        dense = run.selector == DENSE
        chosen = result["chosen"] or (part.task.names if not dense else [])
        rows.append(
            Row(
                config=part.config.stem,
                kind=part.task.kind,
                selector=run.selector,
                budget=run.budget,
                seed=run.seed,
                units=len(chosen) or len(part.task.names),
                annotations=part.task.annotations(chosen) if chosen else 0,
                seconds=part.task.seconds(chosen, costs) if chosen else None,
                training_seconds=result["training_seconds"],
                metrics=result["metrics"],
            )
        )
    return rows


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """One line a run, one column a metric, in one step."""
    metrics = list(dict.fromkeys(name for row in rows for name in row.metrics))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, *metrics])
    for row in rows:
        seconds = ["" if value is None else f"{value:.1f}" for value in (row.seconds, row.training_seconds)]
        own = [row.config, row.kind, row.selector, row.budget, row.seed, row.units, row.annotations, *seconds]
        values = [row.metrics.get(name, "") for name in metrics]
        writer.writerow([*own, *values])
    with atomic_write(path) as file:
        file.write(stream.getvalue().encode())


def chosen_metric(rows: Sequence[Row], wanted: str | None) -> str:
    """The metric of the table and the picture: the wanted one, or the first that every run has.

    Raises:
        UserError: no run is complete, no run has the wanted metric, or they have none in common.
    """
    if not rows:
        raise UserError("no run is complete, so there is nothing to show.")
    common = [name for name in rows[0].metrics if all(name in row.metrics for row in rows)]
    if wanted is not None and wanted not in common:
        raise UserError(
            f"no metric '{wanted}' in every run.{did_you_mean(wanted, common)} Common: {', '.join(common)}."
        )
    if not common:
        raise UserError("the runs report no metric in common; name one of each config's test_evaluator with --metric.")
    return wanted or common[0]


def points_of(rows: Sequence[Row], metric: str, *, unit: str) -> list[Point]:
    """Runs of one config put together over seeds, in the order of the rows."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.selector, row.budget), []).append(row)
    points = []
    for (selector, budget), members in groups.items():
        prices = [row.seconds for row in members]
        points.append(
            Point(
                kind=members[0].kind,
                selector=selector,
                budget=budget,
                units=unit,
                annotations=sum(row.annotations for row in members) / len(members),
                seconds=None if None in prices else sum(prices) / len(prices),
                values={row.seed: row.metrics[metric] for row in members},
            )
        )
    return points


def study_table(points: Sequence[Point], metric: str) -> str:
    """A line a selector and budget: mean and spread over seeds, and the paired difference to random.

    A value of k_center or vote_k differs between seeds by training alone, as their choice is the same for all.
    """
    header = ["Annotation", "Selector", "Budget", "Annotations", "Cost", metric, "std", "to random"]
    random = {(point.kind, point.budget): point for point in points if point.selector == BASELINE}
    return markdown_table(header, [_cells(point, random.get((point.kind, point.budget))) for point in points])


def _cells(point: Point, baseline: Point | None) -> list[str]:
    spread = point.summary
    digits = 4 if abs(spread.mean) < 10 else 2
    std = "" if spread.std is None else f"{spread.std:.{digits}f}"
    budget = "everything" if point.selector == DENSE else f"{point.budget} {point.units}"
    count = f"{point.annotations:.0f}" if point.annotations else ""
    difference = ""
    if baseline is not None and baseline is not point:
        seeds = [seed for seed in point.values if seed in baseline.values]
        if seeds:
            between = paired_difference([point.values[s] for s in seeds], [baseline.values[s] for s in seeds])
            error = "" if between.error is None else f" ± {between.error:.{digits}f}"
            difference = f"{between.mean:+.{digits}f}{error}"
    return [
        *(point.kind, point.selector, budget, count, duration(point.seconds)),
        *(f"{spread.mean:.{digits}f}", std, difference),
    ]


def duration(seconds: float | None) -> str:
    """Seconds in words, "" for None: 40 s, 12 min, 21.3 h."""
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
