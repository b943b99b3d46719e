"""From maps to tokens: the neck, what is padding, where tokens stand and what they propose."""

import pytest
import torch

from sparsevision.methods.focus_detr.neck import Neck
from sparsevision.methods.focus_detr.proposals import ProposalTransform, token_boxes, token_places
from sparsevision.methods.focus_detr.pyramid import Pyramid, extents_of, flatten, merge, padding_of

SHAPES = [(4, 6), (2, 3)]


def pyramid(*extents):
    """Images whose finest level is image so far (rows, columns); the coarser one half of that."""
    sizes = torch.tensor([[(h, w), (h // 2, w // 2)] for h, w in extents])
    padding = torch.cat([padding_of(sizes[:, level], shape).flatten(1) for level, shape in enumerate(SHAPES)], 1)
    empty = torch.zeros(*padding.shape, 0)
    return Pyramid(features=empty, positions=empty, padding=padding, shapes=SHAPES, extents=sizes)


def test_extents_are_what_nearest_interpolation_of_the_mask_leaves():
    sizes, batch, shapes = [(480, 640), (448, 571), (11, 23)], (480, 640), [(60, 80), (30, 40), (15, 20), (8, 10)]
    masks = torch.ones(3, *batch)
    for mask, (height, width) in zip(masks, sizes, strict=True):
        mask[:height, :width] = 0
    extents = extents_of(sizes, batch, shapes)
    for level, shape in enumerate(shapes):
        expected = torch.nn.functional.interpolate(masks[None], size=shape, mode="nearest")[0].bool()
        assert torch.equal(padding_of(extents[:, level], shape), expected)


def test_padding_is_known_without_asking_a_device():
    assert not pyramid((4, 6)).is_padded
    assert pyramid((4, 6), (2, 6)).is_padded
    assert pyramid((4, 6), (2, 4)).valid_ratios[1].flatten().tolist() == pytest.approx([2 / 3, 0.5, 2 / 3, 0.5])


def test_groups_of_images_become_one_batch():
    one, other = torch.rand(2, 3, 2, 3), torch.rand(1, 3, 4, 2)
    merged = merge([flatten([one]), flatten([other])], [[(2, 3)], [(4, 2)]], [[0, 2], [1]], [(4, 3)])
    pictures = merged.transpose(1, 2).unflatten(2, (4, 3))
    assert torch.equal(pictures[[0, 2], :, :2], one)
    assert torch.equal(pictures[1, :, :, :2], other[0])
    assert pictures[0, :, 2:].sum() == 0


def test_tokens_stand_at_the_centres_of_their_pixels_in_the_image():
    places = token_places(pyramid((4, 6), (2, 4)))
    assert places[0, 0].tolist() == pytest.approx([0.5 / 6, 0.5 / 4])
    assert places[1, 0].tolist() == pytest.approx([0.5 / 4, 0.5 / 2])
    assert places[1, 24].tolist() == pytest.approx([0.25, 0.5])


def test_proposals_double_from_level_to_level_and_leave_out_padding_and_border():
    boxes = token_boxes(pyramid((4, 6), (2, 4)))
    assert boxes[0, 0, 2:].sigmoid().tolist() == pytest.approx([0.05, 0.05])
    assert boxes[0, 24, 2:].sigmoid().tolist() == pytest.approx([0.1, 0.1])
    assert torch.equal(boxes.isinf().all(-1), pyramid((4, 6), (2, 4)).padding)
    wide = Pyramid(
        features=torch.zeros(1, 100, 0),
        positions=torch.zeros(1, 100, 0),
        padding=torch.zeros(1, 100, dtype=torch.bool),
        shapes=[(1, 100)],
        extents=torch.tensor([[(1, 100)]]),
    )
    assert token_boxes(wide).isinf().any(-1)[0].nonzero().flatten().tolist() == [0, 99]


def test_dropped_tokens_all_look_alike():
    transform, tokens = ProposalTransform(channels=8), torch.randn(1, 5, 8)
    dropped = torch.tensor([[False, True, False, True, False]])
    seen = transform(tokens, dropped=dropped)
    assert torch.equal(seen[0, 1], seen[0, 3])
    assert torch.equal(seen[0, 0], transform(tokens)[0, 0])


def test_levels_beyond_the_backbone_are_made_of_its_last_map():
    neck = Neck(in_channels=(4, 6, 8), channels=16, levels=5, groups=4)
    maps = [torch.randn(1, 4, 16, 20), torch.randn(1, 6, 8, 10), torch.randn(1, 8, 4, 5)]
    levels = neck(maps)
    assert [tuple(level.shape[1:]) for level in levels] == [
        (16, 16, 20),
        (16, 8, 10),
        (16, 4, 5),
        (16, 2, 3),
        (16, 1, 2),
    ]
    torch.testing.assert_close(levels[3], neck.levels[3](maps[2]))
    torch.testing.assert_close(levels[4], neck.levels[4](levels[3]))
    assert len(Neck(in_channels=(4, 6, 8), channels=16, levels=2, groups=4)(maps)) == 2
