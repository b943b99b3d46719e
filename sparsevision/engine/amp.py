"""Mixed precision: `--amp` on GPUs and on CPUs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from sparsevision.utils import UserError

MIXED = "AmpOptimWrapper"


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """Forward passes in bfloat16 where torch's CPU autocast deems it safe; needs no loss scaling."""

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The context of a forward pass."""
        with super().optim_context(model), torch.autocast("cpu", dtype=torch.bfloat16):
            yield


def enable_amp(cfg: Config) -> None:
    """Turn the config's optimiser wrapper into the mixed-precision one of this machine.

    Raises:
        UserError: the config's own wrapper is of another kind.
    """
    wrapper = cfg.optim_wrapper
    name = _class_name(wrapper.get("type"))
    if name not in ("OptimWrapper", MIXED, "CpuAmpOptimWrapper"):
        raise UserError(
            f"--amp turns OptimWrapper into a mixed-precision one; this config has {name}. Leave --amp away."
        )
    if torch.cuda.is_available():
        wrapper["type"] = AmpOptimWrapper
        wrapper.setdefault("loss_scale", "dynamic")
    else:
        _use_cpu(wrapper)


def adapt_to_cpu(cfg: Config) -> bool:
    """Without a GPU, make a config that asks for AmpOptimWrapper run in bfloat16; returns whether it was changed."""
    wrapper = cfg.get("optim_wrapper")
    if not wrapper or _class_name(wrapper.get("type")) != MIXED or torch.cuda.is_available():
        return False
    _use_cpu(wrapper)
    return True


def _class_name(kind: type | str | None) -> str:
    """ "OptimWrapper" for the class, its name with or without module, and nothing at all."""
    name = "OptimWrapper" if kind is None else getattr(kind, "__name__", str(kind))
    return name.rpartition(".")[2]


def _use_cpu(wrapper: dict[str, Any]) -> None:
    wrapper["type"] = CpuAmpOptimWrapper
    for key in ("loss_scale", "dtype", "use_fsdp"):
        wrapper.pop(key, None)
