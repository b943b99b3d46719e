"""A training that is killed and resumed, and batches whatever the number of workers."""

import numpy as np
import pytest
import torch
from killed_training import kill_after_a_checkpoint, train
from mmengine.dataset import pseudo_collate
from point_config import VOXEL, room_table, write_config
from torch.utils.data import DataLoader

from sparsevision.annotation import save_annotations, simulate_point_labels
from sparsevision.datasets import PointPreprocessor, S3DISDataset, SeededSampler
from sparsevision.datasets.points.scene import Scene, write_scene, write_split
from sparsevision.datasets.transforms import LoadPointScene, MakeTwoViews, PackPointInputs
from sparsevision.engine import load_checkpoint

KEYS = ("Area_1/office_1", "Area_1/office_2", "Area_2/hall_1")
ITERATIONS = 12
VIEWS = {
    "voxel_size": VOXEL,
    "elastic": ((0.2, 0.02),),
    "crop_half_side": 0.9,
    "dropout_probability": 0.5,
    "jitter_probability": 0.5,
}
# Statistics of the masked pass and the token are state as well; epochs of three steps, checkpoints after every second.
TRAINING = f"""
from mmengine.hooks import DistSamplerSeedHook, IterTimerHook, LoggerHook, ParamSchedulerHook, RuntimeInfoHook
from mmengine.optim import OptimWrapper
from torch.optim import SGD

from sparsevision.datasets import SeededSampler
from sparsevision.datasets.transforms import MakeTwoViews
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.cpcm import PublishedPolyLR

model.update(preset="fixed", mask=dict(weight=5.0, grid_size=3, token=True), ramp_length=3)
training = [dict(type=LoadPointScene), dict(type=MakeTwoViews, views={VIEWS}), dict(type=PackPointInputs)]
train_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(test_dataloader["dataset"], split="train", sparse="few.npz", test_mode=False, pipeline=training),
)
train_cfg = dict(by_epoch=True, max_epochs={ITERATIONS // len(KEYS)})
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01, momentum=0.9, dampening=0.1))
param_scheduler = [dict(type=PublishedPolyLR, power=0.9, by_epoch=True, convert_to_iter_based=True)]
load_from, resume, randomness = None, False, dict(seed=0)
default_hooks = dict(
    runtime_info=dict(type=RuntimeInfoHook),
    timer=dict(type=IterTimerHook),
    sampler_seed=dict(type=DistSamplerSeedHook),
    logger=dict(type=LoggerHook, interval=1),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=2, by_epoch=False, max_keep_ckpts=2),
)
"""


@pytest.fixture
def prepared(tmp_path):
    """Three small rooms, each with ten labelled points."""
    root, labels = tmp_path / "data", {}
    for number, key in enumerate(KEYS):
        table = room_table(900)[number::3]
        segment = (table[:, 2] > 0).astype(np.uint8)
        write_scene(root / key, Scene(coord=table[:, :3], color=table[:, 3:].astype(np.uint8), segment=segment))
        rng = np.random.default_rng(number)
        labels[key] = simulate_point_labels(segment, protocol="uniform", budget=10, rng=rng)
    write_split(root, "train", KEYS)
    write_split(root, "test", KEYS)
    save_annotations(root / "few.npz", labels)
    return root


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tmp_path, prepared):
    config = write_config(tmp_path / "config.py", prepared)
    config.write_text(config.read_text() + TRAINING)
    kill_after_a_checkpoint(train(config, tmp_path / "cut"), tmp_path / "cut")
    assert (tmp_path / "cut" / "last_checkpoint").exists(), "there is something to resume from"
    assert not (tmp_path / "cut" / f"iter_{ITERATIONS}.pth").exists(), "it was killed before it could finish"
    for folder, more in (("cut", ["--resume"]), ("whole", [])):
        process = train(config, tmp_path / folder, *more)
        _, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
    cut, whole = (load_checkpoint(tmp_path / folder / f"iter_{ITERATIONS}.pth") for folder in ("cut", "whole"))
    assert {"mask_token", "masked_statistics.running_mean_0"} <= set(whole["state_dict"])
    assert all(torch.equal(value, cut["state_dict"][name]) for name, value in whole["state_dict"].items())
    scalars = [part["message_hub"]["log_scalars"] for part in (cut, whole)]
    losses = [name for name in scalars[1] if "loss" in name]
    assert {"train/loss_consistency", "train/loss_mask_corresponding", "train/loss_mask_self"} <= set(losses)
    for name in losses:
        values = [part[name]["values"] for part in scalars]
        assert len(values[1]) == ITERATIONS
        assert (values[0] == values[1]).all(), name


def test_any_number_of_workers_gives_the_same_batches(prepared):
    pipeline = [LoadPointScene(), MakeTwoViews(views=VIEWS), PackPointInputs()]
    data = S3DISDataset(data_root=str(prepared), split="train", sparse="few.npz", pipeline=pipeline)
    batches = {}
    for workers in (0, 2):
        sampler = SeededSampler(data, seed=3)
        loader = DataLoader(data, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=pseudo_collate)
        batches[workers] = [PointPreprocessor()(batch, True) for batch in loader]
    assert len(batches[0]) == 2
    for alone, together in zip(*batches.values(), strict=True):
        assert alone["inputs"].keys() == together["inputs"].keys()
        assert all(torch.equal(value, together["inputs"][name]) for name, value in alone["inputs"].items())
        for first, second in zip(alone["data_samples"], together["data_samples"], strict=True):
            assert (first.scene, first.label_survival) == (second.scene, second.label_survival)
            assert torch.equal(first.sparse_voxel_labels1, second.sparse_voxel_labels1)
            assert torch.equal(first.sparse_voxel_labels2, second.sparse_voxel_labels2)
