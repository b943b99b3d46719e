"""The blocked nearest neighbours are those of the plain formula, ties, duplicates and zero vectors included."""

import os
import subprocess
import sys

import numpy as np
import pytest
from slow_selectors import cosines, hostile, slow_nearest
from source_tree import ROOT

from sparsevision.selection import neighbours
from sparsevision.selection.neighbours import nearest, pair_cosines, unit_rows

THREADS = """
import hashlib, numpy as np
from sparsevision.selection import VoteK, IDEAL
rng = np.random.default_rng(0)
points = np.repeat(rng.standard_normal((60, 33)), 20, axis=0) + 1e-4 * rng.standard_normal((1200, 33))
points[::7] = points[1::7][: len(points[::7])]
answers = [VoteK(k=25).select(points, 60), IDEAL(graphs=16).select(points, 60, rng=np.random.default_rng(1))]
print(hashlib.sha256(np.concatenate(answers).tobytes()).hexdigest())
"""


@pytest.mark.parametrize(
    ("count", "dimensions", "k"), [(60, 5, 1), (60, 5, 7), (60, 2, 59), (60, 3, 500), (1300, 9, 20)]
)
def test_neighbours_are_those_of_the_plain_formula(count, dimensions, k, rng):
    points = hostile(rng, count, dimensions)
    assert np.array_equal(nearest(unit_rows(points), k), slow_nearest(points, k))


@pytest.mark.parametrize("rows", [1, 7, 10**6])
def test_blocks_do_not_matter(rows, rng, monkeypatch):
    points = hostile(rng, 100, 4)
    monkeypatch.setattr(neighbours, "BLOCK_VALUES", 100 * rows)
    assert np.array_equal(nearest(unit_rows(points), 9), slow_nearest(points, 9))


@pytest.mark.parametrize("pairs", [0, 10**6])
def test_ties_are_the_same_by_single_pairs_and_by_the_block(pairs, rng, monkeypatch):
    points = np.repeat(rng.integers(-1, 2, (40, 3)), 8, axis=0).astype(float)
    monkeypatch.setattr(neighbours, "PAIRS_A_ROW", pairs)
    assert np.array_equal(nearest(unit_rows(points), 13), slow_nearest(points, 13))


def test_close_calls_are_decided_in_float64():
    # A fan of vectors around the first axis: the cosines with the axis differ by far less than float32 products err.
    tilt = np.arange(1, 400) * 1e-7 + 0.5
    fan = (
        np.stack([np.cos(tilt), np.sin(tilt)], axis=1)
        @ np.linalg.qr(np.random.default_rng(0).normal(size=(64, 2)))[0].T
    )
    points = np.vstack([fan, np.zeros((1, 64))])
    points[-1] = np.linalg.qr(np.random.default_rng(0).normal(size=(64, 2)))[0][:, 0]
    assert np.array_equal(nearest(unit_rows(points), 30)[-1], slow_nearest(points, 30)[-1])


def test_self_is_left_out_by_index_and_a_duplicate_is_a_neighbour():
    points = np.array([[1.0, 0], [1, 0], [0, 1], [1, 0]])
    assert nearest(unit_rows(points), 1)[:, 0].tolist() == [1, 0, 0, 0]


def test_a_zero_vector_has_cosine_zero_with_everything():
    points = np.array([[0.0, 0], [1, 0], [-1, 0.1], [0, 0]])
    unit = unit_rows(points)
    assert np.isfinite(unit).all()
    assert nearest(unit, 2).tolist() == [[1, 2], [0, 3], [0, 3], [0, 1]]
    assert pair_cosines(unit, np.array([0, 0, 0]), np.array([1, 2, 3])).tolist() == [0, 0, 0]


def test_huge_and_tiny_vectors_do_not_overflow(rng):
    points = rng.standard_normal((30, 4))
    scales = 10.0 ** rng.integers(-300, 300, 30)[:, None]
    assert np.array_equal(nearest(unit_rows(points * scales), 5), nearest(unit_rows(points), 5))


def test_cosines_of_pairs(rng):
    points = hostile(rng, 50, 6)
    rows, columns = np.nonzero(~np.eye(50, dtype=bool))
    expected = cosines(points)[rows, columns]
    assert np.abs(pair_cosines(unit_rows(points), rows, columns) - expected).max() <= 2**-23


def test_one_row_has_no_neighbour():
    assert nearest(unit_rows(np.ones((1, 3))), 5).shape == (1, 0)


def test_the_number_of_threads_does_not_matter():
    digests = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        run = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, cwd=ROOT, env=environment)
        assert run.returncode == 0, run.stderr
        digests.add(run.stdout)
    assert len(digests) == 1
