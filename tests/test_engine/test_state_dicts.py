"""What names and shapes of published weights tell, and what is said of those that do not fit a network."""

import pytest
import torch

from sparsevision.engine.state_dicts import check_fits, count_of
from sparsevision.utils import UserError

WANTED = {f"layers.{number}.weight": torch.empty(2, 3, device="meta") for number in range(5)}


def whole(**changes):
    return {name: torch.zeros(2, 3) for name in WANTED} | changes


def test_numbers_in_names_are_counted():
    assert count_of(WANTED, r"layers\.(\d+)\.") == 5
    assert count_of(WANTED, r"heads\.(\d+)\.") == 0


def test_names_without_a_place_are_given_back():
    assert check_fits(whole(other=torch.zeros(1)), WANTED, what="unet") == ["other"]


def test_missing_names_are_told_the_first_three_of_them():
    expected = (
        r"unet is not whole: layers\.0\.weight, layers\.1\.weight, layers\.2\.weight, and 2 more missing\. Older\?"
    )
    with pytest.raises(UserError, match=expected):
        check_fits({}, WANTED, what="unet", hint=lambda missing: " Older?")
    assert check_fits({}, WANTED, what="unet", optional=("layers.",)) == []


def test_another_shape_is_told_with_both():
    changed = whole(**{"layers.3.weight": torch.zeros(4)})
    with pytest.raises(UserError, match=r"layers\.3\.weight: expected \(2, 3\), got \(4,\)"):
        check_fits(changed, WANTED, what="unet")
