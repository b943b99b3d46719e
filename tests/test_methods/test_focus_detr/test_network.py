"""From images to a memory: what a batch must not change, few tokens, and four encoders in one."""

import pytest
import torch
from detr_parts import network, random_images

from sparsevision.methods.focus_detr.budget import Budget
from sparsevision.methods.focus_detr.encoder import Encoder
from sparsevision.utils import UserError

ONES = (1.0, 1.0)


def build(**settings):
    torch.manual_seed(0)
    return network(**({"preset": "fixed"} | settings)).eval()


def same_weights(net, other):
    """Copy the weights that both have."""
    own = other.state_dict()
    other.load_state_dict(own | {name: value for name, value in net.state_dict().items() if name in own})
    return other


def rows(encoded, image):
    """What `image` has in memory, level by level, without padding."""
    return encoded.memory[image][~encoded.padding[image]]


def test_a_batch_of_mixed_sizes_equals_one_by_one():
    net = build(background_embedding=True)
    images, sizes = random_images((96, 128), (71, 150), (96, 128))
    with torch.no_grad():
        together = net.encode(images, sizes)
        for index, (height, width) in enumerate(sizes):
            alone = net.encode(images[index : index + 1, :, :height, :width], [(height, width)])
            assert not alone.padding.any()
            torch.testing.assert_close(rows(together, index), alone.memory[0], atol=1e-5, rtol=0)
            valid = ~together.padding[index]
            for one, other in (
                (together.foreground_logits, alone.foreground_logits),
                (together.level_positions, alone.level_positions),
                (together.proposal_features, alone.proposal_features),
                (together.proposal_boxes, alone.proposal_boxes),
            ):
                torch.testing.assert_close(one[index][valid], other[0], atol=1e-5, rtol=0)


def test_as_released_the_padding_of_a_batch_changes_an_image():
    net = build(preset="published")
    images, sizes = random_images((96, 128), (71, 101))
    with torch.no_grad():
        together = net.encode(images, sizes)
        assert not together.padding.any()  # blind evaluation
        assert net.train().encode(images, sizes).padding.any()


def test_what_lies_in_the_padding_has_no_influence():
    net = build()
    images, sizes = random_images((96, 128), (71, 101))
    with torch.no_grad():
        clean = net.encode(images, sizes)
        images[1, :, 71:], images[1, :, :, 101:] = 50.0, -50.0
        dirty = net.encode(images, sizes)
    torch.testing.assert_close(rows(clean, 1), rows(dirty, 1), atol=1e-5, rtol=0)
    assert clean.proposal_boxes[clean.padding].isinf().all()


@pytest.mark.parametrize("preset", ["published", "fixed"])
@pytest.mark.parametrize("size", [(256, 320), (64, 64), (9, 8)])
def test_images_with_fewer_tokens_than_the_budgets(preset, size):
    net = build(preset=preset, object_tokens=300, num_queries=900)
    with torch.no_grad():
        encoded = net.encode(*random_images(size))
    assert encoded.memory.isfinite().all()
    assert [kept.shape[1] for kept in encoded.kept] == sorted((k.shape[1] for k in encoded.kept), reverse=True)


def test_in_a_batch_an_image_with_few_tokens_lends_none_to_the_others():
    net = build(object_tokens=300)
    images, sizes = random_images((128, 128), (24, 16))
    with torch.no_grad():
        together, alone = net.encode(images, sizes), net.encode(images[1:, :, :24, :16], [(24, 16)])
    torch.testing.assert_close(rows(together, 1), alone.memory[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("object_score", ["logit_product", "probability_product", "class_logit"])
def test_keeping_every_token_without_objects_is_dense(object_score):
    sparse = build(object_tokens=None, keep_ratio=1.0, cascade=ONES, changes={"object_score": object_score})
    dense = same_weights(sparse, build(selector=None))
    images = random_images((96, 128), (96, 128))
    with torch.no_grad():
        assert torch.equal(sparse.encode(*images).memory, dense.encode(*images).memory)
    assert dense.encode(*images).foreground_logits is None
    assert dense.encode(*images).kept == ()


def test_keeping_every_token_in_any_order_is_nearly_dense():
    """The same along the way of a sparse encoder: through the sorted list."""
    sparse = build(object_tokens=None, keep_ratio=1.0, cascade=ONES)
    dense = same_weights(sparse, build(selector=None))
    sparse.encoder._is_dense = lambda *_: False
    images = random_images((96, 128))
    with torch.no_grad():
        torch.testing.assert_close(sparse.encode(*images).memory, dense.encode(*images).memory, atol=1e-5, rtol=0)


def test_tokens_that_are_not_kept_stay_as_they_were():
    net = build()
    images, sizes = random_images((96, 128))
    with torch.no_grad():
        encoded = net.encode(images, sizes)
        pyramid, _ = net._look(images, sizes)
    kept = torch.zeros_like(encoded.padding).scatter(1, encoded.kept[0], True)
    changed = (encoded.memory != pyramid.features).any(-1)
    assert torch.equal(changed, kept)
    assert encoded.kept[1].shape[1] < encoded.kept[0].shape[1]


def test_current_values_differ_from_stale_ones_from_the_second_layer_on():
    stale = build(changes={"stale_value": True})
    current = same_weights(stale, build())
    images = random_images((96, 128))
    with torch.no_grad():
        assert not torch.allclose(stale.encode(*images).memory, current.encode(*images).memory, atol=1e-4)
        for net in (stale, current):
            del net.encoder.layers[1]
            net.budget = Budget(cascade=(1.0,))
        torch.testing.assert_close(stale.encode(*images).memory, current.encode(*images).memory)


def test_the_keep_ratio_can_be_changed_at_any_time():
    net = build()
    images = random_images((96, 128))
    with torch.no_grad():
        few, usual, many = (net.encode(*images, keep_ratio=ratio) for ratio in (0.1, None, 0.9))
    assert few.kept[0].shape[1] < usual.kept[0].shape[1] < many.kept[0].shape[1]


def test_object_tokens_change_the_memory_and_the_class_head_gets_no_gradient():
    net = build().train()
    images = random_images((96, 128))
    encoded = net.encode(*images)
    encoded.memory.square().sum().backward()
    assert net.class_heads[-1].weight.grad is None
    assert net.encoder.layers[0].self_attention.in_proj_weight.grad.abs().sum() > 0
    assert net.selector.alpha.grad is None  # the choice teaches nothing; the selector has a loss of its own
    without = same_weights(net, build(object_tokens=None))
    assert not torch.allclose(without.encode(*images).memory, encoded.memory, atol=1e-3)


def test_gradients_reach_the_backbone_with_padding_and_the_selector_by_its_logits():
    net = build().train()
    encoded = net.encode(*random_images((96, 128), (71, 101)))
    (encoded.memory.square().mean() + encoded.foreground_logits.square().mean()).backward()
    for part in (net.backbone, net.neck, net.selector, net.proposals, net.encoder.layers):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())


def test_own_class_heads_of_every_layer():
    net = build(changes={"own_class_heads": True, "object_score": "class_logit"})
    images = random_images((96, 128))
    with torch.no_grad():
        before = net.encode(*images).memory
        net.encoder.class_heads[1].weight.copy_(torch.randn(5, 32))
        assert not torch.equal(net.encode(*images).memory, before)
        net.class_heads[-1].weight.copy_(torch.randn(5, 32))
        assert net.encoder.class_heads[0].weight.shape == (5, 32)


def test_the_background_embedding_is_for_tokens_outside_of_the_last_layer():
    plain = build()
    marked = same_weights(plain, build(background_embedding=True))
    images = random_images((96, 128), (64, 64))
    with torch.no_grad():
        encoded, changed = plain.encode(*images), marked.encode(*images)
    kept = torch.zeros_like(encoded.padding)
    for image in (0, 1):
        kept[image, encoded.kept[1][image][encoded.kept_valid[1][image]]] = True
    assert torch.equal((encoded.memory != changed.memory).any(-1), ~kept & ~encoded.padding)


def test_sparse_detr_is_one_score_map_and_one_set_for_all_layers():
    net = build(selector="joint", object_tokens=None, keep_ratio=0.3, cascade=ONES)
    with torch.no_grad():
        encoded = net.encode(*random_images((96, 128)))
    assert torch.equal(encoded.kept[0], encoded.kept[1])
    assert torch.equal(encoded.kept[0][0], encoded.foreground_logits[0].topk(encoded.kept[0].shape[1]).indices)


def test_with_padding_in_the_backbone_the_mean_of_the_selector_leaves_it_out():
    net = build(changes={"padded_backbone": True})
    with torch.no_grad():
        encoded = net.encode(*random_images((96, 128), (71, 101)))
    assert encoded.padding.any()
    assert encoded.memory.isfinite().all()


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_any_number_of_levels(levels):
    net = build(sizes={"levels": levels})
    with torch.no_grad():
        encoded = net.encode(*random_images((96, 128)))
    assert len(encoded.shapes) == levels
    assert encoded.valid_ratios.shape == (1, levels, 2)
    assert encoded.proposal_boxes.isfinite().any(1).all()


def test_a_cascade_for_another_number_of_layers_is_told():
    net = build()
    net.budget = Budget(cascade=(1.0, 0.5, 0.2))
    with pytest.raises(UserError, match="3 shares; expected one for each of 2 layers"):
        net.encode(*random_images((96, 128)))


def test_an_unknown_object_score_is_told():
    with pytest.raises(UserError, match="logit_product"):
        Encoder(object_score="sum")


@pytest.mark.parametrize("stale_value", [True, False])
def test_what_encoder_layers_read_does_not_decide_which_tokens_are_objects(stale_value):
    changes = {"stale_value": stale_value, "object_score": "class_logit"}
    net = build(changes=changes)
    images, sizes = random_images((128, 128), (64, 80))
    with torch.no_grad():
        together, alone = net.encode(images, sizes), net.encode(images[1:, :, :64, :80], [(64, 80)])
    torch.testing.assert_close(rows(together, 1), alone.memory[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("batch_budget", "alone"), [(True, False), (False, True)])
def test_object_tokens_beyond_the_share_of_an_image_are_of_the_released_budget(batch_budget, alone):
    """Also with the released product of logits, which padding of a score of minus infinity would win."""
    net = build(preset="published", changes={"batch_budget": batch_budget, "blind_evaluation": False})
    chosen, layer = {}, net.encoder.layers[0]
    attend = layer.attend
    layer.attend = lambda *given: chosen.update(places=given[2], padding=given[3]) or attend(*given)
    with torch.no_grad():
        encoded = net.encode(*random_images((128, 128), (40, 48)))
    assert (chosen["padding"] is not None) == alone
    if alone:
        assert not chosen["padding"].any()
        assert encoded.kept_valid[0].gather(1, chosen["places"]).all()


def test_borders_as_the_selector_sees_them_and_as_proposals_are_two_switches():
    images = random_images((64, 448))
    for changes, same in (({"zeroed_borders": False}, True), ({"invalid_proposals": False}, False)):
        with torch.no_grad():
            encoded = build(preset="published", changes=changes).encode(*images)
        borders = encoded.proposal_features[encoded.proposal_boxes.isinf().any(-1)]
        assert len(borders) > 1
        assert torch.equal(borders, borders[:1].expand_as(borders)) == same
