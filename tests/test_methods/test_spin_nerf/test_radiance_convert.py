"""Published checkpoints become ours, tensor by tensor; tiny-cuda-nn's and others are refused with the reason."""

import re

import pytest
import torch
from tool_runner import run_tool

from sparsevision.engine import load_checkpoint
from sparsevision.methods.spin_nerf.convert import convert_checkpoint, convert_with_report
from sparsevision.methods.spin_nerf.radiance.renderer import Renderer
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.utils import UserError

TOOL = "model_converters/spin_nerf.py"


def published(**sizes):
    torch.manual_seed(0)
    coarse, fine = VanillaNeRF(**sizes), VanillaNeRF(**sizes)
    return {
        "global_step": 7,
        "network_fn_state_dict": coarse.state_dict(),
        "network_fine_state_dict": fine.state_dict(),
        "optimizer_state_dict": torch.optim.Adam(fine.parameters()).state_dict(),
    }


def test_both_fields_load_and_answer_the_same():
    content = published()
    state = convert_checkpoint(content)
    renderer = Renderer(fine=VanillaNeRF(), coarse=VanillaNeRF())
    renderer.load_state_dict(state)
    for name, value in content["network_fine_state_dict"].items():
        assert torch.equal(renderer.fine.state_dict()[name], value)
    for name, value in content["network_fn_state_dict"].items():
        assert torch.equal(renderer.coarse.state_dict()[name], value)


@pytest.mark.parametrize(
    "sizes", [{"depth": 4, "width": 32, "skip_after": 1}, {"depth": 2, "width": 16, "skip_after": None}]
)
def test_sizes_are_read_off_the_weights(sizes):
    found = convert_with_report(published(**sizes))
    assert found.fields == {"fine": sizes, "coarse": sizes}
    assert found.iteration == 7
    built = Renderer(**{name: VanillaNeRF(**field) for name, field in found.fields.items()})
    built.load_state_dict(found.state)


def test_a_file_with_one_network_has_no_coarse_field():
    content = published(depth=2, width=16) | {"network_fine_state_dict": None}
    content["network_fn_state_dict"] = {f"module.{k}": v for k, v in content["network_fn_state_dict"].items()}
    found = convert_with_report(content)
    Renderer(fine=VanillaNeRF(**found.fields["fine"]), num_fine_samples=0).load_state_dict(found.state)
    assert set(found.fields) == {"fine"}


def changed(**weights):
    """A checkpoint whose fine network has other weights; None takes one away."""
    content = published(depth=2, width=16)
    for name, value in weights.items():
        own = name.replace("__", ".")
        if value is None:
            del content["network_fine_state_dict"][own]
        else:
            content["network_fine_state_dict"][own] = value
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            {"network_fn_state_dict": {"encoder.params": torch.zeros(9), "sigma_net.params": torch.zeros(3)}},
            "tiny-cuda",
        ),
        ({"model": {}}, "no checkpoint of NeRF"),
        ({}, "found nothing"),
        ({"network_fn_state_dict": {"conv.weight": torch.zeros(2)}}, "found conv.weight"),
        (changed(output_linear__weight=torch.zeros(4, 16)), "use_viewdirs"),
        (changed(alpha_linear__bias=None), "alpha_linear.bias missing"),
        (changed(rgb_linear__bias=torch.zeros(4)), "expected (3,)"),
        (changed(pts_linears__0__weight=torch.zeros(16, 39)), "10 frequencies"),
        (changed(other__weight=torch.zeros(1)), "other.weight"),
    ],
)
def test_other_content_is_refused_with_the_reason(content, reason):
    with pytest.raises(UserError, match=re.escape(reason)):
        convert_checkpoint(content)


def test_the_tool_writes_a_checkpoint_of_the_method(tmp_path):
    content = published(depth=3, width=16, skip_after=1)
    torch.save(content, tmp_path / "000007.tar")
    said = run_tool(TOOL, tmp_path / "000007.tar", tmp_path / "ours.pth")
    assert said.code == 0, said.err
    assert "fine and coarse field after 7 iterations" in said.out
    assert "fine=dict(type=VanillaNeRF, depth=3, width=16, skip_after=1)" in said.out
    ours = load_checkpoint(tmp_path / "ours.pth")
    assert ours["meta"]["preset"] == "published"
    assert ours["meta"]["source_iteration"] == 7
    weight = ours["state_dict"]["renderer.coarse.rgb_linear.weight"]
    assert torch.equal(weight, content["network_fn_state_dict"]["rgb_linear.weight"])


def test_the_tool_names_a_file_that_it_refuses(tmp_path):
    torch.save({"network_fn_state_dict": {"encoder.params": torch.zeros(4)}}, tmp_path / "tcnn.tar")
    said = run_tool(TOOL, tmp_path / "tcnn.tar", tmp_path / "ours.pth")
    assert said.code == 2
    assert "tcnn.tar" in said.err
    assert not (tmp_path / "ours.pth").exists()
