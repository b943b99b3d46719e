"""A detector's settings, read off the names and shapes of its weights."""

import pytest

from sparsevision.methods.focus_detr import FocusDETR
from sparsevision.methods.focus_detr.backbones import ResNetBackbone
from sparsevision.methods.focus_detr.weights_to_settings import check_whole, settings_of_weights
from sparsevision.utils import UserError

SIZES = {"channels": 32, "levels": 3, "hidden": 48, "encoder_layers": 2, "decoder_layers": 1}


def state_of(**changes):
    settings = {"selector": "focus", "object_tokens": 300, "cascade": (1.0, 0.5)} | changes
    detector = FocusDETR(
        num_classes=5,
        num_queries=7,
        backbone={"type": ResNetBackbone, "depth": 18},
        architecture=SIZES | {"heads": 8, "points": 4},
        **settings,
    )
    return detector.state_dict()


@pytest.mark.parametrize(("selector", "object_tokens"), [("focus", 300), (None, None)])
def test_sizes_are_read_off_the_weights(selector, object_tokens):
    assert settings_of_weights(state_of(selector=selector, object_tokens=object_tokens)) == {
        "num_classes": 5,
        "backbone": {"type": ResNetBackbone, "depth": 18},
        "num_queries": 7,
        "architecture": SIZES,
        "selector": selector,
        "object_tokens": object_tokens,
    }


def test_a_tensor_that_is_missing_is_named():
    state = state_of()
    settings = settings_of_weights(state) | {"cascade": (1.0, 0.5)}
    assert check_whole(state, settings) == []
    del state["network.decoder.norm.weight"]
    with pytest.raises(UserError, match=r"network\.decoder\.norm\.weight missing"):
        check_whole(state, settings)
