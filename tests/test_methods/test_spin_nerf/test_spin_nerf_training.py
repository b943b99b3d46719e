"""A training of a small field in a small room: killed and resumed, with workers, and what testing it writes."""

import json

import numpy as np
import pytest
import torch
from killed_training import kill_after_a_checkpoint, train
from tool_runner import run_tool

from sparsevision.datasets.image_io import read_image
from sparsevision.engine import load_checkpoint

ITERATIONS = 24
SIZE = (40, 48)
CONFIG = f'''"""Every group of rays, two fields, noise and patches, for tests."""

from mmengine.hooks import IterTimerHook, LoggerHook, ParamSchedulerHook
from mmengine.optim import ExponentialLR, OptimWrapper
from mmengine.runner import LogProcessor
from mmengine.visualization import LocalVisBackend
from torch.optim import Adam

from sparsevision.datasets import RayPreprocessor, SceneRays, SceneViews, SeededInfiniteSampler, SeededSampler
from sparsevision.engine.hooks import CheckpointHook, VisualizationHook
from sparsevision.evaluation import ViewMaskMetric, ViewMetric
from sparsevision.layers.lpips import LPIPS
from sparsevision.methods.spin_nerf import DenseGridField, Renderer, SPInNeRF
from sparsevision.visualization import SparseVisualizer

default_scope = None
scene = dict(data_root={{root!r}}, factor=2)
field = dict(type=DenseGridField, resolutions=((12, 12, 8),), plane_resolution=None, objectness=True)
model = dict(
    type=SPInNeRF, preset="fixed", perceptual=dict(type=LPIPS, net="alex"), perceptual_from=8, remembered_patches=4,
    data_preprocessor=dict(type=RayPreprocessor),
    renderer=dict(
        type=Renderer, fine=dict(field), coarse=dict(field), num_samples=12, num_fine_samples=6, density_noise=0.5,
        activation="softplus",
    ),
)
train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False, sampler=dict(type=SeededInfiniteSampler, shuffle=False),
    dataset=dict(
        scene, type=SceneRays,
        groups=dict(
            background=dict(rays=64, where="background"), labels=dict(rays=32, where="labelled"),
            reference=dict(rays=32, where="reference"), keypoints=dict(rays=16),
            patches=dict(count=1, stride=1, divisor=1),
        ),
    ),
)
test_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(scene, type=SceneViews, views="test", masks="label"),
)
test_evaluator = [dict(type=ViewMetric, protocols=("full",)), dict(type=ViewMaskMetric)]
test_cfg = dict()
train_cfg = dict(by_epoch=False, max_iters={ITERATIONS})
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=Adam, lr=0.05))
param_scheduler = [dict(type=ExponentialLR, gamma=0.95, by_epoch=False)]
load_from, resume, randomness = None, False, dict(seed=0)
log_processor = dict(type=LogProcessor, by_epoch=False)
visualizer = dict(type=SparseVisualizer, vis_backends=[dict(type=LocalVisBackend)], name="visualizer")
default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=1),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=3, by_epoch=False, max_keep_ckpts=2),
    visualization=dict(type=VisualizationHook),
)
'''


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """The config, beside its room."""
    folder = tmp_path_factory.mktemp("spin_nerf")
    words = ("--train", "5", "--test", "2", "--height", SIZE[0], "--width", SIZE[1])
    made = run_tool("make_synthetic.py", "removal_room", "--small", "--out", folder / "room", *words)
    assert made.code == 0, made.err
    (folder / "config.py").write_text(CONFIG.format(root=str(folder / "room")))
    return folder / "config.py"


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted_with_workers(config, tmp_path):
    kill_after_a_checkpoint(train(config, tmp_path / "cut"), tmp_path / "cut")
    assert not (tmp_path / "cut" / f"iter_{ITERATIONS}.pth").exists(), "it was killed before it could finish"
    for run, more in (("cut", ["--resume"]), ("whole", ["--cfg-options", "train_dataloader.num_workers=2"])):
        process = train(config, tmp_path / run, *more)
        _, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
    cut, whole = (load_checkpoint(tmp_path / run / f"iter_{ITERATIONS}.pth") for run in ("cut", "whole"))
    assert all(torch.equal(value, cut["state_dict"][name]) for name, value in whole["state_dict"].items())
    scalars = [part["message_hub"]["log_scalars"] for part in (cut, whole)]
    losses = [name for name in scalars[1] if "loss" in name]
    terms = ("background", "objectness", "reference", "depth", "perceptual")
    assert {f"train/loss_{term}" for term in terms} <= set(losses)
    for name in losses:
        values = [part[name]["values"] for part in scalars]
        assert (values[0] == values[1]).all(), name


def test_testing_writes_what_was_rendered_and_pictures_of_it(config, tmp_path):
    trained = run_tool("train.py", config, "--work-dir", tmp_path / "run", "--cfg-options", "train_cfg.max_iters=3")
    assert trained.code == 0, trained.err
    out, pictures = tmp_path / "out", tmp_path / "pictures"
    words = ("--work-dir", tmp_path / "test", "--out", out, "--show-dir", pictures)
    tested = run_tool("test.py", config, tmp_path / "run" / "iter_3.pth", *words)
    assert tested.code == 0, tested.err
    names = ["image000", "image001"]
    for field in ("view", "mask", "objectness", "accumulation"):
        files = sorted((out / f"pred_{field}").iterdir())
        assert [file.name for file in files] == [f"{name}.png" for name in names]
        assert read_image(files[0]).shape == (*SIZE, 3)
    assert np.load(out / "pred_disparity" / "image000.npy").shape == SIZE
    assert {"PSNR/full", "IoU/annotated_views"} <= set(json.loads((out / "metrics.json").read_text()))
    assert sorted(file.name for file in pictures.iterdir()) == [f"{name}.png" for name in names]
    assert read_image(pictures / "image000.png").shape[1] > 4 * SIZE[1], "truth, masks, rendered view and disparity"
