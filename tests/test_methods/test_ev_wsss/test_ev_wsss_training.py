"""A training that is killed and resumed, prototypes included; and the numbers of mmseg's metric."""

import event_sets
import numpy as np
import pytest
import torch
from event_config import write_config
from killed_training import kill_after_a_checkpoint, train
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from sparsevision.engine import load_checkpoint
from sparsevision.evaluation.functional.confusion import (
    accuracy_from_confusion,
    confusion_matrix,
    iou_from_confusion,
    overall_accuracy,
)

ITERATIONS = 24
# Prototypes from the first iterations, and rings so short that they turn around during the run.
TRAINING = f"""
from mmengine.hooks import IterTimerHook, LoggerHook, ParamSchedulerHook
from mmengine.optim import OptimWrapper, PolyLR
from torch.optim import RAdam

from sparsevision.datasets import SeededSampler
from sparsevision.datasets.transforms import DrawEventFlip
from sparsevision.engine.hooks import CheckpointHook

model.update(
    preset="fixed",
    dual=dict(threshold=0.1),
    prototypes=dict(confidence=0.1, min_mass=0.1, min_count=1, length=5, from_epoch=0),
    distillation=dict(from_epoch=0),
)
train_dataloader["dataset"]["pipeline"].insert(0, dict(type=DrawEventFlip))
train_dataloader["sampler"] = dict(type=SeededSampler, shuffle=True)
train_cfg = dict(by_epoch=False, max_iters={ITERATIONS})
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=RAdam, lr=5e-4))
load_from, resume, randomness = None, False, dict(seed=0)
param_scheduler = [dict(type=PolyLR, power=0.9, by_epoch=False)]
default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=1),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=3, by_epoch=False, max_keep_ckpts=2),
)
"""


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    event_sets.write_dsec_sequence(tmp_path / "data", "street", frames=10, points=(1,))
    config = write_config(tmp_path / "config.py", tmp_path / "data")
    config.write_text(config.read_text() + TRAINING)
    kill_after_a_checkpoint(train(config, tmp_path / "cut"), tmp_path / "cut")
    assert not (tmp_path / "cut" / f"iter_{ITERATIONS}.pth").exists(), "it was killed before it could finish"
    for folder, more in (("cut", ["--resume"]), ("whole", [])):
        process = train(config, tmp_path / folder, *more)
        _, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
    cut, whole = (load_checkpoint(tmp_path / folder / f"iter_{ITERATIONS}.pth") for folder in ("cut", "whole"))
    assert all(torch.equal(value, cut["state_dict"][name]) for name, value in whole["state_dict"].items())
    assert int(whole["state_dict"]["banks.0.seen"].max()) > 5, "the rings have turned around"
    scalars = [part["message_hub"]["log_scalars"] for part in (cut, whole)]
    losses = [name for name in scalars[1] if "loss" in name]
    assert {"train/loss_dual", "train/loss_prototypes_a", "train/loss_distillation"} <= set(losses)
    for name in losses:
        values = [part[name]["values"] for part in scalars]
        assert (values[0] == values[1]).all(), name


@pytest.mark.parametrize("absent", [None, 3], ids=["all_classes", "a_class_nowhere"])
def test_the_metric_of_the_configs_is_the_shared_confusion_matrix(absent):
    rng = np.random.default_rng(0)
    classes = [label for label in range(6) if label != absent]
    truths, answers = rng.choice([*classes, 255], (3, 1, 20, 30)), rng.choice(classes, (3, 1, 20, 30))
    metric = IoUMetric(ignore_index=255, iou_metrics=["mIoU"], nan_to_num=0)
    metric.dataset_meta = {"classes": tuple("abcdef")}
    for truth, answer in zip(truths, answers, strict=True):
        sample = SegDataSample(gt_sem_seg=PixelData(data=torch.from_numpy(truth)))
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(answer))
        metric.process({}, [sample.to_dict()])
    found = metric.evaluate(size=3)
    matrix = confusion_matrix(answers, truths, num_classes=6, ignore_index=255)
    expected = {
        "mIoU": np.nan_to_num(iou_from_confusion(matrix)).mean(),
        "mAcc": np.nan_to_num(accuracy_from_confusion(matrix)).mean(),
        "aAcc": overall_accuracy(matrix),
    }
    assert found == pytest.approx({name: round(100 * value, 2) for name, value in expected.items()})
