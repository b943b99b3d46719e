"""tools/train.py and tools/test.py as people use them, with a toy method; careless use ends in a sentence."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from tool_runner import ROOT, hear_ctrl_c, run_tool
from toy_config import write_config

from sparsevision.engine import load_checkpoint
from sparsevision.engine.amp import CpuAmpOptimWrapper
from sparsevision.engine.cli import was_interrupted
from sparsevision.engine.train import how_to_go_on, parse_args, training_config
from sparsevision.utils import UserError


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path):
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path)


def ended(result, code=2):
    """The sentence of a tool that ended as expected."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert len(result.err.strip().splitlines()) == 1
    return result.err


def test_train_test_and_everything_written(config):
    assert run_tool("train.py", config, "--cfg-options", "train_cfg.max_epochs=1").code == 0
    work_dir = Path("work_dirs/toy_config")
    assert (work_dir / "last_checkpoint").read_text() == str((work_dir / "epoch_1.pth").resolve())
    assert Config.fromfile(work_dir / "toy_config.py").train_cfg.max_epochs == 1
    assert next(work_dir.glob("*/vis_data/scalars.json")).read_text().count("loss_ce") == 3

    result = run_tool("test.py", config, work_dir / "epoch_1.pth", "--out", "predictions", "--show-dir", "pictures")
    assert result.code == 0, result.err
    metrics = json.loads(Path("predictions/metrics.json").read_text())
    assert metrics["count"] == 5
    masks = sorted(path.name for path in Path("predictions/pred_mask").iterdir())
    assert masks == [f"s{value}.png" for value in range(5)]
    mask = np.asarray(Image.open("predictions/pred_mask/s0.png"))
    assert mask.shape == (4, 4)
    assert mask.mean() / 255 < 1
    assert len(list(Path("pictures").glob("*.png"))) == 5


def test_resume_goes_on_from_the_last_checkpoint(config):
    schedule = ["--cfg-options", "+param_scheduler.0.end=12"]
    run_tool("train.py", config, *schedule, "train_cfg.max_epochs=1")
    assert run_tool("train.py", config, "--resume", *schedule).code == 0
    resumed = load_checkpoint("work_dirs/toy_config/epoch_2.pth")
    assert run_tool("train.py", config, "--work-dir", "whole", *schedule).code == 0
    whole = load_checkpoint("whole/epoch_2.pth")
    assert all(torch.equal(value, resumed["state_dict"][name]) for name, value in whole["state_dict"].items())
    assert whole["optimizer"]["param_groups"] == resumed["optimizer"]["param_groups"]
    result = run_tool("train.py", config, "--resume", "whole/epoch_1.pth", "--work-dir", "third")
    assert result.code == 0, result.err
    assert not Path("third/epoch_1.pth").exists()


def test_the_config_in_the_work_dir_runs_too(config):
    run_tool("train.py", config, "--cfg-options", "train_cfg.max_epochs=1")
    dumped = Path("work_dirs/toy_config/toy_config.py").rename("dumped.py")
    result = run_tool("train.py", dumped, "--amp", "--work-dir", "again")
    assert result.code == 0, result.err
    assert Path("again/epoch_1.pth").exists()


def test_resume_without_a_checkpoint_says_so_and_trains(config):
    result = run_tool("train.py", config, "--resume", "--cfg-options", "train_cfg.max_epochs=1")
    assert result.code == 0
    assert "Nothing to resume: work_dirs/toy_config holds no checkpoint" in result.err
    assert "no checkpoint epoch_9.pth" in ended(run_tool("train.py", config, "--resume", "epoch_9.pth"))


def test_amp_on_the_cpu_is_bfloat16(config):
    cfg = training_config(parse_args([str(config), "--amp"]))
    if torch.cuda.is_available():
        assert cfg.optim_wrapper.type.__name__ == "AmpOptimWrapper"
        return
    assert cfg.optim_wrapper.type is CpuAmpOptimWrapper
    assert run_tool("train.py", config, "--amp", "--cfg-options", "train_cfg.max_epochs=1").code == 0


@pytest.mark.parametrize("kind", ["OptimWrapper", "AmpOptimWrapper", "torch.nn.Linear"])
def test_amp_takes_class_names(config, kind):
    arguments = parse_args([str(config), "--amp", "--cfg-options", f"+optim_wrapper.type={kind}"])
    if kind.startswith("torch"):
        with pytest.raises(UserError, match="this config has Linear"):
            training_config(arguments)
    else:
        assert "Amp" in training_config(arguments).optim_wrapper.type.__name__


def test_auto_scale_lr(config):
    assert "auto_scale_lr = dict(base_batch_size" in ended(run_tool("train.py", config, "--auto-scale-lr"))
    options = ["--cfg-options", "+auto_scale_lr.base_batch_size=4", "train_cfg.max_epochs=1"]
    assert run_tool("train.py", config, "--auto-scale-lr", *options).code == 0
    groups = load_checkpoint("work_dirs/toy_config/epoch_1.pth")["optimizer"]["param_groups"]
    assert groups[0]["initial_lr"] == 0.05


def test_a_method_that_does_not_train(tmp_path):
    config = write_config(tmp_path, model="FrozenToy", train="")
    sentence = ended(run_tool("train.py", config))
    assert "FrozenToy does not train" in sentence
    assert f"python tools/test.py {config}" in sentence
    assert run_tool("test.py", config).code == 0


def test_a_config_without_a_training_part(tmp_path):
    assert "has no train_cfg" in ended(run_tool("train.py", write_config(tmp_path, train="")))


def test_a_checkpoint_left_out_is_suggested(config):
    assert "after python tools/train.py" in ended(run_tool("test.py", config))
    run_tool("train.py", config, "--cfg-options", "train_cfg.max_epochs=1")
    assert "toy_config/epoch_1.pth" in ended(run_tool("test.py", config))


def test_the_wrong_checkpoint_is_told(config):
    torch.save({"state_dict": {"first.weight": torch.ones(9, 3)}}, "other.pth")
    assert "first.weight: file (9, 3), model (4, 3)" in ended(run_tool("test.py", config, "other.pth"))
    Path("empty.pth").touch()
    assert "is empty" in ended(run_tool("test.py", config, "empty.pth"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cfg-options", "train_cfg.max_epoch=1"], "Did you mean 'train_cfg.max_epochs'"),
        (["--cfg-options", "loader.batch_size=1"], "Change train_dataloader.batch_size or test_dataloader.batch_size"),
        (
            ["--cfg-options", "train_dataloader.batch_size=0"],
            "train_dataloader.batch_size=0; expected a whole number of 1",
        ),
        (["--cfg-options", "test_dataloader.batch_size=-2"], "test_dataloader.batch_size=-2; expected"),
        (
            ["--cfg-options", "train_dataloader.num_workers=-1"],
            "train_dataloader.num_workers=-1; expected a whole number of 0",
        ),
        (["--launcher", "pytorch"], "use tools/dist_train.sh"),
    ],
)
def test_a_careless_option(config, monkeypatch, arguments, sentence):
    monkeypatch.delenv("RANK", raising=False)
    assert sentence in ended(run_tool("train.py", config, *arguments))


def test_careless_options_of_a_test(config):
    checkpoint = config.with_name("x.pth")
    checkpoint.write_bytes(b"not read in this test")
    assert "does not define tta_model and tta_pipeline" in ended(run_tool("test.py", config, checkpoint, "--tta"))
    assert "--out takes a folder" in ended(run_tool("test.py", config, checkpoint, "--out", "result.pkl"))
    assert "is a file; give another name" in ended(run_tool("test.py", config, checkpoint, "--out", checkpoint))
    assert "no checkpoint y.pth" in ended(run_tool("test.py", config, "y.pth"))


def test_a_config_that_is_not_there():
    sentence = ended(run_tool("train.py", "configs/sparse_seg/tiny_sparseseg_resnet18_scribble_30e_camouflge.py"))
    assert "tiny_sparseseg_resnet18_scribble_30e_camouflage" in sentence


def test_a_data_folder_that_is_not_there():
    result = run_tool("train.py", "tiny_sparseseg_resnet18_scribble_30e_camouflage", "--work-dir", "w")
    assert "data/tiny_camouflage" in ended(result)


def test_a_full_disk_ends_in_a_sentence(config, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "no space left on the device" in ended(run_tool("train.py", config))


def test_the_sentence_after_an_interrupt_repeats_the_command(tmp_path):
    class Stopped:
        work_dir, iter = str(tmp_path), 7

    words = ["a.py", "--resume", "--cfg-options", "b.c=[1, 2]"]
    assert how_to_go_on(Stopped, words).endswith("python tools/train.py a.py --resume --cfg-options 'b.c=[1, 2]'")


def test_an_interrupt_that_a_library_disguised():
    def disguise():
        try:
            raise KeyboardInterrupt
        except BaseException:
            raise SyntaxError("cannot format") from None

    with pytest.raises(SyntaxError) as caught:
        disguise()
    assert was_interrupted(caught.value)
    assert not was_interrupted(SyntaxError())


# Bit-for-bit comparisons across processes need the same threads and the same code path of the maths library.
SAME_ARITHMETIC = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MKL_CBWR": "COMPATIBLE"}


def spawn(config, *arguments):
    """tools/train.py in a process of its own."""
    return subprocess.Popen(
        [sys.executable, ROOT / "tools/train.py", config, *arguments],
        env=os.environ | SAME_ARITHMETIC | {"PYTHONPATH": str(ROOT / "tests")},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=hear_ctrl_c,
    )


def start(config, *arguments):
    """As `spawn`, once a checkpoint is there."""
    process = spawn(config, *arguments)
    for _ in range(1200):
        if Path("work_dirs/toy_config/last_checkpoint").exists() or process.poll() is not None:
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError("no checkpoint after a minute")


OFTEN = ["--cfg-options", "default_hooks.checkpoint.by_epoch=False", "default_hooks.checkpoint.max_keep_ckpts=1"]


def test_interrupts_and_kills_leave_a_run_that_goes_on(tmp_path):
    """Ctrl-C, then kill -9 at a random moment, then the rest: bit by bit the run that nothing happened to."""
    config = write_config(tmp_path, delay=", delay=0.05")
    process = start(config, *OFTEN)
    time.sleep(np.random.default_rng().uniform(0, 0.2))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    sentence = process.stderr.read().strip().splitlines()[-1]
    assert "Stopped after" in sentence
    assert "--resume" in sentence
    process.stderr.close()

    process = start(config, "--resume", *OFTEN)
    time.sleep(np.random.default_rng().uniform(3.5, 5))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)

    quick = write_config(tmp_path)
    runs = [spawn(quick, "--resume", *OFTEN), spawn(quick, "--work-dir", "whole", *OFTEN)]
    assert [run.wait(timeout=60) for run in runs] == [0, 0]
    resumed, whole = (load_checkpoint(f"{folder}/iter_12.pth") for folder in ("work_dirs/toy_config", "whole"))
    assert all(torch.equal(value, resumed["state_dict"][name]) for name, value in whole["state_dict"].items())
    losses = [part["message_hub"]["log_scalars"]["train/loss"]["values"] for part in (resumed, whole)]
    assert (losses[0] - losses[1]).tolist() == [0.0] * 12
