"""Numbers of several configs and seeds: mean, spread, paired differences, as one Markdown table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sparsevision.utils import UserError, did_you_mean
from sparsevision.zoo.tables import markdown_table

Runs = Mapping[str, Sequence[Mapping[str, float]]]


@dataclass(frozen=True)
class Summary:
    """Mean, sample standard deviation and standard error of n values; the last two are None for one value."""

    mean: float
    std: float | None
    error: float | None


def summarise(values: Sequence[float]) -> Summary:
    """The spread of one metric over seeds: std has n - 1 in the denominator, error = std / sqrt(n)."""
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return Summary(float(array.mean()), None, None)
    std = float(array.std(ddof=1))
    return Summary(float(array.mean()), std, std / len(array) ** 0.5)


def paired_difference(values: Sequence[float], baseline: Sequence[float]) -> Summary:
    """Spread of value - baseline, seed by seed: what both share by the seed cancels out."""
    return summarise(np.subtract(values, baseline).tolist())


def seed_table(runs: Runs, *, metrics: Sequence[str] = ()) -> str:
    """A table with every seed, mean, spread, and the difference to the first config.

    Args:
        runs: config name -> one mapping of metric values a seed, the same seeds for every config.
        metrics: which metrics, in order; by default those that every run has.

    Raises:
        UserError: a metric that a run does not have, or no metric that all have.
    """
    everyone = [set(values) for seeds in runs.values() for values in seeds]
    known = set.intersection(*everyone)
    for name in metrics:
        if name not in known:
            raise UserError(
                f"no metric '{name}' in every run.{did_you_mean(name, known)} Common: {', '.join(sorted(known))}."
            )
    names = list(metrics) or [name for name in next(iter(runs.values()))[0] if name in known]
    if not names:
        raise UserError("the configs report no common metric, so there is no table to write")
    first, count = next(iter(runs)), len(next(iter(runs.values())))
    seeds = [f"seed {seed}" for seed in range(count)]
    header = ["Config", "Metric", *seeds, "mean", "std", "s.e.", "difference to the first"]
    rows = [_row(config, name, runs, first) for name in names for config in runs]
    return markdown_table(header, rows)


def _row(config: str, metric: str, runs: Runs, first: str) -> list[str]:
    values = [seed[metric] for seed in runs[config]]
    spread = summarise(values)
    cells = [_text(value) for value in [*values, spread.mean, spread.std, spread.error]]
    difference = "" if config == first else _signed(paired_difference(values, [seed[metric] for seed in runs[first]]))
    return [config, metric, *cells, difference]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _signed(difference: Summary) -> str:
    error = "" if difference.error is None else f" ± {difference.error:.4f}"
    return f"{difference.mean:+.4f}{error}"
