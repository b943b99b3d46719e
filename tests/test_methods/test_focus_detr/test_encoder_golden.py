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


@pytest.fixture(scope="module", params=["train_same", "train_padded"])
def trained(request):
    """(encoded, golden arrays, whether scores may be equal) of a batch of two in training."""
    numbers = golden_numbers()[request.param]
    with torch.no_grad():
        encoded = released().train().encode(*golden_batch(numbers))
    released().eval()
    return encoded, golden_arrays(request.param), request.param == "train_padded"


def test_a_batch_in_training(trained):
    encoded, golden, ties = trained
    image = ~encoded.padding.numpy()
    logits = encoded.foreground_logits.numpy()
    np.testing.assert_allclose(logits[image], golden["foreground_logits"][image], atol=1e-4, rtol=0)
    assert [kept.shape[1] for kept in encoded.kept] == golden["tokens_per_layer"].tolist()
    assert encoded.kept_valid[0].sum(1).tolist() == golden["focus_token_nums"].tolist()
    for layer in (0, 5):
        found, expected = encoded.kept[layer].sort(1).values.numpy(), golden[f"tokens_layer{layer}"]
        if ties:
            found, expected = (np.sort(np.take_along_axis(logits, index, 1)) for index in (found, expected))
            np.testing.assert_allclose(found, expected, atol=1e-4)
        else:
            np.testing.assert_array_equal(found, expected)
    memory = encoded.memory.numpy()
    near = np.abs(memory[:, ::7, ::16] - golden["memory_c16_t7"]) < 1e-3
    assert near.mean() == 1 if not ties else near.mean() > 0.99
    np.testing.assert_allclose([memory.mean(), memory.std()], [golden["memory_mean"], golden["memory_std"]], atol=1e-4)
