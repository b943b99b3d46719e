"""tools/analysis_tools/sum_confusion.py: the scores of the sum, and refusals."""

import numpy as np
import pytest
from tool_runner import run_tool

from sparsevision.evaluation.confusion_files import read_confusion, write_confusion

NAMES = ("wall", "floor, wet", "chair")
FIRST, SECOND = np.array([[9, 1, 0], [0, 5, 0], [0, 0, 0]]), np.array([[1, 3, 0], [0, 2, 0], [0, 0, 0]])


@pytest.fixture
def folds(tmp_path):
    for name, matrix in (("one", FIRST), ("two", SECOND)):
        write_confusion(matrix, NAMES, tmp_path / name)
        write_confusion(2 * matrix, NAMES, tmp_path / name, stem="confusion_matrix_points")
    return [tmp_path / "one", tmp_path / "two"]


def test_the_sum(folds, tmp_path):
    finished = run_tool("analysis_tools/sum_confusion.py", *folds, "--out-dir", tmp_path / "all")
    assert finished.code == 0, finished.err
    assert f"mIoU {100 * (10 / 14 + 7 / 11) / 2:.2f}" in finished.out
    assert f"allAcc_point {100 * 17 / 21:.2f} (2 tests)" in finished.out
    matrix, names = read_confusion(tmp_path / "all" / "confusion_matrix.csv")
    np.testing.assert_array_equal(matrix, FIRST + SECOND)
    assert names == NAMES


def test_refusals(folds, tmp_path):
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "confusion_matrix.csv").write_text("a,b\n1,2\n")
    write_confusion(np.eye(2, dtype=int), ("a", "b"), tmp_path / "four")
    (tmp_path / "five").mkdir()
    (tmp_path / "five" / "confusion_matrix.csv").touch()
    for folder, message in (
        ("none", "no such file"),
        ("three", "no table"),
        ("five", "no table"),
        ("four", "its classes are"),
        ("one", "twice"),
    ):
        finished = run_tool("analysis_tools/sum_confusion.py", *folds, tmp_path / folder)
        assert finished.code == 2
        assert message in finished.err
