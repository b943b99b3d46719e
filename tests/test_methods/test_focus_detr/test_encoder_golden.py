"""The encoder side of the released network beside its golden numbers: preset "published"."""

import numpy as np
import pytest
import torch
from detr_parts import golden_batch, released
from golden_detr import golden_arrays, golden_numbers


@pytest.fixture(scope="module")
def encoded():
    numbers = golden_numbers()["eval"]
    with torch.no_grad():
        return released().eval().encode(*golden_batch(numbers))


@pytest.fixture(scope="module")
def golden():
    return golden_arrays("eval")


def test_foreground_logits(encoded, golden):
    np.testing.assert_allclose(encoded.foreground_logits.numpy(), golden["foreground_logits"], atol=1e-4, rtol=0)


def test_the_selected_tokens(encoded, golden):
    assert [kept.shape[1] for kept in encoded.kept] == golden["tokens_per_layer"].tolist()
    assert int(encoded.kept_valid[0].sum()) == golden["focus_token_nums"][0]
    for layer in (0, 5):
        np.testing.assert_array_equal(encoded.kept[layer].sort(1).values.numpy(), golden[f"tokens_layer{layer}"])


def test_the_memory(encoded, golden):
    memory = encoded.memory.numpy()
    np.testing.assert_allclose(memory[:, ::7, ::16], golden["memory_c16_t7"], atol=1e-3, rtol=0)
    np.testing.assert_allclose([memory.mean(), memory.std()], [golden["memory_mean"], golden["memory_std"]], atol=1e-5)
