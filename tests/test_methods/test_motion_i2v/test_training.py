"""Training of the ControlNet in the Runner: from a stage without one, in mixed precision, with its mean."""

import itertools

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.optim import OptimWrapper
from toy_motion import predictor

from sparsevision.datasets.seeded import SeededInfiniteSampler
from sparsevision.engine import load_checkpoint, save_checkpoint
from sparsevision.engine.amp import CpuAmpOptimWrapper
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.engine.runner import Runner

SIZE, EXPERIMENT = (16, 24), itertools.count()


pytestmark = pytest.mark.usefixtures("no_environment_report")


def run(folder, steps, *, start, wrapper=CpuAmpOptimWrapper, resume=False, **options):
    """The ControlNet after some steps."""
    torch.manual_seed(7)
    model = predictor(**options)
    batch = model.example_batch(size=SIZE, count=4, rng=np.random.default_rng(0))
    pairs = zip(batch["inputs"]["video"], batch["data_samples"], strict=True)
    data = [{"inputs": {"video": video}, "data_samples": sample} for video, sample in pairs]
    runner = Runner(
        work_dir=str(folder),
        model=model,
        train_dataloader={"batch_size": 2, "sampler": {"type": SeededInfiniteSampler}, "dataset": data},
        train_cfg={"by_epoch": False, "max_iters": steps},
        optim_wrapper={"type": wrapper, "optimizer": {"type": "AdamW", "lr": 0.01}},
        default_hooks={"checkpoint": {"type": CheckpointHook, "interval": 2, "by_epoch": False}},
        custom_hooks=[{"type": EMAHook, "momentum": 0.2}],
        load_from=None if resume else str(start),
        resume=resume,
        randomness={"seed": 3},
        default_scope=None,
        experiment_name=f"tracks{next(EXPERIMENT)}",
        log_level="WARNING",
    )
    runner.train()
    return runner.model


@pytest.fixture
def stage_one(tmp_path):
    """A checkpoint of the training before."""
    save_checkpoint(
        {"state_dict": predictor(controlnet=None, sparse=None, trains="all").state_dict()}, tmp_path / "1.pth"
    )
    return tmp_path / "1.pth"


def test_a_resumed_training_equals_the_whole_one_with_its_running_mean(tmp_path, stage_one):
    whole = run(tmp_path / "whole", 4, start=stage_one, gradient_checkpointing=True)
    run(tmp_path / "cut", 2, start=stage_one, gradient_checkpointing=True)
    run(tmp_path / "cut", 4, start=stage_one, gradient_checkpointing=True, resume=True)
    files = [load_checkpoint(tmp_path / name / "iter_4.pth") for name in ("whole", "cut")]
    before = load_checkpoint(stage_one)["state_dict"]
    for part in ("state_dict", "ema_state_dict"):
        assert all(torch.equal(value, files[1][part][name]) for name, value in files[0][part].items())
    mean, last = files[0]["state_dict"], files[0]["ema_state_dict"]
    assert all(torch.equal(value, last[f"module.{name}"]) for name, value in whole.state_dict().items())
    assert all(torch.equal(value, mean[name]) for name, value in before.items()), "what does not learn stays"
    name = "controlnet.conv_in.weight"
    begin = before["unet.conv_in.weight"]
    assert 0 < (mean[name] - begin).norm() < (last[f"module.{name}"] - begin).norm(), "the mean began at the UNet, too"


def test_mixed_precision_and_recomputed_activations_change_little(tmp_path, stage_one):
    plain, mixed, lean = (
        run(tmp_path / name, 2, start=stage_one, wrapper=wrapper, gradient_checkpointing=lean).state_dict()
        for name, wrapper, lean in (
            ("plain", OptimWrapper, False),
            ("mixed", CpuAmpOptimWrapper, False),
            ("lean", OptimWrapper, True),
        )
    )
    assert all(torch.allclose(value, lean[name], atol=1e-4) for name, value in plain.items())
    assert all((value - mixed[name]).abs().max() < 0.05 for name, value in plain.items())
    assert all(value.dtype == torch.float32 for value in mixed.values())
