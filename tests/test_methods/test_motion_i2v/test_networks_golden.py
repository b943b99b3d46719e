"""The networks beside the published ones: numbers with golden weights, names and shapes in full size."""

import json

import pytest
import torch
from closeness import assert_near
from golden_motion import GOLDEN, golden_arrays, golden_numbers
from motion_networks import GOLDEN_ARCHITECTURE, published

from sparsevision.methods.motion_i2v.attention_plain import InterleavedMotionAttention
from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.unet import stage1_unet, stage2_unet

TOLERANCE = 5e-5
ARRAYS = {name: torch.from_numpy(value) for name, value in golden_arrays("networks").items()}
NUMBERS = golden_numbers()
STAGE1 = (ARRAYS["stage1_sample"], ARRAYS["timesteps"], ARRAYS["text"])
STAGE2 = (ARRAYS["stage2_sample"], ARRAYS["timesteps"], ARRAYS["text"])
FLOW = ARRAYS["flow_times_8"].float() / 8


@pytest.fixture(scope="module")
def stage1():
    return published(stage1_unet(architecture=GOLDEN_ARCHITECTURE), "stage1.")


@pytest.fixture(scope="module")
def controlnet():
    return published(TrajectoryControlNet(architecture=GOLDEN_ARCHITECTURE), "controlnet.")


def stage2(**options):
    return published(stage2_unet(architecture=GOLDEN_ARCHITECTURE, **options), "stage2.")


def test_golden_weights_are_rebuilt(stage1, controlnet):
    networks = {"stage1": stage1, "stage2": stage2(), "controlnet": controlnet}
    states = {name: network.state_dict() for name, network in networks.items()}
    for name, values in NUMBERS["weight_probe"].items():
        which, key = name.split(".", 1)
        assert states[which][key].flatten()[:3].tolist() == pytest.approx(values, abs=1e-7)
    assert {name: len(state) for name, state in states.items()} == NUMBERS["tiny_key_counts"]
    parameters = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    assert parameters == NUMBERS["tiny_params"]


@torch.no_grad()
def test_stage_1_predicts_as_published(stage1):
    assert_near(stage1(*STAGE1, strides=ARRAYS["strides"]), ARRAYS["stage1_out"], within=TOLERANCE)


@torch.no_grad()
def test_stage_1_with_controlnet_predicts_as_published(stage1, controlnet):
    strides = ARRAYS["strides"]
    control = controlnet(*STAGE1, strides=strides, condition=ARRAYS["control"])
    assert_near(stage1(*STAGE1, strides=strides, control=control), ARRAYS["stage1_control_out"], within=TOLERANCE)


@torch.no_grad()
def test_stage_2_predicts_as_published():
    assert_near(stage2()(*STAGE2, flow=FLOW), ARRAYS["stage2_out"], within=TOLERANCE)


@torch.no_grad()
def test_the_released_mixing_of_clips_is_there_on_demand():
    assert_near(stage2(legacy_batch_mixing=True)(*STAGE2, flow=FLOW), ARRAYS["stage2_out_legacy"], within=TOLERANCE)


@torch.no_grad()
def test_the_plain_form_predicts_the_same():
    plain = stage2(temporal_attention=InterleavedMotionAttention)
    assert_near(plain(*STAGE2, flow=FLOW), ARRAYS["stage2_out"], within=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "build", "keys", "millions"),
    [
        ("stage1", stage1_unet, 1278, 1314.79),
        ("stage2", stage2_unet, 1274, 1312.73),
        ("controlnet", TrajectoryControlNet, 584, 566.68),
    ],
)
def test_full_size_has_the_released_names_and_shapes(name, build, keys, millions):
    with torch.device("meta"):
        network = build()
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert shapes == json.loads((GOLDEN / f"keys_{name}.json").read_text())
    assert len(shapes) == keys
    assert sum(value.numel() for value in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
