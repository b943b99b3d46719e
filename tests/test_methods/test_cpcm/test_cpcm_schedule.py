"""Ramp, learning rate and optimiser against the released numbers."""

import pytest
import torch
from closeness import assert_near
from mmengine.optim.scheduler import PolyLR
from mmengine.registry import PARAM_SCHEDULERS

from sparsevision.methods.cpcm import PublishedPolyLR, ramp_up


@pytest.mark.parametrize("length", [5, 8])
def test_golden_ramp(golden, length):
    for epoch, factor in golden["numbers"]["ramp"][str(length)]:
        assert ramp_up(epoch, length=length) == pytest.approx(factor, rel=1e-12, abs=0)


def test_ramp_of_no_length_is_full_at_once():
    assert ramp_up(0, length=0) == 1.0
    assert ramp_up(3) == ramp_up(3, length=5)


def test_ramp_before_the_first_epoch():
    with pytest.raises(ValueError, match="epoch"):
        ramp_up(-1)


def rates(make, wanted, *, base):
    """Learning rate at the wanted iterations."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = make(optimizer)
    found, at = {}, 0
    while at <= max(wanted):
        if at in wanted:
            found[at] = optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()
        at += 1
    return found


def both_ways(iterations):
    """Of mmengine alone, its end being two iterations late; and from the epochs of a config."""
    config = {"type": PublishedPolyLR, "power": 0.9, "by_epoch": True, "convert_to_iter_based": True}
    epochs = 180
    return {
        "mmengine": lambda optimizer: PolyLR(optimizer, power=0.9, by_epoch=False, end=iterations + 2),
        "epochs": lambda optimizer: PARAM_SCHEDULERS.build(
            config | {"optimizer": optimizer, "end": epochs, "epoch_length": iterations // epochs}
        ),
    }


@pytest.mark.parametrize("way", ["mmengine", "epochs"])
def test_golden_learning_rate(golden, way):
    poly = golden["numbers"]["poly"]
    wanted = dict(poly["values"])
    found = rates(both_ways(poly["max_iter"])[way], wanted, base=poly["base"])
    for iteration, rate in wanted.items():
        assert found[iteration] == pytest.approx(rate, rel=1e-12, abs=0)


def test_golden_sgd(golden):
    arrays = {name: torch.from_numpy(array) for name, array in golden["losses"].items() if name.startswith("sgd")}
    weight = torch.nn.Parameter(arrays["sgd_start"].clone())
    optimizer = torch.optim.SGD([weight], lr=0.01, momentum=0.9, dampening=0.1, weight_decay=1e-3)
    for gradient, after in zip(arrays["sgd_grads"], arrays["sgd_weights"], strict=True):
        weight.grad = gradient.clone()
        optimizer.step()
        assert_near(weight, after, within=1e-12)
