"""Sine positions beside golden numbers, and what they must not depend on."""

import numpy as np
import pytest
import torch
from golden_detr import golden_arrays

from sparsevision.methods.focus_detr import sine_position
from sparsevision.methods.focus_detr.position import box_position


@pytest.mark.parametrize(
    ("name", "temperature", "offset"), [("sine_t10000_offset_m05", 10000, -0.5), ("sine_t20_offset_0", 20, 0)]
)
def test_positions_are_the_golden_ones_where_there_is_image(name, temperature, offset):
    golden = golden_arrays("position_embedding")
    valid = ~golden["padding_mask"]
    position = sine_position(torch.from_numpy(golden["padding_mask"])[None], temperature=temperature, offset=offset)
    np.testing.assert_allclose(position[0, ::16].numpy()[:, valid], golden[name][:, valid], atol=1e-5)


def test_box_positions_are_the_golden_ones():
    golden = golden_arrays("position_embedding")
    embedded = box_position(torch.from_numpy(golden["reference"]))
    np.testing.assert_allclose(embedded.numpy(), golden["reference_embedding"], atol=1e-5)


def test_padding_does_not_move_a_position():
    mask = torch.ones(1, 7, 9, dtype=torch.bool)
    mask[:, :5, :6] = False
    alone = sine_position(torch.zeros(1, 5, 6, dtype=torch.bool), channels=32)
    assert torch.equal(sine_position(mask, channels=32)[:, :, :5, :6], alone)
