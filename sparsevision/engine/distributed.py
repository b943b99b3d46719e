"""What distributed runs need beyond mmengine: process groups and wrappers on machines without a GPU."""

import logging
import os
from datetime import timedelta
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from torch import distributed as dist
from torch import nn

from sparsevision.utils import UserError
from sparsevision.utils.processes import end_with_parent

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
SLURM = {"SLURM_PROCID": "RANK", "SLURM_NTASKS": "WORLD_SIZE", "SLURM_LOCALID": "LOCAL_RANK"}


def check_launcher(launcher: str) -> None:
    """Raise `UserError` when the launcher's environment is missing."""
    missing = [name for name in TORCHRUN if name not in os.environ]
    if launcher == "pytorch" and missing:
        raise UserError(
            f"--launcher pytorch needs torchrun ({', '.join(missing)} not set): use tools/dist_train.sh CONFIG NGPUS, "
            "or leave --launcher away to run one process."
        )
    if launcher == "slurm" and "SLURM_PROCID" not in os.environ:
        raise UserError("--launcher slurm needs srun (SLURM_PROCID is not set): use tools/slurm_train.sh.")


def end_with_launcher() -> None:
    """End this process when torchrun, which started it, is gone, however that ended."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        end_with_parent()


def init_cpu_processes(launcher: str, *, timeout: float | None = None) -> None:
    """Start a gloo process group from the launcher's environment; mmengine only starts groups of GPUs."""
    if launcher == "slurm":
        for theirs, ours in SLURM.items():
            os.environ.setdefault(ours, os.environ[theirs])
    options = {} if timeout is None else {"timeout": timedelta(seconds=timeout)}
    dist.init_process_group("gloo", **options)


def wrap_on_cpu(model: nn.Module, cfg: Any) -> nn.Module:
    """DistributedDataParallel without device ids; SyncBN stays BatchNorm, with one warning."""
    if cfg.get("sync_bn") is not None or any(isinstance(part, nn.SyncBatchNorm) for part in model.modules()):
        print_log(
            "SyncBN works on GPUs only: here every process normalises with its own batch.",
            logger="current",
            level=logging.WARNING,
        )
        model = revert_sync_batchnorm(model)
    return MMDistributedDataParallel(
        module=model, broadcast_buffers=False, find_unused_parameters=cfg.get("find_unused_parameters", False)
    )


def on_gpu() -> bool:
    """Processes use CUDA."""
    return torch.cuda.is_available()
