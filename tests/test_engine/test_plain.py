import collections
import enum
from pathlib import Path

import numpy as np
import pytest
import torch

from sparsevision.engine.plain import to_plain


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(1.5), 1.5),
        (np.int32(4), 4),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (Level.HIGH, 3),
        (collections.OrderedDict(a=(1, [2])), {"a": (1, [2])}),
        (frozenset({1}), {1}),
        (Path("a/b"), "a/b"),
        (None, None),
        (np.array(["a", "b"]), ["a", "b"]),
    ],
)
def test_becomes_a_builtin(value, expected):
    plain = to_plain(value)
    assert plain == expected
    assert type(plain) is type(expected)


def test_arrays_become_tensors_of_the_same_values():
    array = np.arange(6, dtype=">i4").reshape(2, 3)[:, ::2]
    assert torch.equal(to_plain(array), torch.tensor([[0, 2], [3, 5]], dtype=torch.int32))


def test_a_view_does_not_carry_its_storage():
    whole = torch.zeros(1000)
    assert to_plain(whole[:2]).untyped_storage().nbytes() == 8


def test_a_parameter_becomes_a_plain_tensor():
    plain = to_plain(torch.nn.Parameter(torch.ones(2)))
    assert type(plain) is torch.Tensor
    assert not plain.requires_grad


def test_an_object_is_refused_with_its_place():
    with pytest.raises(TypeError, match=r"optimizer\['state'\]\[1\] is a builtins\.object"):
        to_plain({"state": [1, object()]}, where="optimizer")


def test_an_object_in_a_description_is_written_as_text():
    assert to_plain({"palette": range(3)}, lenient=True) == {"palette": "range(0, 3)"}
