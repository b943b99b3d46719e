"""Foreground scores: coefficients that act or not, levels and widths of any number, padding."""

import pytest
import torch

from sparsevision.methods.focus_detr.selector import ForegroundSelector, JointSelector
from sparsevision.utils import UserError

SHAPES = [(6, 8), (3, 4), (2, 2)]


def selector(**settings):
    """With logits of a trained size."""
    torch.manual_seed(0)
    module = ForegroundSelector(**({"channels": 16, "levels": 3} | settings))
    torch.nn.init.normal_(module.scorer.rest[-1].weight)
    return module


def features(shapes=SHAPES, channels=16):
    tokens = sum(height * width for height, width in shapes)
    return torch.randn(2, tokens, channels, generator=torch.Generator().manual_seed(1))


def change_by_alpha(**settings):
    """How much scores of the finer levels change, in absolute value, when the coefficients become 0."""
    module = selector(**settings)
    with torch.no_grad():
        module.alpha.fill_(0.3)
        before = module(features(), shapes=SHAPES)
        module.alpha.zero_()
        return (module(features(), shapes=SHAPES) - before).abs()


def test_the_coefficient_acts_behind_the_norm():
    change = change_by_alpha(modulation="after_norm")
    assert change[:, :-4].min() > 0
    assert change[:, :-4].mean() > 1e-3
    assert change[:, -4:].max() == 0  # nothing is above the coarsest level


def test_the_coefficient_acts_when_features_are_added():
    assert change_by_alpha(modulation="added")[:, :-4].mean() > 1e-3


def test_the_released_coefficient_does_nothing():
    assert change_by_alpha(modulation="before_norm").max() < 1e-4


def test_the_first_coefficient_is_of_the_coarsest_pair():
    module = selector(modulation="after_norm")
    before = module(features(), shapes=SHAPES)
    with torch.no_grad():
        module.alpha[1] += 0.5
    changed = (module(features(), shapes=SHAPES) != before).float()
    assert changed[:, :48].mean() > 0.9
    assert changed[:, 48:].sum() == 0


def test_mindspore_uses_the_first_coefficient_twice():
    module = selector(modulation="after_norm", top_alpha_twice=True)
    before = module(features(), shapes=SHAPES)
    with torch.no_grad():
        module.alpha[1] += 0.5
    assert torch.equal(module(features(), shapes=SHAPES), before)


def test_upsampling_differs():
    half_pixel, corners = (
        selector(modulation="after_norm", aligned_upsampling=aligned)(features(), shapes=SHAPES)
        for aligned in (False, True)
    )
    assert not torch.allclose(half_pixel[:, :48], corners[:, :48])


@pytest.mark.parametrize(("levels", "channels"), [(1, 8), (2, 12), (5, 64)])
def test_any_number_of_levels_and_any_width(levels, channels):
    shapes = [(2 ** (levels - level), 2 ** (levels - level)) for level in range(levels)]
    scores = selector(levels=levels, channels=channels)(features(shapes, channels), shapes=shapes)
    scores.sum().backward()
    assert scores.shape == (2, sum(h * w for h, w in shapes))


@pytest.mark.parametrize("kind", [selector, lambda: JointSelector(channels=16)])
def test_padding_has_no_influence_on_the_mean(kind):
    module, padding = kind(), torch.zeros(2, 64, dtype=torch.bool)
    padding[:, 40:48] = True
    padding[:, 56:60] = True
    other = torch.where(padding[..., None], 100 * torch.randn(2, 64, 16), features())
    seen = [module(x, shapes=SHAPES, padding=padding) for x in (features(), other)]
    coarsest = slice(60, 64)  # finer ones are upsampled from padding at its border
    torch.testing.assert_close(seen[0][:, coarsest], seen[1][:, coarsest])
    blind = [module(x, shapes=SHAPES)[:, :40] for x in (features(), other)]
    assert not torch.allclose(*blind)


def test_an_unknown_modulation_is_told():
    with pytest.raises(UserError, match="before_norm, after_norm, added"):
        selector(modulation="none")
