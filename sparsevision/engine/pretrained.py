"""`init_cfg=dict(type="Pretrained", checkpoint=...)` of mmengine modules, without mmengine's unsafe loader.

mmengine's PretrainedInit falls back to unpickling with code. Our Runner takes these entries away before weights are
initialised and loads the files itself with `load_checkpoint`.
"""

import logging
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit
from torch import nn

from sparsevision.engine.checkpoint import load_checkpoint, load_state_dict, weights_of
from sparsevision.utils import UserError


def take_pretrained(model: nn.Module) -> list[tuple[nn.Module, dict]]:
    """Remove every "Pretrained" entry from the modules' `init_cfg`; returns (module, entry) pairs."""
    taken = []
    for module in model.modules():
        entries = getattr(module, "init_cfg", None)
        if not entries:
            continue
        entries = [entries] if isinstance(entries, dict) else list(entries)
        pretrained = [entry for entry in entries if entry.get("type") in ("Pretrained", PretrainedInit)]
        if pretrained:
            module.init_cfg = [entry for entry in entries if entry not in pretrained]
            taken += [(module, entry) for entry in pretrained]
    return taken


def without_pretrained_backbone(model: Config | dict) -> dict:
    """A model's config whose backbone names no file to start from: a checkpoint that follows holds the whole model."""
    backbone = model.get("backbone")
    if not isinstance(backbone, dict) or not isinstance(backbone.get("pretrained"), str):
        return model
    return {**model, "backbone": {**backbone, "pretrained": None}}


def load_pretrained(module: nn.Module, entry: dict[str, Any]) -> None:
    """Load the file of one entry, or the part under its `prefix`, into a module; what does not fit is logged.

    Raises:
        CheckpointError: the file cannot be read safely, or nothing of it fits.
        UserError: the entry names an address instead of a file.
    """
    source = str(entry["checkpoint"])
    if "://" in source:
        raise UserError(f"init_cfg names the address {source}: download it first and give the path of the file.")
    state = weights_of(load_checkpoint(source))
    prefix = entry.get("prefix")
    if prefix:
        prefix = prefix.rstrip(".") + "."
        state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    report = load_state_dict(module, state, source=source, strict=False)
    level = logging.INFO if report.complete else logging.WARNING
    print_log(f"{type(module).__name__} starts from {source}: {report}.", logger="current", level=level)
