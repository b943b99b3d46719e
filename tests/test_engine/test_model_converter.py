"""What the converters of published weights share."""

import pytest
import torch

from sparsevision.engine.model_converter import naming, print_left_over, read_published
from sparsevision.utils import UserError


def test_a_file_of_another_kind_is_named(tmp_path):
    torch.save([1], tmp_path / "list.pth")
    with pytest.raises(UserError, match=r"list\.pth holds list; expected a dict of networks\."):
        read_published(tmp_path / "list.pth", holds="networks")


def test_errors_name_the_file(tmp_path):
    with pytest.raises(UserError, match=r"^a\.pth: no decoder"), naming("a.pth"):
        raise UserError("no decoder")


def test_left_over_parts_are_counted(capsys):
    print_left_over([])
    print_left_over(["head.norm.weight", "head.norm.bias", "stem.weight"])
    assert capsys.readouterr().out == "3 left over: head (2), stem (1)\n"
