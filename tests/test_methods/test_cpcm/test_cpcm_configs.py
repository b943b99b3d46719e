"""The full-size configs hold what the released scripts set."""

import pytest
from mmengine.config import Config

from sparsevision.datasets.points.settings import KITTI, S3DIS, SCANNET
from sparsevision.datasets.transforms.points import view_settings
from sparsevision.utils import find_config

FULL = "cpcm_res16unet34c_"
# published: consistency alone; then CPCM's consistency, mask weight and grid
RELEASED = {
    "0p1pct{}_180e_scannet": (1, 0, 5, 4),
    "0p01pct{}_180e_scannet": (5, 0, 10, 8),
    "0p1pct{}_180e_s3dis": (1, 2, 5, 4),
    "0p01pct{}_180e_s3dis": (5, 2, 10, 8),
    "0p02pct{}_180e_s3dis": (5, 2, 10, 8),  # no script: those of 0.01 %
    "20pts{}_180e_scannet": (5, 0, 10, 8),  # no script either
}
KITTI_RELEASED = ("0p1pct_50e_semantickitti", "0p01pct_50e_semantickitti")


@pytest.mark.parametrize("name", RELEASED)
def test_weights_are_those_of_the_scripts(name):
    alone, consistency, weight, grid = RELEASED[name]
    cpcm = Config.fromfile(find_config(FULL + name.format(""))).model
    assert (cpcm.consistency, cpcm.mask.weight, cpcm.mask.grid_size, cpcm.mask.ratio) == (
        consistency,
        weight,
        grid,
        0.75,
    )
    for kind, expected in (("minknet", 0), ("consistency", alone)):
        model = Config.fromfile(find_config(FULL + name.format(kind))).model
        assert (model.consistency, model.mask) == (expected, None)


@pytest.mark.parametrize("name", KITTI_RELEASED)
def test_weights_of_kitti_are_the_same_for_both_budgets(name):
    model = Config.fromfile(find_config(FULL + name)).model
    assert (model.consistency, model.mask.weight, model.mask.grid_size, model.mask.ratio) == (2, 10, 8, 0.75)


@pytest.mark.parametrize("name", [*(name.format("") for name in RELEASED), *KITTI_RELEASED])
def test_what_all_scripts_share(name):
    cfg = Config.fromfile(find_config(FULL + name))
    kitti = "kitti" in name
    assert (cfg.model.preset, cfg.train_dataloader.dataset.pipeline[1].preset) == ("published", "published")
    assert (cfg.model.ramp_length, cfg.model.mask.mode, cfg.model.data_preprocessor.max_voxels) == (
        5,
        "grid",
        1_000_000,
    )
    assert (cfg.model.network.in_channels, cfg.model.network.first_kernel) == (3, 3)
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == ((50, 4) if kitti else (180, 2))
    assert cfg.randomness.seed == 123
    assert [schedule.power for schedule in cfg.param_scheduler] == [0.9]
    assert (
        cfg.test_dataloader.dataset.pipeline[1].voxel_size == cfg.train_dataloader.dataset.pipeline[1].views.voxel_size
    )


@pytest.mark.parametrize(
    ("name", "settings", "rate", "decay"),
    [
        ("0p1pctminknet_180e_scannet", SCANNET, 0.02, 1e-3),
        ("0p01pct_180e_s3dis", S3DIS, 0.01, 1e-3),
        ("0p1pct_50e_semantickitti", KITTI, 0.08, 1e-4),
    ],
)
def test_views_and_optimiser_are_those_of_the_scripts(name, settings, rate, decay):
    cfg = Config.fromfile(find_config(FULL + name))
    assert view_settings(cfg.train_dataloader.dataset.pipeline[1].views) == settings
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.lr, optimizer.momentum, optimizer.dampening, optimizer.weight_decay) == (rate, 0.9, 0.1, decay)


def test_colours_jitter_in_one_script_of_scannet_alone():
    for name, jitter in (("0p1pct", 0.95), ("0p1pctminknet", 0.0), ("0p1pctconsistency", 0.0), ("0p01pct", 0.0)):
        cfg = Config.fromfile(find_config(f"{FULL}{name}_180e_scannet"))
        assert cfg.train_dataloader.dataset.pipeline[1].views.get("jitter_probability", 0.0) == jitter
