"""From a command line to a config that a Runner can be built from: what train.py and test.py have in common."""

import argparse
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import RUNNERS

import sparsevision.methods.registered  # noqa: F401 (for configs with short names)
from sparsevision.engine.class_names import check_class_names
from sparsevision.engine.overrides import add_cfg_options, read_config
from sparsevision.engine.runner import Runner
from sparsevision.registry import MODELS
from sparsevision.utils import UserError
from sparsevision.utils.command_line import ToolParser

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")


def common_parser(description: str, *, epilog: str = "") -> argparse.ArgumentParser:
    """A parser with the options that training and testing share."""
    parser = ToolParser(
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("--work-dir", help="folder for logs and checkpoints (default: work_dirs/<name of the config>)")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none", help="how processes are started")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help="set by launchers")
    add_cfg_options(parser)
    return parser


def load_config(args: argparse.Namespace) -> Config:
    """The config with overrides, launcher and work dir. Raises UserError if it names a class that there is not."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    default = cfg.get("work_dir") or str(Path("work_dirs", Path(cfg.filename).stem))
    cfg.work_dir = args.work_dir or default
    check_class_names(cfg)
    return cfg


def method_class(cfg: Config) -> Any:
    """The class of the config's model, by class or registered name."""
    kind = cfg.model["type"]
    return MODELS.get(kind) if isinstance(kind, str) else kind


def build_runner(cfg: Config) -> Runner:
    """Our Runner, or the one that `runner_type` names. Raises UserError if the work dir cannot be written to."""
    check_work_dir(Path(cfg.work_dir))
    if "runner_type" in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)


def check_work_dir(folder: Path) -> None:
    """Make the work dir, or say why it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the work dir {folder} cannot be made ({error.strerror}); give a writable folder with --work-dir"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"the work dir {folder} cannot be written to; give a writable folder with --work-dir")
