"""Train a method from a config."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from sparsevision.engine.amp import adapt_to_cpu, enable_amp
from sparsevision.engine.checkpoint_diagnosis import check_readable
from sparsevision.engine.cli import Interrupted, say, was_interrupted
from sparsevision.engine.hooks.checkpoint import find_latest
from sparsevision.engine.lost_workers import WorkerLost
from sparsevision.engine.runner import Runner
from sparsevision.engine.setup import build_runner, common_parser, load_config, method_class
from sparsevision.utils import UserError, tool_command

BY_TORCHRUN = ["--launcher", "pytorch"]
EXAMPLE = """examples:
  python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_scribble_30e_camouflage.py
  python tools/train.py CONFIG --resume                          go on from the last checkpoint of the work dir
  python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=2 optim_wrapper.optimizer.lr=0.001
  tools/dist_train.sh CONFIG 4                                   four processes
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_parser(__doc__, epilog=EXAMPLE)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="go on from this checkpoint; without a path, from the last one of the work dir",
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision: float16 on GPUs, bfloat16 on CPUs")
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate to the batch size (auto_scale_lr)"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of tools/train.py."""
    args = parse_args(arguments)
    cfg = training_config(args)
    earlier = None if cfg.resume else latest_written(cfg.work_dir)
    runner = build_runner(cfg)
    try:
        runner.train()
    except BaseException as error:
        interrupted = was_interrupted(error)
        if not (interrupted or isinstance(error, WorkerLost)):
            raise
        words = sys.argv[1:] if arguments is None else arguments
        hint = how_to_go_on(runner, words, earlier=earlier)
        raise (Interrupted(hint) if interrupted else UserError(f"{error} {hint}")) from None


def training_config(args: argparse.Namespace) -> Config:
    """The config with every option applied.

    Raises:
        UserError: the method does not train, or an option has nothing to work on.
    """
    cfg = load_config(args)
    check_trains(cfg, args.config)
    if args.amp:
        enable_amp(cfg)
    elif adapt_to_cpu(cfg):
        say("There is no GPU: AmpOptimWrapper's float16 is replaced by bfloat16 on the CPU.")
    if args.auto_scale_lr:
        scale_lr(cfg)
    set_resume(cfg, args.resume)
    return cfg


def check_trains(cfg: Config, name: str) -> None:
    """Refuse methods and configs without a training part, with what to run instead."""
    method = method_class(cfg)
    if not getattr(method, "requires_checkpoint", True):
        raise UserError(
            f"{method.__name__} does not train: its weights are frozen and it adapts to each image at test time. "
            f"Run: python tools/test.py {name}"
        )
    if cfg.get("train_cfg") is None:
        raise UserError(
            f"{name} has no train_cfg: it is a config to test with. Run: python tools/test.py {name} CHECKPOINT"
        )


def scale_lr(cfg: Config) -> None:
    """Turn on the config's auto_scale_lr."""
    scaling = cfg.get("auto_scale_lr")
    if not scaling or "base_batch_size" not in scaling:
        raise UserError(
            "--auto-scale-lr needs the batch size that the config's learning rate is meant for: add "
            "auto_scale_lr = dict(base_batch_size=...) to the config."
        )
    scaling["enable"] = True


def set_resume(cfg: Config, resume: str | None) -> None:
    """Point the config at the checkpoint to go on from."""
    latest = find_latest(cfg.work_dir)
    if resume is None:
        if latest is not None:
            say(f"{latest} is of an earlier run; this run starts anew beside it (--resume would go on from it).")
        return
    source = latest if resume == "auto" else resume
    if source is None:
        say(f"Nothing to resume: {cfg.work_dir} holds no checkpoint. Training starts from the beginning.")
        return
    check_readable(Path(source))
    cfg.resume, cfg.load_from = True, str(source)


def latest_written(work_dir: str | Path) -> tuple[Path, int] | None:
    """The newest checkpoint of a work dir and when it was written, in nanoseconds; None without any."""
    latest = find_latest(work_dir)
    return None if latest is None else (latest, latest.stat().st_mtime_ns)


def how_to_go_on(runner: Runner, arguments: Sequence[str], *, earlier: tuple[Path, int] | None = None) -> str:
    """The sentence after Ctrl-C, or behind that on a lost process.

    arguments: of the command line; earlier: `latest_written` before this run, of another one.
    """
    latest = latest_written(runner.work_dir)
    if latest is None or latest == earlier:
        command = _typed(arguments)
        return f"Stopped after {runner.iter} iterations, before the first checkpoint. To start again: {command}"
    command = _typed([*_without_resume(arguments), "--resume"])
    return f"Stopped after {runner.iter} iterations. The last checkpoint is {latest[0]}. To go on from it: {command}"


def _typed(arguments: Sequence[str]) -> str:
    """The command line of these words: tools/train.py, or the script that has given them to torchrun."""
    if "TORCHELASTIC_RUN_ID" in os.environ and list(arguments[1:3]) == BY_TORCHRUN:
        words = [arguments[0], os.environ["LOCAL_WORLD_SIZE"], *arguments[3:]]
        return shlex.join(["tools/dist_train.sh", *words])
    return f"{tool_command('train.py')} {shlex.join(arguments)}"


def _without_resume(arguments: Sequence[str]) -> list[str]:
    """The words of a command line without `--resume` and its path."""
    kept: list[str] = []
    after_resume = False
    for word in arguments:
        path_of_resume = after_resume and not word.startswith("-")
        after_resume = word == "--resume"
        if not (after_resume or path_of_resume or word.startswith("--resume=")):
            kept.append(word)
    return kept
