"""Seed statistics: plain formulas, and a table that a reader can check by hand."""

import pytest

from sparsevision.utils import UserError
from sparsevision.zoo.seeds import paired_difference, seed_table, summarise


def test_spread_of_three_seeds():
    summary = summarise([1.0, 2.0, 6.0])
    assert summary.mean == pytest.approx(3.0)
    assert summary.std == pytest.approx(7**0.5)
    assert summary.error == pytest.approx((7 / 3) ** 0.5)


def test_one_seed_has_no_spread():
    assert summarise([0.5]).std is None


def test_differences_are_paired_by_seed():
    difference = paired_difference([10.1, 20.1, 30.1], [10.0, 20.0, 30.0])
    assert difference.mean == pytest.approx(0.1)
    assert difference.error == pytest.approx(0.0, abs=1e-9)


def test_table_has_every_seed_and_the_difference():
    runs = {"base": [{"mIoU": 50.0}, {"mIoU": 52.0}], "more": [{"mIoU": 51.0}, {"mIoU": 54.0}]}
    base, more = seed_table(runs).splitlines()[2:]
    assert base == "| base | mIoU | 50.0000 | 52.0000 | 51.0000 | 1.4142 | 1.0000 |  |"
    assert more == "| more | mIoU | 51.0000 | 54.0000 | 52.5000 | 2.1213 | 1.5000 | +1.5000 ± 0.5000 |"


def test_an_unknown_metric_is_named():
    with pytest.raises(UserError, match=r"no metric 'mIuO'.*Did you mean 'mIoU'"):
        seed_table({"base": [{"mIoU": 50.0}]}, metrics=["mIuO"])


def test_configs_without_a_common_metric():
    with pytest.raises(UserError, match="no common metric"):
        seed_table({"a": [{"mIoU": 50.0}], "b": [{"MAE": 0.1}]})
