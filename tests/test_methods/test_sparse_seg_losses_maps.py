"""Consistency, confidence, pseudo labels and boxes: each loss equals its formula in plain float64."""

import math

import numpy as np
import pytest
import torch

from sparsevision.methods.sparse_seg import (
    box_projection,
    downsampled,
    entropy_minimisation,
    entropy_weight,
    losses_boxes,
    losses_confidence,
    ramp_up_cosine,
    structure_consistency,
    structure_loss,
    uncertainty_aware_loss,
)

IGNORE = 7


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def around(array, y, x, side):
    """The side x side values around a pixel, zero outside the array."""
    padded = np.pad(array, side // 2)
    return padded[y : y + side, x : x + side]


def plain_consistency(first, second, *, ssim_weight, window, c1, c2):
    terms = []
    for sample, channel, y, x in np.ndindex(*first.shape):
        u, v = (around(maps[sample, channel], y, x, window) for maps in (first, second))
        covariance = (u * v).mean() - u.mean() * v.mean()
        similarity = (2 * u.mean() * v.mean() + c1) * (2 * covariance + c2)
        similarity /= (u.mean() ** 2 + v.mean() ** 2 + c1) * (u.var() + v.var() + c2)
        difference = abs(first[sample, channel, y, x] - second[sample, channel, y, x])
        terms.append(ssim_weight * min(max((1 - similarity) / 2, 0), 1) + (1 - ssim_weight) * difference)
    return np.mean(terms)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("window", [3, 5])
def test_consistency_equals_the_plain_formula(channels, window):
    first, second = noise(2, channels, 5, 4), noise(2, channels, 5, 4, seed=1)
    settings = {"ssim_weight": 0.6, "window": window, "c1": 0.02, "c2": 0.03}
    expected = plain_consistency(first.numpy(), second.numpy(), **settings)
    assert structure_consistency(first, second, **settings).item() == pytest.approx(expected, rel=1e-10)
    default = plain_consistency(first.numpy(), second.numpy(), ssim_weight=0.85, window=3, c1=1e-4, c2=9e-4)
    assert structure_consistency(first, second).item() == pytest.approx(default, rel=1e-10)


def test_equal_maps_are_consistent_and_the_order_does_not_matter():
    first, second = noise(1, 1, 5, 4), noise(1, 1, 5, 4, seed=1)
    assert structure_consistency(first, first).item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(structure_consistency(first, second), structure_consistency(second, first))


def test_asymmetric_consistency_weighs_the_two_gradients():
    first, second = noise(1, 1, 5, 4).requires_grad_(), noise(1, 1, 5, 4, seed=1).requires_grad_()
    alike, leaning = structure_consistency(first, second), structure_consistency(first, second, weights=(1.3, 0.7))
    torch.testing.assert_close(leaning, 2 * alike)
    plain, weighted = (torch.autograd.grad(loss, (first, second)) for loss in (alike, leaning))
    for share, before, after in zip((1.3, 0.7), plain, weighted, strict=True):
        torch.testing.assert_close(after, share * before)


def test_consistency_explains_mistakes():
    with pytest.raises(ValueError, match=r"got \(1, 1, 4, 4\) and \(1, 1, 4, 5\)"):
        structure_consistency(noise(1, 1, 4, 4), noise(1, 1, 4, 5))
    with pytest.raises(ValueError, match="window must be odd, got 2"):
        structure_consistency(noise(1, 1, 4, 4), noise(1, 1, 4, 4), window=2)


def test_downsampled_keeps_the_corners():
    maps = noise(1, 2, 10, 17)
    small = downsampled(maps, 0.3)
    assert small.shape == (1, 2, 3, 5)
    torch.testing.assert_close(small[..., ::2, ::4], maps[..., [0, -1], :][..., [0, -1]])
    assert downsampled(maps, 1.0) is maps
    assert downsampled(maps, 0.01).shape == (1, 2, 1, 1)


def plain_entropy(pixels, threshold):
    """pixels (N, C); mean entropy of those below the threshold."""
    entropies = [-sum(p * math.log(p) for p in pixel if p > 0) for pixel in pixels]
    chosen = [value for value in entropies if value < threshold]
    return sum(chosen) / len(chosen) if chosen else 0.0


@pytest.mark.parametrize("threshold", [0.5, 0.2, 1e-3])
def test_entropy_equals_the_plain_formula(threshold):
    foreground = noise(2, 1, 4, 5)
    pixels = [(1 - p, p) for p in foreground.flatten().tolist()]
    loss = entropy_minimisation(foreground, threshold=threshold)
    assert loss.item() == pytest.approx(plain_entropy(pixels, threshold), rel=1e-12)
    three = (6 * noise(2, 3, 4, 5)).softmax(1)
    loss = entropy_minimisation(three, threshold=threshold)
    expected = plain_entropy(three.movedim(1, -1).reshape(-1, 3).tolist(), threshold)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_entropy_draws_sure_pixels_on_and_leaves_doubtful_ones():
    probability = torch.tensor([[[[0.0, 0.1, 0.5, 0.7, 0.9, 1.0]]]], requires_grad=True)
    entropy_minimisation(probability).backward()
    assert probability.grad[0, 0, 0].sign().tolist() == [1, 1, 0, 0, -1, -1]
    doubtful = torch.full((1, 1, 2, 2), 0.5, requires_grad=True)
    loss = entropy_minimisation(doubtful)
    loss.backward()
    assert loss.item() == 0
    assert (doubtful.grad == 0).all()


def test_entropy_of_two_processes_averages_to_one(monkeypatch):
    probability = noise(2, 1, 4, 5)
    whole = entropy_minimisation(probability)
    confident = ((probability - 0.5).abs() > 0.3).sum()  # .1997 and .8003 have an entropy of .5
    monkeypatch.setattr(losses_confidence, "global_count", lambda count: confident / 2)
    ranks = [entropy_minimisation(probability[i : i + 1]) for i in (0, 1)]
    assert sum(ranks).item() / 2 == pytest.approx(whole.item(), rel=1e-12)


@pytest.mark.parametrize("power", [1, 2, 3.5])
def test_uncertainty_equals_the_plain_formula(power):
    probability = noise(2, 1, 3, 4)
    expected = np.mean([1 - abs(2 * p - 1) ** power for p in probability.flatten().tolist()])
    assert uncertainty_aware_loss(probability, power=power).item() == pytest.approx(expected, rel=1e-12)
    both = torch.cat([1 - probability, probability], 1)
    assert uncertainty_aware_loss(both, power=power).item() == pytest.approx(expected, rel=1e-12)
    assert uncertainty_aware_loss(torch.full((1, 1, 2, 2), 0.5), power=power) == 1
    assert uncertainty_aware_loss(torch.eye(2)[None, None], power=power) == 0


def test_ramps():
    assert [entropy_weight(t) for t in (-0.1, 1, 2)] == [0, 0.05, 0.05]
    assert entropy_weight(0) == pytest.approx(0.05 * math.exp(-5))
    assert entropy_weight(0.5, highest=0.15) == pytest.approx(0.15 * math.exp(-5 / 4))
    assert [ramp_up_cosine(t) for t in (-1, 0, 1, 3)] == [0, 0, 1, 1]
    assert ramp_up_cosine(0.5, highest=2) == pytest.approx(1)
    assert ramp_up_cosine(1 / 3) == pytest.approx(0.25)


def plain_structure(logits, target, *, kernel, boost, drop, weighted):
    """Image after image; logits, target (B, H, W)."""
    entropies, overlaps, plain = [], [], []
    for scores, truth in zip(logits, target, strict=True):
        above = below = both = either = 0.0
        for y, x in np.ndindex(*truth.shape):
            p, t = 1 / (1 + math.exp(-scores[y, x])), truth[y, x]
            kept = drop is None or not drop[0] < t < drop[1]
            weight = kept * (1 + boost * abs(around(truth, y, x, kernel).sum() / kernel**2 - t))
            entropy = -t * math.log(p) - (1 - t) * math.log(1 - p)
            above, below = above + weight * entropy, below + weight
            both, either = both + weight * p * t, either + weight * (p + t - p * t)
            plain.append(kept * entropy)
        entropies.append(above / below if below else 0.0)
        overlaps.append(1 - (both + 1) / (either + 1))
    return (np.mean(entropies) if weighted else np.mean(plain)) + np.mean(overlaps)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("drop", [None, (0.3, 0.7), (0.0, 1.0)])
def test_structure_loss_equals_the_plain_formula(drop, weighted):
    logits, target = 4 * noise(2, 1, 6, 5) - 2, noise(2, 1, 6, 5, seed=1)
    settings = {"kernel": 3, "boost": 4.0, "drop": drop, "weighted": weighted}
    expected = plain_structure(logits[:, 0].numpy(), target[:, 0].numpy(), **settings)
    assert structure_loss(logits, target, **settings).item() == pytest.approx(expected, rel=1e-12)


def test_structure_loss_weighs_the_outline_only_when_it_is_weighted():
    target = torch.zeros(1, 1, 20, 20)
    target[..., 10:] = 1
    right, far, near = (torch.where(target > 0, 4.0, -4.0) for _ in range(3))
    far[..., 0], near[..., 9] = 4.0, 4.0
    assert structure_loss(right, target, kernel=5) < structure_loss(far, target, kernel=5)
    rise = {}
    for weighted in (True, False):
        losses = [structure_loss(wrong, target, kernel=5, weighted=weighted) for wrong in (near, far)]
        rise[weighted] = losses[0] / losses[1]
    assert rise[True] > rise[False] > 1


def test_undecided_pixels_have_no_gradient_and_an_image_of_them_no_loss():
    logits = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = torch.full((2, 1, 3, 4), 0.5)
    assert structure_loss(logits[:1], target[:1], drop=(0.3, 0.7)).item() == 0
    target[1, 0, 0] = 0.9
    structure_loss(logits, target, drop=(0.3, 0.7)).backward()
    touched = torch.zeros(2, 1, 3, 4, dtype=torch.bool)
    touched[1, 0, 0] = True
    assert torch.equal(logits.grad != 0, touched)


def test_structure_loss_explains_mistakes():
    with pytest.raises(ValueError, match=r"got \(1, 1, 4, 4\) and \(1, 4, 4\)"):
        structure_loss(noise(1, 1, 4, 4), noise(1, 4, 4))
    with pytest.raises(ValueError, match="kernel must be odd, got 30"):
        structure_loss(noise(1, 1, 4, 4), noise(1, 1, 4, 4), kernel=30)


def plain_projection(probability, box_map, foreground):
    """probability, box_map (B, H, W)."""
    losses = []
    for p, classes in zip(probability, box_map, strict=True):
        b = classes == foreground
        if b.any():
            known = np.where(classes == IGNORE, 0, p)
            losses.append(plain_dice(known.T, b.T) + plain_dice(known, b))
    return np.mean(losses)


def plain_dice(predicted, boxed):
    """Of the largest values of each row."""
    pairs = [(max(p), float(max(b))) for p, b in zip(predicted, boxed, strict=True)]
    return 1 - 2 * sum(p * b for p, b in pairs) / sum(p**2 + b**2 for p, b in pairs)


def box_map():
    classes = torch.zeros(3, 6, 7, dtype=torch.long)
    classes[0, 1:3, 2:6], classes[0, 4:, :2], classes[2, 2:, 3:5], classes[2, :, 6] = 1, 2, 1, IGNORE
    classes[1] = IGNORE
    return classes


@pytest.mark.parametrize("foreground", [1, 2])
def test_box_projection_equals_the_plain_formula(foreground):
    probability = noise(3, 1, 6, 7)
    expected = plain_projection(probability[:, 0].numpy(), box_map().numpy(), foreground)
    loss = box_projection(probability, box_map(), foreground=foreground, ignore_index=IGNORE)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_a_shape_that_touches_all_sides_of_its_box_is_right():
    box = torch.zeros(1, 5, 5, dtype=torch.long)
    box[0, 1:4, 1:4] = 1
    diamond = torch.zeros(1, 1, 5, 5)
    diamond[0, 0, 1:4, 2] = diamond[0, 0, 2, 1:4] = 1
    settings = {"foreground": 1, "ignore_index": IGNORE}
    assert box_projection(diamond, box, **settings).item() == pytest.approx(0, abs=1e-6)
    for wrong in (diamond.roll(1, -1), diamond.roll(1, -2), 0.5 * diamond, torch.zeros_like(diamond)):
        assert box_projection(wrong, box, **settings) > 0.1


@pytest.mark.parametrize("everywhere", [0, IGNORE])
def test_no_box_gives_zero_with_a_gradient(everywhere):
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    boxes = torch.full((2, 4, 4), everywhere)
    loss = box_projection(logits.sigmoid(), boxes, foreground=1, ignore_index=IGNORE)
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


def test_boxes_of_two_processes_average_to_one(monkeypatch):
    probability, settings = noise(3, 1, 6, 7), {"foreground": 1, "ignore_index": IGNORE}
    whole = box_projection(probability, box_map(), **settings)
    monkeypatch.setattr(losses_boxes, "global_count", lambda count: torch.tensor(2 / 2))
    ranks = [box_projection(probability[part], box_map()[part], **settings) for part in (slice(0, 2), slice(2, 3))]
    assert sum(ranks).item() / 2 == pytest.approx(whole.item(), rel=1e-12)


def test_box_projection_explains_mistakes():
    with pytest.raises(ValueError, match=r"got \(1, 1, 4, 4\) and \(1, 1, 4, 4\)"):
        box_projection(noise(1, 1, 4, 4), noise(1, 1, 4, 4), foreground=1, ignore_index=IGNORE)
