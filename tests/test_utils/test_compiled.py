"""Kernels that are compiled at their first call."""

import subprocess
import sys

import numpy as np
import pytest

from sparsevision.utils.compiled import compiled, prange

pytest.importorskip("numba")


@compiled(extra="event")
def twice(value):
    """A helper that another kernel calls."""
    return 2 * value


@compiled(extra="event", parallel=True)
def doubled_rows(values):
    """Every row twice as large."""
    out = np.empty_like(values)
    for row in prange(len(values)):
        out[row] = twice(values[row])
    return out


def test_a_kernel_calls_another_and_runs_in_parallel():
    values = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(doubled_rows(values), 2 * values)
    assert doubled_rows.dispatcher.nopython_signatures


def test_without_numba_the_module_imports_and_the_call_says_what_is_missing():
    script = """
import sys
sys.modules["numba"] = None
from sparsevision.utils.compiled import compiled
f = compiled(extra="event")(lambda x: x)
try:
    f(1)
except ImportError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "numba" in said
    assert 'pip install "sparsevision[event]"' in said
