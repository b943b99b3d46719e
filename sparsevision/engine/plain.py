"""Turns nested training state into tensors and builtins, the only things that a checkpoint of ours holds."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import torch


def to_plain(value: Any, *, where: str = "checkpoint", lenient: bool = False) -> Any:
    """A copy of `value` in CPU tensors, dict, list, tuple, set, str, bytes, int, float, complex, bool and None.

    Arrays of numbers become tensors, NumPy scalars Python numbers, subclasses of builtins the builtin.

    Args:
        value: anything nested.
        where: the name of `value` in error messages.
        lenient: write other objects down as their `str` instead of raising; for descriptions such as `meta`.

    Raises:
        TypeError: an object that cannot be written down without pickled code; names its place.
    """
    if isinstance(value, torch.Tensor):
        return _plain_tensor(value)
    if isinstance(value, np.generic):  # before float: np.float64 is one
        return to_plain(value.item(), where=where, lenient=lenient)
    if isinstance(value, np.ndarray):
        return _plain_array(value, where=where, lenient=lenient)
    if value is None or isinstance(value, (torch.dtype, torch.device)):
        return value
    for builtin in (bool, int, float, complex, str, bytes):
        if isinstance(value, builtin):
            return builtin(value)
    if isinstance(value, PurePath):
        return str(value)
    return _plain_container(value, where=where, lenient=lenient)


def _plain_container(value: Any, *, where: str, lenient: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            to_plain(key, where=f"a key of {where}", lenient=lenient): to_plain(
                item, where=f"{where}[{key!r}]", lenient=lenient
            )
            for key, item in value.items()
        }
    for builtin in (list, tuple, set, frozenset):
        if isinstance(value, builtin):
            items = [to_plain(item, where=f"{where}[{i}]", lenient=lenient) for i, item in enumerate(value)]
            return set(items) if builtin is frozenset else builtin(items)
    if lenient:
        return str(value)
    raise TypeError(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}, which a safe checkpoint cannot hold; "
        "give tensors, numbers, strings, lists, tuples and dicts (a hook's or model's state_dict() should convert it)."
    )


def _plain_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """Detached, on the CPU, and without the rest of a storage that it is only a view of."""
    plain = tensor.detach().cpu()
    if plain.layout != torch.strided:
        return plain
    is_view = plain.untyped_storage().nbytes() != plain.numel() * plain.element_size()
    return plain.clone(memory_format=torch.contiguous_format) if is_view else plain.as_subclass(torch.Tensor)


def _plain_array(array: np.ndarray, *, where: str, lenient: bool) -> Any:
    if array.dtype.kind in "biufc":
        native = array.astype(array.dtype.newbyteorder("="))
        return torch.from_numpy(np.ascontiguousarray(native).reshape(array.shape))
    return to_plain(array.tolist(), where=where, lenient=lenient)
