"""Tokens of encoder layers learn to detect (Sparse DETR): off unless asked for, each layer on its own tokens."""

import pytest
import torch
from small_detector import detector, images_of, sample, total

from sparsevision.methods.focus_detr.encoder_heads import EncoderHeads
from sparsevision.utils import UserError

SIZE = (96, 128)
SMALLER = (64, 80)
BOXES = [[10, 10, 60, 50], [40, 30, 90, 80]]
KINDS = ("class", "bbox", "giou")
AUXILIARY = {f"loss_{kind}_enc_{layer}" for kind in KINDS for layer in (0, 1)}
SPARSE = {"selector": "joint", "selector_target": "decoder_attention", "object_tokens": None}


def losses_of(model, samples, sizes=None):
    model.train()
    torch.manual_seed(0)
    return model(images_of(*(sizes or [SIZE] * len(samples))), samples, mode="loss")


@pytest.mark.parametrize(
    "settings", [{}, {**SPARSE, "cascade": (1.0, 1.0, 1.0)}, {"selector": None, "object_tokens": None}]
)
def test_every_layer_but_the_last_has_losses_of_its_own(settings):
    plain = losses_of(detector(**settings), [sample(SIZE, BOXES)])
    model = detector(**settings, losses={"encoder_layers": 1.0})
    taught = losses_of(model, [sample(SIZE, BOXES)])
    assert taught.keys() - plain.keys() == AUXILIARY
    assert plain.keys() <= taught.keys()
    sum(taught[name] for name in AUXILIARY).backward()
    gradients = [parameter.grad for parameter in model.encoder_heads.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
    first, last = (model.network.encoder.layers[index].ffn[0].weight.grad for index in (0, 2))
    assert first.abs().sum() > 0
    assert last is None, "the last layer learns by its proposals"


def test_its_weight_scales_them():
    once, twice = (
        losses_of(detector(losses={"encoder_layers": weight}), [sample(SIZE, BOXES)]) for weight in (1.0, 2.0)
    )
    for name in AUXILIARY:
        torch.testing.assert_close(twice[name], 2 * once[name])
    torch.testing.assert_close(twice["loss_bbox"], once["loss_bbox"])


def test_heads_are_there_for_training_alone():
    state = detector(losses={"encoder_layers": 1.0}).state_dict()
    more = state.keys() - detector().state_dict().keys()
    assert more
    assert all(name.startswith(detector().optional_state) for name in more)


def test_tokens_refine_their_own_boxes_and_padding_predicts_nothing():
    model = detector().train()
    images = images_of(SIZE, SMALLER)["image"]
    encoded = model.network.encode(images, [SIZE, SMALLER], by_layer=True)
    assert [tokens.indices.shape for tokens in encoded.by_layer] == [kept.shape for kept in encoded.kept]
    heads = EncoderHeads(layers=3, channels=32, num_classes=3)
    for found, tokens in zip(heads(encoded), encoded.by_layer, strict=False):
        anchors = encoded.proposal_boxes.gather(1, tokens.indices[..., None].expand(-1, -1, 4)).sigmoid()
        torch.testing.assert_close(found.boxes[~found.padding], anchors[~found.padding])
        assert found.padding[~tokens.valid].all()
        assert (~tokens.valid)[1].any(), "the smaller image updates fewer tokens"
        assert not encoded.padding.gather(1, tokens.indices)[~found.padding].any()


def test_a_batch_without_boxes_trains():
    losses = losses_of(detector(losses={"encoder_layers": 1.0}), [sample(SIZE), sample(SMALLER)], (SIZE, SMALLER))
    assert torch.isfinite(total(losses))
    assert losses["loss_bbox_enc_0"] == 0


def test_layers_are_not_kept_unless_asked_for():
    encoded = detector().network.encode(images_of(SIZE)["image"], [SIZE])
    assert encoded.by_layer == ()


def test_a_negative_weight_is_told():
    with pytest.raises(UserError, match="encoder_layers"):
        detector(losses={"encoder_layers": -1.0})
