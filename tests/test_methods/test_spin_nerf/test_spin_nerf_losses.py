"""Terms of the loss, by hand, and the published learning rate."""

import json
import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import ExponentialLR

from sparsevision.methods.spin_nerf.losses import (
    accumulation_loss,
    colour_loss,
    depth_loss,
    disparity_loss,
    objectness_loss,
)
from sparsevision.methods.spin_nerf.presets import PRESETS, LossWeights
from sparsevision.utils import UserError, configs_dir
from sparsevision.utils.settings import settings_of

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "spin_nerf" / "core.json").read_text())


def rendering(**values):
    return {name: torch.tensor(value, dtype=torch.float32, requires_grad=True) for name, value in values.items()}


def test_colours_of_fine_and_coarse_add_up():
    entry = GOLDEN["mse_psnr"]
    fine = {"rgb": torch.tensor(entry["a"])}
    assert colour_loss([fine], torch.tensor(entry["b"])).item() == pytest.approx(entry["mse"], abs=1e-6)
    assert colour_loss([fine, fine], torch.tensor(entry["b"])).item() == pytest.approx(2 * entry["mse"], abs=1e-6)
    assert -10 * math.log10(entry["mse"]) == pytest.approx(entry["psnr"], abs=1e-5)


def test_objectness_is_a_cross_entropy_of_logits():
    found = objectness_loss([rendering(logit=[0.0, 2.0])], torch.tensor([1.0, 0.0]))
    assert found.item() == pytest.approx((math.log(2) + math.log1p(math.exp(2.0))) / 2)


def test_depth_is_that_of_the_fine_rendering():
    assert depth_loss(rendering(depth=[1.0, 4.0]), torch.tensor([2.0, 2.0])).item() == pytest.approx(2.5)


def test_depth_by_trust_and_relative_to_it():
    found, wanted = rendering(depth=[1.0, 6.0]), torch.tensor([2.0, 4.0])
    assert depth_loss(found, wanted, weight=torch.tensor([2.0, 0.5])).item() == pytest.approx(2.0)
    assert depth_loss(found, wanted, relative=True).item() == pytest.approx(0.25)


def test_one_ray_without_disparity_silences_its_rendering():
    whole, broken = (rendering(disparity=values, accumulation=[1.0, 1.0]) for values in ([0.5, 0.2], [0.5, math.nan]))
    wanted = torch.tensor([0.25, 0.2])
    assert disparity_loss([whole], wanted).item() == pytest.approx(0.03125)
    assert disparity_loss([whole, broken], wanted).item() == pytest.approx(0.03125)
    silent = disparity_loss([broken], wanted)
    silent.backward()
    assert silent.item() == 0.0


def test_pixels_without_a_prior_are_left_out():
    found = rendering(disparity=[0.5, 0.2], accumulation=[1.0, 1.0])
    half = disparity_loss([found], torch.tensor([0.25, math.nan]))
    assert half.item() == pytest.approx(0.0625)
    none = disparity_loss([found], torch.tensor([math.nan, math.nan]))
    (half + none).backward()
    assert none.item() == 0.0
    assert found["disparity"].grad.tolist() == pytest.approx([0.5, 0.0])


def test_accumulation_is_a_mean():
    assert accumulation_loss(rendering(accumulation=[0.0, 1.0])).item() == pytest.approx(0.5)


def test_weights_are_checked():
    with pytest.raises(UserError, match=r"depth=-1; expected 0 or more"):
        LossWeights(depth=-1)
    with pytest.raises(UserError, match=r"LossWeights: .*expected some of colour, reference"):
        settings_of(LossWeights, {"colours": 1})


def test_the_presets_differ_in_every_switch():
    published, fixed = PRESETS["published"], PRESETS["fixed"]
    assert all(getattr(published, name) and not getattr(fixed, name) for name in published.__dataclass_fields__)


def test_the_learning_rate_falls_as_published():
    entry = GOLDEN["learning_rate"]
    schedule = Config.fromfile(configs_dir() / "_base_" / "schedules" / "nerf.py")
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=entry["initial"])
    scheduler = ExponentialLR(
        optimiser, **{key: value for key, value in schedule.param_scheduler[0].items() if key != "type"}
    )
    rates = [optimiser.param_groups[0]["lr"]]
    for _ in range(max(entry["steps"])):
        optimiser.step()
        scheduler.step()
        rates.append(optimiser.param_groups[0]["lr"])
    assert [rates[step] for step in entry["steps"]] == pytest.approx(entry["values"], rel=1e-6)
