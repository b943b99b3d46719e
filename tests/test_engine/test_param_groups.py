"""Which parameter learns at which rate and decays how fast."""

import pytest
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.optim import AdamW

from sparsevision.engine.param_groups import ParameterGroups
from sparsevision.utils import UserError


def model() -> nn.Module:
    """A backbone with a norm, and a head."""
    backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.LayerNorm(4), nn.Conv2d(4, 4, 1))
    backbone[2].requires_grad_(False)
    return nn.ModuleDict({"backbone": backbone, "head": nn.Linear(4, 2), "norm": nn.GroupNorm(1, 4)})


def options_of(**paramwise) -> dict[str, tuple[float, float]]:
    """Name -> (rate, decay), and how many groups there are."""
    network = model()
    wrapper = build_optim_wrapper(
        network,
        {
            "type": "OptimWrapper",
            "constructor": ParameterGroups,
            "optimizer": {"type": AdamW, "lr": 1.0, "weight_decay": 0.5},
            "paramwise_cfg": paramwise,
        },
    )
    names = {id(value): name for name, value in network.named_parameters()}
    groups = wrapper.optimizer.param_groups
    found = {names[id(one)]: (group["lr"], group["weight_decay"]) for group in groups for one in group["params"]}
    return found | {"groups": len(groups)}


def test_a_norm_in_the_backbone_has_the_backbone_s_rate_and_no_decay():
    found = options_of(norm_decay_mult=0.0, custom_keys={"backbone": {"lr_mult": 0.1}})
    assert found.pop("groups") == 4
    assert found == {
        "backbone.0.weight": (0.1, 0.5),
        "backbone.0.bias": (0.1, 0.5),
        "backbone.1.weight": (0.1, 0),
        "backbone.1.bias": (0.1, 0),
        "head.weight": (1.0, 0.5),
        "head.bias": (1.0, 0.5),
        "norm.weight": (1.0, 0),
        "norm.bias": (1.0, 0),
    }


def test_the_longest_key_that_fits_counts():
    found = options_of(custom_keys={"backbone": {"lr_mult": 0.1}, "backbone.0.bias": {"decay_mult": 0.0}})
    assert found["backbone.0.bias"] == (1.0, 0)
    assert found["backbone.0.weight"] == (0.1, 0.5)


@pytest.mark.parametrize("wrong", [{"norm_decay_multi": 0.0}, {"custom_keys": {"head": {"lr": 0.1}}}])
def test_a_misspelt_option_is_told(wrong):
    with pytest.raises(UserError, match="ParameterGroups knows no"):
        options_of(**wrong)
