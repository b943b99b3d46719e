"""Local saliency coherence and the feature guided loss equal their formulas, pixel pair by pixel pair."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sparsevision.methods.sparse_seg import (
    feature_guided_loss,
    local_saliency_coherence,
    losses_features,
)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_coherence(probability, image, *, radius, sigma_xy, sigma_rgb, zero_padded):
    """All pixels with all places around them; a place outside the image has colour, position and probability zero."""
    batch, classes, height, width = probability.shape
    total = 0.0
    for sample, y, x in np.ndindex(batch, height, width):
        for dy, dx in np.ndindex(2 * radius + 1, 2 * radius + 1):
            row, column = y + dy - radius, x + dx - radius
            inside = 0 <= row < height and 0 <= column < width
            if not inside and not zero_padded:
                continue
            place = (row, column) if inside else (0, 0)
            colour = image[sample, :, row, column] if inside else np.zeros(3)
            other = probability[sample, :, row, column] if inside else np.zeros(classes)
            apart = ((y - place[0]) ** 2 + (x - place[1]) ** 2) / sigma_xy**2
            unlike = sum((image[sample, :, y, x] - colour) ** 2) / sigma_rgb**2
            difference = sum(abs(probability[sample, :, y, x] - other)) / min(classes, 2)
            total += math.exp(-apart / 2 - unlike / 2) * difference
    return total / (batch * height * width)


@pytest.mark.parametrize("zero_padded", [True, False])
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize(("height", "width", "radius"), [(5, 6, 2), (2, 5, 3), (4, 1, 1)])
def test_coherence_equals_the_plain_formula(height, width, radius, classes, zero_padded):
    probability, image = noise(2, classes, height, width), noise(2, 3, height, width, seed=1)
    settings = {"radius": radius, "sigma_xy": 1.7, "sigma_rgb": 0.6}
    expected = plain_coherence(probability.numpy(), image.numpy(), zero_padded=zero_padded, **settings)
    padding = "zero" if zero_padded else "valid"
    loss = local_saliency_coherence(probability, image, scale=1.0, padding=padding, weight=0.3, **settings)
    assert loss.item() == pytest.approx(0.3 * expected, rel=1e-12)


def test_coherence_of_two_classes_is_that_of_the_foreground():
    foreground, image = noise(2, 1, 6, 7), noise(2, 3, 6, 7, seed=1)
    both = torch.cat([1 - foreground, foreground], 1)
    one, two = (local_saliency_coherence(p, image, sigma_rgb=1.0, padding="valid") for p in (foreground, both))
    torch.testing.assert_close(one, two)


def test_coherence_is_taken_at_a_quarter_of_the_size_whatever_the_size_of_the_image():
    probability, image = noise(1, 1, 19, 26), noise(1, 3, 40, 30, seed=1)
    small = [F.interpolate(maps, size=(4, 6), mode="bilinear", align_corners=True) for maps in (probability, image)]
    expected = plain_coherence(
        small[0].numpy(), small[1].numpy(), radius=5, sigma_xy=6.0, sigma_rgb=0.1, zero_padded=True
    )
    assert local_saliency_coherence(probability, image).item() == pytest.approx(expected, rel=1e-10)


def test_coherence_does_not_see_mirrors_nor_shifts_of_colour():
    probability, image = noise(1, 1, 6, 7), noise(1, 3, 6, 7, seed=1)

    def loss(p, colours):
        return local_saliency_coherence(p, colours, scale=1.0, sigma_rgb=0.5, padding="valid").item()

    expected = loss(probability, image)
    for axis in (-1, -2):
        assert loss(probability.flip(axis), image.flip(axis)) == pytest.approx(expected, rel=1e-12)
    assert loss(probability, image + 3) == pytest.approx(expected, rel=1e-9)
    assert loss(1 - probability, image) == pytest.approx(expected, rel=1e-12)
    assert loss(torch.full_like(probability, 0.3), image) == 0


def test_coherence_pulls_a_pixel_to_its_like_and_leaves_the_image_alone():
    image = torch.zeros(1, 3, 1, 4)
    image[..., 2:] = 5.0
    before = image.clone().requires_grad_()
    probability = torch.tensor([[[[0.9, 0.6, 0.2, 0.2]]]], requires_grad=True)
    local_saliency_coherence(probability, before, scale=1.0, padding="valid").backward()
    assert probability.grad[0, 0, 0].sign().tolist() == [1, -1, 0, 0]
    assert before.grad is None
    assert torch.equal(before, image)


def test_auxiliary_heads_of_the_release_see_next_to_nothing():
    """The published in-place division: sigma .1, .01, .001, ... on the same natural-looking image."""
    image = F.interpolate(2 * noise(1, 3, 4, 4, seed=1) - 1, size=(20, 20), mode="bicubic")
    losses = [
        local_saliency_coherence(noise(1, 1, 20, 20), image, scale=1.0, sigma_rgb=0.1**head).item()
        for head in (1, 2, 3)
    ]
    assert losses[0] > 1e-2
    assert losses[1] < 0.1 * losses[0]
    assert losses[2] < 1e-5 * losses[0]


def test_coherence_explains_mistakes():
    with pytest.raises(ValueError, match="padding='reflect'; expected 'zero' or 'valid'"):
        local_saliency_coherence(noise(1, 1, 4, 4), noise(1, 3, 4, 4), padding="reflect")
    with pytest.raises(ValueError, match=r"got \(2, 1, 4, 4\) and \(1, 3, 4, 4\)"):
        local_saliency_coherence(noise(2, 1, 4, 4), noise(1, 3, 4, 4))


def outlined(height=8, width=10):
    """A sure vertical outline in the first image, a sure corner in the second."""
    probability = 0.1 * noise(2, 1, height, width)
    probability[0, ..., width // 2 :] += 0.88
    probability[1, :, : height // 2, : width // 2] += 0.88
    return probability


def plain_feature_guided(probability, features, *, window, stride, confident, share, channels, sigma_xy):
    """Window after window, pair after pair; inputs at the size of the windows."""
    values, windows = [], 0
    batch, _, height, width = probability.shape
    for sample in range(batch):
        for top in range(0, height - window + 1, stride):
            for left in range(0, width - window + 1, stride):
                p = probability[sample, 0, top : top + window, left : left + window].ravel()
                f = features[sample, :, top : top + window, left : left + window].reshape(len(features[0]), -1)
                if min((p > confident).mean(), (1 - p > confident).mean()) > share:
                    windows += 1
                    covariance = [abs(np.mean((row - row.mean()) * (p - p.mean()))) for row in f]
                    chosen = f[np.argsort(covariance)[::-1][:channels]]
                    values.append(plain_window(p, chosen, window=window, sigma_xy=sigma_xy))
    return np.mean(values), windows


def plain_window(p, f, *, window, sigma_xy):
    total = 0.0
    for i, j in np.ndindex(len(p), len(p)):
        if i != j:
            apart = ((i // window - j // window) ** 2 + (i % window - j % window) ** 2) / sigma_xy**2
            kernel = math.exp(-sum((f[:, i] - f[:, j]) ** 2) / 2 - apart / 2)
            total += kernel * (p[i] * (1 - p[j]) + p[j] * (1 - p[i]))
    return total / len(p) ** 2


SETTINGS = {"window": 4, "stride": 2, "confident": 0.8, "share": 0.2, "channels": 2, "sigma_xy": 2.5}


def test_feature_guided_loss_equals_the_plain_formula():
    probability, features = outlined(), noise(2, 5, 8, 10, seed=2)
    expected, windows = plain_feature_guided(probability.numpy(), features.numpy(), **SETTINGS)
    assert 2 < windows < 2 * 3 * 4
    loss = feature_guided_loss(probability, features, scale=1.0, **SETTINGS)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_feature_guided_loss_resizes_both_to_half():
    probability, features = outlined(16, 20), noise(2, 5, 4, 5, seed=2)
    half = [F.interpolate(maps, size=(8, 10), mode="bilinear") for maps in (probability, features)]
    expected = feature_guided_loss(*half, scale=1.0, **SETTINGS)
    torch.testing.assert_close(feature_guided_loss(probability, features, **SETTINGS), expected)


def test_features_that_tell_the_sides_apart_cost_less():
    probability = outlined(16, 16)
    telling = torch.where(probability > 0.5, 3.0, 0.0)
    blind = torch.zeros_like(telling)
    assert feature_guided_loss(probability, telling) < 0.2 * feature_guided_loss(probability, blind)


def test_no_window_on_an_outline_costs_nothing():
    logits = torch.zeros(1, 1, 16, 16, requires_grad=True)
    loss = feature_guided_loss(logits.sigmoid(), torch.zeros(1, 3, 16, 16))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


def test_feature_guided_loss_of_two_processes_averages_to_one(monkeypatch):
    probability, features = outlined(), noise(2, 5, 8, 10, seed=2)
    whole = feature_guided_loss(probability, features, scale=1.0, **SETTINGS)
    _, windows = plain_feature_guided(probability.numpy(), features.numpy(), **SETTINGS)
    monkeypatch.setattr(losses_features, "global_count", lambda count: torch.tensor(windows / 2))
    ranks = [feature_guided_loss(probability[i : i + 1], features[i : i + 1], scale=1.0, **SETTINGS) for i in (0, 1)]
    assert sum(ranks).item() / 2 == pytest.approx(whole.item(), rel=1e-12)


def test_feature_guided_loss_explains_mistakes():
    with pytest.raises(ValueError, match=r"expected probability \(B, 1, H, W\)"):
        feature_guided_loss(noise(1, 2, 8, 8), noise(1, 3, 8, 8))
