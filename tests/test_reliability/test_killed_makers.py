"""kill -9 while weights are converted or a synthetic set is made: none, the old one or the whole new one is there."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import check_kills
from tool_runner import run_tool
from toy_motion import renderer

from sparsevision.engine import save_checkpoint
from sparsevision.methods.cpcm.network import Res16UNet
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF

QUICK = ("cpcm", "motion_i2v", "publish_model")


def cpcm() -> dict:
    """A released checkpoint of four channels."""
    network = Res16UNet(3, 13, planes=(4,) * 8, layers=(1,) * 8, first_channels=4)
    return {"model": {f"module.model.{name}": value for name, value in network.state_dict().items()}, "epoch": 1}


def e2vid() -> dict:
    """An encoder of which two layers are left."""
    names = ("head.conv2d.weight", "encoders.0.conv.conv2d.weight")
    return {"state_dict": {f"unetrecurrent.{name}": torch.ones(2, 2, 1, 1) for name in names}}


def nerf() -> dict:
    """Two small fields."""
    fields = [VanillaNeRF(depth=2, width=16, skip_after=None).state_dict() for _ in range(2)]
    return {"global_step": 7, "network_fn_state_dict": fields[0], "network_fine_state_dict": fields[1]}


def detectron2() -> dict:
    """A backbone of four arrays."""
    names = ("stem.conv1.weight", "stem.conv1.norm.running_var", "res2.0.conv1.weight", "res4.5.shortcut.norm.bias")
    return {"model": {name: np.ones(2, np.float32) for name in names}, "__author__": "someone"}


def motion() -> dict:
    """Stage 2 in small."""
    return {"state_dict": renderer().state_dict()}


def trained() -> dict:
    """A checkpoint of a training."""
    return {"state_dict": {"w": torch.ones(3)}, "meta": {"epoch": 1}, "optimizer": {"state": {}}}


WEIGHTS: dict[str, tuple[str, Callable[[], dict], tuple]] = {
    "cpcm": ("cpcm.py", cpcm, ("SOURCE", "OUT/ours.pth")),
    "ev_wsss": ("ev_wsss.py", e2vid, ("SOURCE", "OUT/ours.pth", "--both")),
    "spin_nerf": ("spin_nerf.py", nerf, ("SOURCE", "OUT/ours.pth")),
    "focus_detr": ("focus_detr.py", detectron2, ("SOURCE", "OUT/ours.pth")),
    "motion_i2v": ("motion_i2v.py", motion, ("export", "motion_modules", "SOURCE", "OUT/ours.safetensors")),
    "publish_model": ("publish_model.py", trained, ("SOURCE", "OUT/ours.pth")),
}


def some(names, quick) -> list:
    """Quick ones as they are, the others marked as slow."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", some(WEIGHTS, QUICK))
def test_a_killed_conversion_of_weights_leaves_the_old_file_or_the_new_one(tmp_path, name):
    tool, content, words = WEIGHTS[name]
    source = tmp_path / ("source.pkl" if name == "focus_detr" else "source.pth")
    if source.suffix == ".pkl":
        source.write_bytes(pickle.dumps(content()))
    else:
        torch.save(content(), source)

    def command(folder: Path) -> list:
        places = {"SOURCE": str(source), "OUT": str(folder)}
        return [f"model_converters/{tool}", *(_filled(word, places) for word in words)]

    def begin(folder: Path) -> None:
        save_checkpoint({"state_dict": {"old": torch.ones(1)}}, Path(command(folder)[-1 - ("--both" in words)]))

    check_kills(command, tmp_path, begin=begin)


def _filled(word: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        word = word.replace(name, place)
    return word


FEW = ("--train", 1, "--val", 1)
SETS: dict[str, tuple] = {
    "camouflage": ("--train", 1, "--test", 1, "--size", 48),
    "detection": FEW,
    "moving_shapes": (*FEW, "--size", 32, "--frames", 3),
    "removal_room": ("--small", "--train", 4, "--test", 1),
    "rooms": ("--small", "--s3dis-train", 1, "--s3dis-test", 0, "--scannet-train", 1, "--scannet-val", 0,
              "--scannet-test", 0, "--s3dis-points", 1000, "--scannet-points", 1000),
    "street": ("--small",),
}  # fmt: skip


@pytest.mark.parametrize("name", some(SETS, ("camouflage",)))
def test_a_killed_set_is_there_as_a_whole_or_not_at_all(tmp_path, name):
    pytest.importorskip("skimage")
    check_kills(
        lambda folder: ["make_synthetic.py", name, *SETS[name], "--out", folder / "set"],
        tmp_path,
        kills=1,
        whole=True,
    )


@pytest.mark.slow
def test_a_set_that_is_killed_while_it_replaces_another(tmp_path):
    """The old one, none, or the new one: never a mixture."""
    pytest.importorskip("skimage")
    command = ["make_synthetic.py", "camouflage", *SETS["camouflage"]]

    def begin(folder: Path) -> None:
        assert run_tool(*command, "--out", folder / "set").code == 0

    check_kills(
        lambda folder: [*command, "--seed", 1, "--overwrite", "--out", folder / "set"],
        tmp_path,
        begin=begin,
        whole=True,
    )


@pytest.mark.slow
def test_killed_photographs_are_completed(tmp_path):
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    check_kills(lambda folder: ["make_synthetic.py", "photos", "--out", folder / "photos"], tmp_path)
