"""Build a method from its config: the start of every script that wants no Runner."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel

from sparsevision.engine import load_checkpoint, load_state_dict, read_config, weights_of
from sparsevision.engine.pretrained import without_pretrained_backbone
from sparsevision.registry import MODELS
from sparsevision.utils import UserError


def default_device() -> str:
    """ "cuda" where there is one, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def on_device(model: BaseModel, device: str) -> BaseModel:
    """The model, moved.

    Raises:
        UserError: there is no such device, or it has not enough memory.
    """
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch raises the latter where it was built without CUDA
        why = str(error).splitlines()[0]
        raise UserError(
            f"device='{device}' cannot be used ({why}). Give another, such as 'cpu' or 'cuda:1'."
        ) from error


def build_model(cfg: Config, checkpoint: str | Path | None = None) -> BaseModel:
    """The config's method; without a checkpoint its weights are random, or those that the config brings.

    What the checkpoint knows of the data that it learned from (`classes`, `palette`) becomes `dataset_meta`.

    Raises:
        UserError: the checkpoint cannot be read, or does not fit.
    """
    model = MODELS.build(cfg.model if checkpoint is None else without_pretrained_backbone(cfg.model))
    if checkpoint is not None:
        content = load_checkpoint(checkpoint)
        load_state_dict(model, weights_of(content), source=str(checkpoint))
        model.dataset_meta = (content.get("meta") or {}).get("dataset_meta")
    return model


def init_model(
    config: str | Path | Config, checkpoint: str | Path | None = None, *, device: str | None = None
) -> BaseModel:
    """A method in evaluation mode, ready for `test_step`; its config is kept in `.cfg`.

    Args:
        config: a Config, a path, or the name of a shipped config.
        checkpoint: a file written by our runner or `publish_model.py`; None keeps the weights that the config brings.
        device: e.g. "cpu", "cuda:1"; None takes a GPU if there is one.

    Raises:
        UserError: no such config, checkpoint or device, or config and checkpoint do not fit each other.
    """
    cfg = read_config(config)
    model = build_model(cfg, checkpoint)
    if checkpoint is None and getattr(model, "requires_checkpoint", True):
        raise UserError(
            f"{type(model).__name__} learns its weights: give the checkpoint that tools/train.py wrote "
            "(work_dirs/<config>/epoch_N.pth)"
        )
    model.cfg = cfg
    return on_device(model, device or default_device()).eval()


def given_model(
    model: str | Path | Config | BaseModel, checkpoint: str | Path | None, *, device: str | None
) -> BaseModel:
    """What an inferencer is given, as a model: built by `init_model`, or as it is, on the device if one is named.

    Raises:
        UserError: see `init_model`.
    """
    if not isinstance(model, BaseModel):
        return init_model(model, checkpoint, device=device)
    return model if device is None else on_device(model, device)
