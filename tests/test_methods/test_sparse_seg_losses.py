"""What all losses of sparse supervision share: checked gradients, half precision, certainty, nothing labelled."""

import math

import pytest
import torch

from sparsevision.methods.sparse_seg import (
    box_projection,
    entropy_minimisation,
    feature_guided_loss,
    local_saliency_coherence,
    partial_cross_entropy,
    structure_consistency,
    structure_loss,
    uncertainty_aware_loss,
)
from sparsevision.methods.sparse_seg.losses import full_precision

IGNORE = 7
HEIGHT, WIDTH = 5, 6


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def boxes():
    map_ = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.long)
    map_[0, 1:3, 2:5], map_[1, 2:, :2], map_[1, :, 5:] = 1, 1, IGNORE
    return map_


def image():
    return noise(2, 3, HEIGHT, WIDTH, seed=1)


def outlined(logits):
    """Probabilities that are sure on both sides of a vertical line, so that windows lie on an outline."""
    side = torch.where(torch.arange(logits.shape[3]) < logits.shape[3] // 2, -4.0, 4.0)
    return (logits + side).sigmoid()


def feature_guided(logits):
    features = 0.5 * noise(2, 5, HEIGHT, WIDTH, seed=2).to(logits.dtype)
    return feature_guided_loss(outlined(logits), features, scale=1.0, window=4, stride=1, channels=3)


def two_classes(logits):
    return torch.cat([-logits, logits], 1)


# Functions of logits (2, 1, HEIGHT, WIDTH), as the losses are used: behind a sigmoid or a softmax.
LOSSES = {
    "partial": lambda x: partial_cross_entropy(two_classes(x), boxes(), ignore_index=IGNORE),
    "released partial": lambda x: partial_cross_entropy(
        two_classes(x), boxes(), ignore_index=IGNORE, per_class=True, probabilities_as_logits=True
    ),
    "coherence": lambda x: local_saliency_coherence(x.sigmoid(), image(), scale=1.0, sigma_rgb=0.5, radius=2),
    "coherence inside": lambda x: local_saliency_coherence(
        two_classes(x).softmax(1), image(), scale=0.8, sigma_rgb=0.5, padding="valid"
    ),
    "consistency": lambda x: structure_consistency(x.sigmoid(), x.flip(-1).sigmoid()),
    "entropy": lambda x: entropy_minimisation((4 * x).sigmoid()),
    "uncertainty": lambda x: uncertainty_aware_loss(x.sigmoid()),
    "structure": lambda x: structure_loss(x, noise(2, 1, HEIGHT, WIDTH, seed=3), kernel=3),
    "released structure": lambda x: structure_loss(
        x, noise(2, 1, HEIGHT, WIDTH, seed=3), kernel=3, weighted=False, drop=(0.3, 0.7)
    ),
    "boxes": lambda x: box_projection(x.sigmoid(), boxes(), foreground=1, ignore_index=IGNORE),
    "features": feature_guided,
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_equals_finite_differences(name):
    logits = (2 * noise(2, 1, HEIGHT, WIDTH) - 1).requires_grad_()
    loss = LOSSES[name](logits)
    assert loss.ndim == 0
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.abs().max() > 0
    assert torch.autograd.gradcheck(LOSSES[name], logits)


def test_features_learn_only_when_asked_to():
    logits, features = 2 * noise(2, 1, 4, 4) - 1, noise(2, 3, 4, 4, seed=2).requires_grad_()

    def loss(values, *, train):
        return feature_guided_loss(outlined(logits), values, scale=1.0, window=4, channels=2, train_features=train)

    assert not loss(features, train=False).requires_grad
    assert torch.autograd.gradcheck(lambda values: loss(values, train=True), features)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_float32(name, dtype):
    logits = (2 * noise(2, 1, HEIGHT, WIDTH) - 1).to(dtype)
    loss = LOSSES[name](logits)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(LOSSES[name](logits.double()).item(), rel=0.02)


@pytest.mark.parametrize("name", LOSSES)
def test_autocast_changes_nothing(name):
    logits = (2 * noise(2, 1, HEIGHT, WIDTH) - 1).float()
    expected = LOSSES[name](logits)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(LOSSES[name](logits), expected)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("height", [0.0, 1e4])
def test_certain_and_flat_predictions_have_finite_gradients(name, height):
    logits = torch.where(noise(2, 1, HEIGHT, WIDTH) < 0.5, -height, height).float().requires_grad_()
    loss = LOSSES[name](logits)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.isfinite()
    assert gradient.isfinite().all()


def test_certain_probabilities_scored_as_logits_still_cost_a_third():
    labels = torch.tensor([[[0, 1, IGNORE]]])
    sure = torch.tensor([[[[50.0, -50.0, 0.0]], [[-50.0, 50.0, 0.0]]]])
    loss = partial_cross_entropy(sure, labels, ignore_index=IGNORE, probabilities_as_logits=True)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-6)
    assert loss.item() == pytest.approx(0.313, abs=5e-4)
    both = partial_cross_entropy(sure, labels, ignore_index=IGNORE, probabilities_as_logits=True, per_class=True)
    assert both.item() == pytest.approx(2 * loss.item(), abs=1e-6)


def test_full_precision_never_lowers():
    for given, kept in ((torch.float16, torch.float32), (torch.float32,) * 2, (torch.float64,) * 2):
        assert full_precision(torch.zeros(1, dtype=given)).dtype == kept
