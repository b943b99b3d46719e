"""A training with a teacher and with missing boxes that is killed and resumed."""

import pytest
import torch
from killed_training import kill_after_a_checkpoint, train
from tool_runner import run_tool

from sparsevision.engine import load_checkpoint

ITERATIONS = 12
CONFIG = """
from mmengine.hooks import DistSamplerSeedHook, IterTimerHook, LoggerHook, ParamSchedulerHook, RuntimeInfoHook
from mmengine.optim import OptimWrapper
from torch.optim import AdamW

from sparsevision.datasets import CocoDetectionDataset, SeededSampler, SparseBoxes
from sparsevision.datasets.transforms import LoadBoxes, LoadImage, PackDetectionInputs, RandomFlipBoxes
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.engine.param_groups import ParameterGroups
from sparsevision.methods.focus_detr import FocusDETR
from sparsevision.methods.focus_detr.backbones import ResNetBackbone

default_scope = None
model = dict(
    type=FocusDETR,
    preset="fixed",
    num_classes=8,
    num_queries=20,
    backbone=dict(type=ResNetBackbone, depth=18, frozen_stages=5),
    architecture=dict(channels=32, heads=4, levels=3, hidden=32, encoder_layers=2, decoder_layers=2),
    cascade=(1.0, 0.5),
    object_tokens=10,
    denoising=dict(queries=10),
    keep_ratio_range=(0.3, 1.0),
    pseudo_boxes=dict(from_iteration=3, relative=False, high=0.005, low=0.002, momentum=0.9),
)
shapes = dict(
    type=CocoDetectionDataset,
    data_root={root!r},
    ann_file="annotations/instances_train2017.json",
    data_prefix=dict(img="train2017"),
    num_classes=8,
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadBoxes),
        dict(type=RandomFlipBoxes, prob=0.5),
        dict(type=PackDetectionInputs),
    ],
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(type=SparseBoxes, dataset=shapes, protocol="random", keep=0.5, seed=0, point_spread=0.0),
)
train_cfg = dict(by_epoch=False, max_iters={iterations})
optim_wrapper = dict(
    type=OptimWrapper,
    constructor=ParameterGroups,
    optimizer=dict(type=AdamW, lr=1e-3, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.1),
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = []
load_from, resume, randomness = None, False, dict(seed=0)
env_cfg = dict(mp_cfg=dict(mp_start_method="fork"), dist_cfg=dict(backend="gloo"))
log_processor = dict(by_epoch=False)
default_hooks = dict(
    runtime_info=dict(type=RuntimeInfoHook),
    timer=dict(type=IterTimerHook),
    sampler_seed=dict(type=DistSamplerSeedHook),
    logger=dict(type=LoggerHook, interval=1),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=2, by_epoch=False, max_keep_ckpts=2),
)
"""


@pytest.mark.slow
def test_a_teacher_that_is_killed_and_resumed_is_the_same_teacher(tmp_path):
    root = tmp_path / "shapes"
    made = run_tool("make_synthetic.py", "detection", "--out", root, "--train", 8, "--val", 2)
    assert made.code == 0, made.err
    config = tmp_path / "config.py"
    config.write_text(CONFIG.format(root=str(root), iterations=ITERATIONS))
    kill_after_a_checkpoint(train(config, tmp_path / "cut"), tmp_path / "cut")
    assert (tmp_path / "cut" / "last_checkpoint").exists(), "there is something to resume from"
    assert not (tmp_path / "cut" / f"iter_{ITERATIONS}.pth").exists(), "it was killed before it could finish"
    for folder, more in (("cut", ["--resume"]), ("whole", [])):
        _, errors = (process := train(config, tmp_path / folder, *more)).communicate(timeout=400)
        assert process.returncode == 0, errors
    cut, whole = (load_checkpoint(tmp_path / folder / f"iter_{ITERATIONS}.pth") for folder in ("cut", "whole"))
    assert whole["state_dict"]["teacher.updates"] == ITERATIONS
    assert all(torch.equal(value, cut["state_dict"][name]) for name, value in whole["state_dict"].items())
    found = [part["message_hub"]["log_scalars"]["train/pseudo_boxes"]["values"] for part in (cut, whole)]
    assert torch.equal(*found)
    assert found[1].max() > 0, "the teacher was heard"
