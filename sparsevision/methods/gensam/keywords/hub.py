"""Loading vision-language models from a folder or the Hugging Face hub, with one clear sentence when that fails."""

from types import SimpleNamespace
from typing import Any

import torch

from sparsevision.utils import UserError, did_you_mean, require

DTYPES = ("auto", "float16", "bfloat16", "float32")


def load_pretrained(model_class: str, model_name: str, *, device: str, dtype: str, why: str) -> SimpleNamespace:
    """A frozen model and its processor, by the name of a transformers class.

    Args:
        model_class: e.g. "LlavaForConditionalGeneration".
        model_name: a folder written by `save_pretrained`, or a hub name such as "llava-hf/llava-1.5-13b-hf"; weights
            are read from safetensors alone, never from pickles.
        device: e.g. "cpu", "cuda:0"; "auto" is the GPU if there is one.
        dtype: one of `DTYPES`; "auto" is float16 on a GPU and float32 on the CPU.
        why: who needs it, for error messages.

    Returns:
        (model, processor); the model in eval mode.

    Raises:
        ImportError: transformers is not installed.
        UserError: an unknown dtype; the folder or hub cannot be read, or holds another kind of model.
    """
    transformers = require("transformers", extra="sam", why=why)
    place = pick_device(device)
    number_type = _pick_dtype(dtype, place)
    try:
        processor = transformers.AutoProcessor.from_pretrained(model_name)
        model, loading = getattr(transformers, model_class).from_pretrained(
            model_name, dtype=number_type, output_loading_info=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise UserError(_explain(why, model_class, model_name, error)) from error
    if loading["missing_keys"]:  # transformers would go on with random numbers there
        raise UserError(
            f"{why}: '{model_name}' is not a complete {model_class}: {len(loading['missing_keys'])} weights are "
            f"missing, e.g. '{min(loading['missing_keys'])}'"
        )
    return SimpleNamespace(model=model.to(place).eval().requires_grad_(False), processor=processor)


def pick_device(device: str) -> torch.device:
    """The device of that name; "auto" is the GPU if there is one."""
    if device != "auto":
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(batch: Any, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A processor's output on the model's device, floats in the model's type."""
    return {
        key: value.to(model.device, model.dtype if value.is_floating_point() else None) for key, value in batch.items()
    }


def _pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    if dtype not in DTYPES:
        known = ", ".join(DTYPES)
        raise UserError(f"dtype '{dtype}' of a keyword source: expected one of {known}.{did_you_mean(dtype, DTYPES)}")
    if dtype == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return getattr(torch, dtype)


def _explain(why: str, model_class: str, model_name: str, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (
        f"{why} cannot load '{model_name}' as {model_class}: it is neither a complete local model folder nor a model "
        f"that the hub hands out from here ({reason}). Give the path of a downloaded folder as `model_name`, or use "
        f"another keyword source (JsonKeywords, GenericPrompt)."
    )
