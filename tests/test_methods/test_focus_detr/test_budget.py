"""How many tokens, and which."""

import pytest
import torch

from sparsevision.methods.focus_detr.budget import Budget, select_tokens
from sparsevision.methods.focus_detr.pyramid import Pyramid, padding_of
from sparsevision.utils import UserError

SHAPES = [(8, 10), (4, 5)]


def pyramid(*extents):
    """Images whose finest level is image so far (rows, columns); the coarser one half of that."""
    sizes = torch.tensor([[(h, w), (h // 2, w // 2)] for h, w in extents])
    masks = [padding_of(sizes[:, level], shape).flatten(1) for level, shape in enumerate(SHAPES)]
    padding = torch.cat(masks, 1)
    empty = torch.zeros(*padding.shape, 0)
    return Pyramid(features=empty, positions=empty, padding=padding, shapes=SHAPES, extents=sizes)


def logits(count=1, seed=0):
    return torch.randn(count, 100, generator=torch.Generator().manual_seed(seed))


def test_layers_take_beginnings_of_one_sorted_list():
    selection = select_tokens(logits(), pyramid((8, 10)), Budget(cascade=(1.0, 0.5, 0.2)))
    assert selection.counts == (51, 25, 10)
    assert torch.equal(selection.kept(2), logits().topk(10).indices)
    assert torch.equal(selection.scores, logits().topk(51).values)
    assert all(selection.whole(layer) for layer in range(3))


def test_the_released_numbers_of_tokens():
    """800 x 1216 pixels at keep 0.5."""
    shapes = [(100, 152), (50, 76), (25, 38), (13, 19)]
    tokens = sum(h * w for h, w in shapes)
    padding = torch.zeros(1, tokens, dtype=torch.bool)
    empty = torch.zeros(1, tokens, 0)
    whole = Pyramid(empty, empty, padding, shapes, torch.tensor([shapes]))
    assert select_tokens(torch.zeros(1, tokens), whole, Budget()).counts == (10099, 8079, 6059, 6059, 4039, 2019)


def test_an_image_keeps_the_same_tokens_in_any_batch():
    scores = logits(2)
    budget = Budget(cascade=(1.0, 0.5))
    both = select_tokens(scores, pyramid((8, 10), (4, 6)), budget)
    alone = select_tokens(scores[1:], pyramid((4, 6)), budget)
    for layer in (0, 1):
        assert both.own[layer][1] == alone.counts[layer]
        assert torch.equal(both.kept(layer)[1][both.kept_valid(layer)[1]], alone.kept(layer)[0])


def test_as_released_a_small_image_keeps_more_in_a_batch():
    scores = logits(2)
    budget = Budget(cascade=(1.0, 0.5), by_batch=True)
    both = select_tokens(scores, pyramid((8, 10), (4, 6)), budget)
    assert both.own == ((51, 16), (25, 16))
    assert select_tokens(scores[1:], pyramid((4, 6)), budget).counts == (16, 8)


def test_padding_is_never_selected():
    scores = logits()
    scores[:, 70:80] = 100.0  # the last row of the finest level
    tight = pyramid((4, 6))
    selection = select_tokens(scores, tight, Budget(keep_ratio=1.0, cascade=(1.0,)))
    assert selection.counts == (30,)
    assert not tight.padding[0, selection.kept(0)[0]].any()


def test_one_token_is_the_least():
    few = pyramid((2, 2))
    selection = select_tokens(logits(), few, Budget(keep_ratio=0.01, cascade=(1.0, 0.01)))
    assert selection.counts == (1, 1)


def test_each_level_has_its_own_share():
    scores = logits()
    scores[:, :80] += 100  # all of the finest level is before all of the coarser one
    budget = Budget(keep_ratio=1.0, cascade=(1.0, 0.5), level_ratios=(0.25, 0.5))
    selection = select_tokens(scores, pyramid((8, 10)), budget)
    assert selection.counts == (30, 15)
    assert (selection.kept(0) < 80).sum() == 20
    assert torch.equal(selection.kept(0)[0, 20:], scores[0, 80:].topk(10).indices + 80)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep_ratio": 0.0}, "keep_ratio=0.0"),
        ({"keep_ratio": 1.5}, "keep_ratio=1.5"),
        ({"cascade": (0.5, 0.6)}, "rises"),
        ({"cascade": ()}, "cascade"),
        ({"level_ratios": (1.0, 2.0)}, "level_ratios"),
    ],
)
def test_shares_that_make_no_sense_are_told(settings, message):
    with pytest.raises(UserError, match=message):
        Budget(**settings)


def test_too_few_level_ratios_are_told():
    with pytest.raises(UserError, match="2 levels"):
        select_tokens(logits(), pyramid((8, 10)), Budget(level_ratios=(1.0,)))


@pytest.mark.parametrize("by_batch", [True, False])
def test_scores_are_finite_where_a_small_image_of_a_batch_fills_up(by_batch):
    """An infinite one would make a token that no level wanted an object, whatever its class."""
    budget = Budget(keep_ratio=1.0, cascade=(1.0,), level_ratios=(0.25, 0.5), by_batch=by_batch)
    selection = select_tokens(logits(2), pyramid((8, 10), (4, 6)), budget)
    assert selection.own == ((30, 9),)
    assert selection.scores[1, :9].isfinite().all()
    assert selection.scores.isfinite().all() == by_batch
    assert selection.by_batch == by_batch
