"""Configs of trainings that follow one another: each starts from files that an earlier step or a command writes."""

import re
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from sparsevision.registry import MODELS
from sparsevision.utils import configs_dir

FOLDER = configs_dir() / "motion_i2v"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
PAGE = Path(__file__).parents[3] / "docs" / "motion_i2v.md"


@cache
def config(name):
    return Config.fromfile(FOLDER / f"{name}.py")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_training_starts_from_is_the_end_of_another_one(name):
    source = config(name).get("load_from")
    if source is None:
        return
    stem, iterations = re.fullmatch(r"work_dirs/(\w+)/iter_(\d+)\.pth", source).groups()
    assert stem in NAMES
    assert config(stem).train_cfg.max_iters == int(iterations)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_tells_how_to_make_the_weights_that_a_config_names(name):
    starts = config(name).model.get("init_cfg") or []
    for start in [starts] if isinstance(starts, dict) else starts:
        assert start["checkpoint"] in PAGE.read_text()


def test_the_first_network_gets_all_its_weights():
    """A codec that is frozen and was never learned would spoil every training after it."""
    own = config("motion_i2v_sd15_field_160k_webvid")
    with torch.device("meta"):
        roots = {name.split(".")[0] for name in MODELS.build(own.model).state_dict()}
    assert roots == {"unet", "image_codec", "flow_codec"}
    files = {Path(start["checkpoint"]).stem for start in own.model.init_cfg}
    assert files == {"sd15_motion_stage1", "sd15_image_vae"}
    assert "flowvae" in own.load_from
    source = config(Path(own.load_from).parent.name).model
    assert source.flow_codec == own.model.flow_codec
