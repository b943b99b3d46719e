"""tools/analysis_tools/fidelity_table.py: comparisons are heard, and the one nearest to its tolerance makes the row."""

import pytest
from tool_runner import load_tool

from sparsevision.utils import UserError

RAMP = "tests/test_methods/test_cpcm/test_cpcm_schedule.py::test_golden_ramp"


@pytest.fixture(scope="module")
def tool():
    return load_tool("analysis_tools/fidelity_table.py")


def test_a_row_shows_the_comparison_that_uses_most_of_its_tolerance(tool):
    near = tool.Comparison("a.py::test_it", 2.0, 2.25, 0.25, 0.5)
    others = [tool.Comparison("a.py::test_it", 9.0, 9.0, 0.0, 1.0), tool.Comparison("a.py::other", 1.0, 3.0, 2.0, 2.5)]
    assert tool.row_of("it", "a.py::test_it", [*others, near]) == ("it", "2", "2.25", "2.5e-01", "0.5", "`a.py`")
    assert tool.row_of("it", "a.py::test_equal", [near]) == ("it", "", "", "0", "equal", "`a.py`")


def test_comparisons_of_a_test_are_heard(tool):
    heard = tool.listen([RAMP])
    assert heard
    assert {comparison.test for comparison in heard} == {RAMP}
    assert all(comparison.difference <= comparison.tolerance for comparison in heard)


def test_a_test_that_does_not_exist_is_told(tool):
    with pytest.raises(UserError, match="did not pass"):
        tool.listen([RAMP + "_of_another_world"])
