"""A run that is killed and resumed equals the run that was not, bit by bit."""

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from toy import settings, validation

from sparsevision.datasets.seeded import SeededInfiniteSampler
from sparsevision.engine import CheckpointError, load_checkpoint
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.engine.hooks.checkpoint import find_latest
from sparsevision.engine.runner import Runner
from sparsevision.engine.schedule import _replay
from sparsevision.utils import UserError

ITER_BASED = {
    "train_cfg": {"by_epoch": False, "max_iters": 18},
    "default_hooks__checkpoint": {"type": CheckpointHook, "interval": 4, "by_epoch": False},
}


class Killed(Exception):
    """Stands for kill -9: nothing runs afterwards that would tidy up."""


class Recorder(Hook):
    """Losses and learning rates of every iteration; kills the run before iteration `kill_at`."""

    priority = "LOWEST"

    def __init__(self, kill_at=None):
        self.kill_at = kill_at
        self.log = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.kill_at:
            raise Killed

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        rates = [group["lr"] for group in runner.optim_wrapper.optimizer.param_groups]
        drawn = [sample.sample_id for sample in data_batch["data_samples"]]
        self.log[runner.iter] = (outputs["loss"].item(), rates, drawn)


class Counter(Hook):
    """A hook with a buffer of its own."""

    def __init__(self):
        self.total = torch.zeros(())

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.total += outputs["loss"]

    def state_dict(self):
        return {"total": self.total}

    def load_state_dict(self, state):
        self.total = state["total"]


def train(work_dir, *, kill_at=None, resume=False, hooks=(), **changes):
    recorder = Recorder(kill_at)
    runner = Runner(**settings(work_dir, resume=resume, custom_hooks=[recorder, *hooks], **changes))
    try:
        runner.train()
    except Killed:
        assert kill_at is not None
    return runner, recorder.log


def assert_same(first, second):
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


@pytest.mark.parametrize(
    ("kill_at", "changes"),
    [
        (8, {}),
        (12, {"default_hooks__checkpoint__max_keep_ckpts": 1}),
        (9, {"default_hooks__checkpoint": {"type": CheckpointHook, "interval": 4, "by_epoch": False}}),
        (7, {"default_hooks__checkpoint": {"type": CheckpointHook, "interval": 6, "by_epoch": False}}),
        (11, ITER_BASED),
        (15, {**ITER_BASED, "train_dataloader__sampler": {"type": SeededInfiniteSampler}}),
        (11, {**validation(), "train_cfg__val_interval": 1, "default_hooks__checkpoint__save_best": "mean",
              "default_hooks__checkpoint__rule": "less"}),
        (9, {**validation(), **ITER_BASED, "train_cfg__val_interval": 4}),
    ],
    ids=["epochs", "one_kept", "inside_epoch", "end_of_epoch", "iterations", "endless", "best", "iterations_validated"],
)  # fmt: skip
def test_killed_and_resumed_equals_uninterrupted(tmp_path, kill_at, changes):
    whole, expected = train(tmp_path / "whole", **changes)
    train(tmp_path / "cut", kill_at=kill_at, **changes)
    resumed, log = train(tmp_path / "cut", resume=True, **changes)
    assert 0 < len(log) < 18, "the resumed run did the rest only"
    assert_same(whole.model, resumed.model)
    assert log == {iteration: expected[iteration] for iteration in log}
    assert len(whole.message_hub.get_scalar("train/loss").data[0]) == 18
    for name in ("train/loss", "train/lr"):
        pair = [runner.message_hub.get_scalar(name).data[0] for runner in (whole, resumed)]
        assert (pair[0] == pair[1]).all(), "the smoothed log is the same too"
    names = {path.name for path in (tmp_path / "whole").glob("*.pth")}
    assert {path.name for path in (tmp_path / "cut").glob("*.pth")} == names


def test_a_validation_that_was_cut_off_is_made_up_for(tmp_path):
    class Stop(Recorder):
        def before_val(self, runner):
            if self.kill_at == "val":
                raise Killed

    seen = []

    class Watch(Hook):
        def after_val_epoch(self, runner, metrics=None):
            seen.append(runner.epoch)

    changes = {**validation(), "train_cfg__val_interval": 2}
    runner = Runner(**settings(tmp_path, custom_hooks=[Stop("val")], **changes))
    with pytest.raises(Killed):
        runner.train()
    Runner(**settings(tmp_path, resume=True, custom_hooks=[Watch()], **changes)).train()
    assert seen == [2, 3]


def test_hooks_keep_their_buffers(tmp_path):
    ema = {"type": "EMAHook", "momentum": 0.1}
    train(tmp_path / "whole", hooks=[whole_count := Counter(), dict(ema)])
    train(tmp_path / "cut", kill_at=8, hooks=[Counter(), dict(ema)])
    train(tmp_path / "cut", resume=True, hooks=[cut_count := Counter(), dict(ema)])
    assert torch.equal(whole_count.total, cut_count.total)
    files = [load_checkpoint(tmp_path / name / "epoch_3.pth") for name in ("whole", "cut")]
    for part in ("state_dict", "ema_state_dict"):
        assert all(torch.equal(value, files[1][part][name]) for name, value in files[0][part].items())


SCHEDULES = {
    "poly": [{"type": "PolyLR", "power": 0.9, "eta_min": 1e-4, "by_epoch": False}],
    "cosine": [{"type": "CosineAnnealingLR", "by_epoch": True, "convert_to_iter_based": True}],
    "warm_up_and_cosine": [
        {"type": "LinearLR", "start_factor": 0.1, "begin": 0, "end": 4, "by_epoch": False},
        {"type": "CosineAnnealingLR", "begin": 1, "by_epoch": True, "eta_min_ratio": 0.1},
    ],
    "warm_up_and_steps": [
        {"type": "LinearLR", "start_factor": 0.1, "begin": 0, "end": 4, "by_epoch": False},
        {"type": "MultiStepLR", "milestones": [1, 3, 5], "by_epoch": True},
    ],
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_more_epochs_on_resume_give_the_longer_schedule(tmp_path, schedule):
    _, expected = train(tmp_path / "whole", train_cfg__max_epochs=6, param_scheduler=schedule)
    train(tmp_path / "cut", train_cfg__max_epochs=2, param_scheduler=schedule)
    _, log = train(tmp_path / "cut", train_cfg__max_epochs=6, param_scheduler=schedule, resume=True)
    assert [log[i][1] for i in range(12, 36)] == [expected[i][1] for i in range(12, 36)]
    assert [log[i][2] for i in range(12, 36)] == [expected[i][2] for i in range(12, 36)]


def test_more_epochs_inside_an_epoch_give_the_longer_schedule(tmp_path):
    both = {"param_scheduler": [
        {"type": "LinearLR", "start_factor": 0.1, "begin": 0, "end": 12, "by_epoch": False},
        {"type": "CosineAnnealingLR", "by_epoch": True, "eta_min_ratio": 0.2},
    ]}  # fmt: skip
    saved = {**both, "default_hooks__checkpoint": {"type": CheckpointHook, "interval": 11, "by_epoch": False}}
    _, expected = train(tmp_path / "whole", train_cfg__max_epochs=6, **both)
    train(tmp_path / "cut", kill_at=12, train_cfg__max_epochs=3, **saved)
    _, log = train(tmp_path / "cut", train_cfg__max_epochs=6, resume=True, **saved)
    assert [log[i][1] for i in range(11, 36)] == [expected[i][1] for i in range(11, 36)]


class Steps:
    """A scheduler that notes in which iterations it was stepped."""

    def __init__(self, *, by_epoch, clock=None):
        self.by_epoch, self.clock, self.stepped_at = by_epoch, clock, []

    def step(self):
        self.stepped_at.append(len(self.clock.stepped_at) if self.clock else None)


@pytest.mark.parametrize(
    ("epochs", "iterations", "per_epoch", "stepped_at"),
    [
        (2, 25, 10, [10, 20]),
        (1, 20, 10, [10]),
        (2, 20, 10, [10, 20]),
        (0, 5, 10, []),
        (2, 20, None, [10, 20]),
        (4, 30, 10, [7, 14, 21, 28]),
    ],
    ids=["inside", "behind_the_last_one", "end", "before_the_first", "unknown", "shorter_before"],
)
def test_epochs_are_stepped_where_they_ended(epochs, iterations, per_epoch, stepped_at):
    clock = Steps(by_epoch=False)
    scheduler = Steps(by_epoch=True, clock=clock)
    _replay([clock, scheduler], epochs=epochs, iterations=iterations, per_epoch=per_epoch)
    assert scheduler.stepped_at == stepped_at


def test_more_iterations_on_resume_give_the_longer_schedule(tmp_path):
    changes = {**ITER_BASED, "param_scheduler": SCHEDULES["poly"]}
    _, expected = train(tmp_path / "whole", **changes)
    train(tmp_path / "cut", **{**changes, "train_cfg": {"by_epoch": False, "max_iters": 8}})
    _, log = train(tmp_path / "cut", resume=True, **changes)
    assert [log[i][1] for i in range(8, 18)] == [expected[i][1] for i in range(8, 18)]


def test_a_schedule_longer_than_the_run_is_told(tmp_path):
    steps = [{"type": "CosineAnnealingLR", "begin": 2, "by_epoch": True}]
    with pytest.raises(UserError, match="param_scheduler does not fit this run"):
        train(tmp_path, train_cfg__max_epochs=2, param_scheduler=steps)


def test_workers_change_nothing(tmp_path):
    _, alone = train(tmp_path / "alone", train_cfg__max_epochs=2)
    changes = {"train_dataloader__num_workers": 2, "train_dataloader__persistent_workers": True}
    _, helped = train(tmp_path / "helped", train_cfg__max_epochs=2, **changes)
    assert helped == alone


def test_old_checkpoints_are_deleted_after_the_new_one(tmp_path, monkeypatch):
    train(tmp_path, train_cfg__max_epochs=1, default_hooks__checkpoint__max_keep_ckpts=1)

    def killed(*_, **__):
        raise Killed

    monkeypatch.setattr("sparsevision.engine.runner.save_checkpoint", killed)
    with pytest.raises(Killed):
        Runner(**settings(tmp_path, resume=True, default_hooks__checkpoint__max_keep_ckpts=1)).train()
    assert find_latest(tmp_path) == tmp_path / "epoch_1.pth"


def test_the_best_is_renewed_and_the_older_best_deleted(tmp_path):
    train(tmp_path, **validation(), default_hooks__checkpoint__save_best="mean", default_hooks__checkpoint__rule="less")
    assert len(list(tmp_path.glob("best_mean_epoch_*.pth"))) == 1


def test_a_moved_work_dir_is_found(tmp_path):
    train(tmp_path / "before", train_cfg__max_epochs=1)
    (tmp_path / "before").rename(tmp_path / "after")
    assert find_latest(tmp_path / "after") == tmp_path / "after" / "epoch_1.pth"
    (tmp_path / "after" / "last_checkpoint").unlink()
    assert find_latest(tmp_path / "after") == tmp_path / "after" / "epoch_1.pth"


def test_weights_alone_cannot_be_resumed_from(tmp_path):
    train(tmp_path, **validation(), train_cfg__max_epochs=1, default_hooks__checkpoint__save_best="mean",
          default_hooks__checkpoint__rule="less")  # fmt: skip
    best = str(next(tmp_path.glob("best_*.pth")))
    with pytest.raises(CheckpointError, match=r"lacks optimizer .*load_from=.*best_"):
        train(tmp_path, resume=True, load_from=best)


def test_nothing_to_resume_is_said(tmp_path):
    runner, log = train(tmp_path, resume=True, train_cfg__max_epochs=1)
    assert len(log) == 6
    assert "Nothing to resume" in next(Path(runner.log_dir).glob("*.log")).read_text()


def test_load_from_takes_what_fits(tmp_path):
    first, _ = train(tmp_path / "a", train_cfg__max_epochs=1)
    second = Runner(**settings(tmp_path / "b", load_from=str(tmp_path / "a" / "epoch_1.pth")))
    second.call_hook("before_run")
    second.load_checkpoint(second._load_from)
    assert_same(first.model, second.model)


def test_pretrained_in_init_cfg_is_loaded_safely(tmp_path):
    first, _ = train(tmp_path / "a", train_cfg__max_epochs=1)
    entry = {"type": "Pretrained", "checkpoint": str(tmp_path / "a" / "epoch_1.pth")}
    second = Runner(**settings(tmp_path / "b", model__init_cfg=entry))
    second._init_model_weights()
    assert_same(first.model, second.model)
