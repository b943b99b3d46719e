"""A plug-in of pytest that writes down every comparison of numbers that a test makes.

`tools/analysis_tools/fidelity_table.py` loads it (`pytest -p comparisons`); FIDELITY_FILE names the file.
"""

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from _pytest.assertion import rewrite

NUMBER = r"-?[\d.]+(?:e[-+]?\d+)?"
BELOW = re.compile(rf"(?:(?:tensor|np\.float\d+)\()?({NUMBER})(?:, [^)]*)?\)? <=? ([\d.e+*() -]+)(?:\n|$)")
SAME = re.compile(r"(-?\d+) == (-?\d+)(?:\n|$)")
TORCH_DEFAULTS = {torch.float32: (1.3e-6, 1e-5), torch.float64: (1e-7, 1e-7)}

heard: list[dict] = []
running = [""]


def note(theirs: float | None, ours: float | None, difference: float, tolerance: float) -> None:
    """Write one comparison down."""
    if math.isfinite(difference):
        heard.append(
            {"test": running[0], "theirs": theirs, "ours": ours, "difference": difference, "tolerance": tolerance}
        )


def note_arrays(ours: object, theirs: object, *, rtol: float, atol: float) -> None:
    """The place of two arrays that differs most by its tolerance; the largest number where none differs."""
    one, other = (np.asarray(value, dtype=np.float64) for value in (ours, theirs))
    one, other = (value.ravel() for value in np.broadcast_arrays(one, other))
    difference, tolerance = np.abs(one - other), atol + rtol * np.abs(other)
    used = np.where(np.isfinite(difference), difference / np.maximum(tolerance, 1e-300), -1)
    if len(used):
        worst = int(used.argmax() if used.max() > 0 else np.abs(np.nan_to_num(other)).argmax())
        note(float(other[worst]), float(one[worst]), float(difference[worst]), float(tolerance[worst]))


def hear_torch(original):
    """torch.testing.assert_close, heard."""

    def assert_close(actual, expected, *, rtol=None, atol=None, **options):
        original(actual, expected, rtol=rtol, atol=atol, **options)
        if isinstance(actual, torch.Tensor) and torch.is_tensor(expected):
            defaults = TORCH_DEFAULTS.get(actual.dtype, (0.0, 0.0))
            rtol, atol = (
                value if value is not None else usual for value, usual in zip((rtol, atol), defaults, strict=True)
            )
            note_arrays(actual.detach().cpu().double(), expected.detach().cpu().double(), rtol=rtol, atol=atol)

    return assert_close


def hear_numpy(original):
    """np.testing.assert_allclose, heard."""

    def assert_allclose(actual, desired, rtol=1e-7, atol=0, **options):
        original(actual, desired, rtol=rtol, atol=atol, **options)
        note_arrays(actual, desired, rtol=rtol, atol=atol)

    return assert_allclose


def hear_equality(original):
    """np.testing.assert_array_equal, heard."""

    def assert_array_equal(actual, desired, **options):
        original(actual, desired, **options)
        note_arrays(actual, desired, rtol=0, atol=0)

    return assert_array_equal


def hear_approx(original):
    """Equality with a single pytest.approx, heard."""

    def equal(self, actual):
        same = original(self, actual)
        if same and isinstance(self.expected, int | float) and not isinstance(self.expected, bool):
            ours, theirs = float(actual), float(self.expected)
            note(theirs, ours, abs(ours - theirs), float(self.tolerance))
        return same

    return equal


def pytest_configure() -> None:
    """Put ears on the comparisons; asserts are heard only where their file is compiled anew, beside FIDELITY_FILE."""
    if "FIDELITY_FILE" in os.environ:
        folder = Path(os.environ["FIDELITY_FILE"]).parent
        rewrite.get_cache_dir = lambda path: folder.joinpath(*path.parts[1:-1])
    torch.testing.assert_close = hear_torch(torch.testing.assert_close)
    np.testing.assert_allclose = hear_numpy(np.testing.assert_allclose)
    np.testing.assert_array_equal = hear_equality(np.testing.assert_array_equal)
    scalar = type(pytest.approx(1.0))
    scalar.__eq__ = hear_approx(scalar.__eq__)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember whose comparisons come."""
    running[0] = item.nodeid.partition("[")[0]


def pytest_assertion_pass(expl: str) -> None:
    """`assert difference(...) < 1e-4` and `assert 1881 == 1881`."""
    if found := BELOW.match(expl):
        note(None, None, float(found[1]), float(eval(found[2], {})))
    elif found := SAME.match(expl):
        note(float(found[2]), float(found[1]), 0.0, 0.0)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A skipped test has compared nothing, and a table without its row would look complete."""
    if report.skipped:
        pytest.exit(f"{report.nodeid} was skipped", returncode=5)


def pytest_sessionfinish() -> None:
    """Write all of it."""
    if "FIDELITY_FILE" in os.environ:
        Path(os.environ["FIDELITY_FILE"]).write_text(json.dumps(heard))
