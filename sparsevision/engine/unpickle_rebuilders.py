"""The closed table of what `safe_unpickle` rebuilds: tensors, arrays, scalars and builtin containers.

Torch and NumPy pickle through functions of their own modules; these are stand-ins of the same arguments that check what
they are given. They are all that a pickle can make our unpickler call.
"""

import math
import pickle
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

DTYPES = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "Untyped": torch.uint8,
}
BUILTINS = {
    **dict.fromkeys((set, frozenset, list, tuple, dict, int, float, str, bool), 1),
    complex: 2,
    slice: 3,
}


LARGEST_REPEAT = 2**26  # values of a tensor that repeats those of a smaller storage, as `Tensor.expand` makes them


class Storage:
    """Flat values whose bytes may arrive after the tensors that view them (torch's legacy format)."""

    def __init__(self, dtype: torch.dtype, size: int) -> None:
        self.dtype, self.size = dtype, size
        self.flat: torch.Tensor | None = None
        self.waiting: list[tuple[torch.Tensor, tuple]] = []

    def view(self, offset: int, shape: tuple, stride: tuple) -> torch.Tensor:
        """A tensor of this layout, complete as soon as the bytes are there."""
        layout = (int(offset), tuple(map(int, shape)), tuple(map(int, stride)))
        if self.flat is not None:
            return _strided(self.flat, *layout)
        tensor = torch.empty(0, dtype=self.dtype)
        self.waiting.append((tensor, layout))
        return tensor

    def fill(self, data: bytes) -> None:
        """Take the bytes and complete the tensors that wait for them."""
        expected = self.size * self.dtype.itemsize
        if len(data) != expected:
            raise pickle.UnpicklingError(f"a storage of {expected} bytes has {len(data)}: the file is cut short")
        self.flat = torch.frombuffer(bytearray(data), dtype=self.dtype) if data else torch.empty(0, dtype=self.dtype)
        for tensor, layout in self.waiting:
            tensor.set_(_strided(self.flat, *layout))


def _strided(flat: torch.Tensor, offset: int, shape: tuple, stride: tuple) -> torch.Tensor:
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    inside = offset >= 0 and last < len(flat) and all(step >= 0 for step in stride)
    if 0 in shape:
        return torch.empty(shape, dtype=flat.dtype)
    if not inside:
        raise pickle.UnpicklingError(f"a tensor of shape {shape} reaches outside its storage of {len(flat)} values")
    if math.prod(shape) > max(len(flat), LARGEST_REPEAT):
        raise pickle.UnpicklingError(f"a tensor of shape {shape} repeats the {len(flat)} values of its storage")
    return flat.as_strided(shape, stride, offset)


class ArrayType:
    """A NumPy dtype on its way: NumPy pickles the kind first and the byte order as state."""

    def __init__(self, spec: Any, *_: Any) -> None:
        if not re.fullmatch(r"[|<>=]?([biufcSUmM]\d*|O8?|b1)", str(spec)):
            raise pickle.UnpicklingError(f"arrays of type {str(spec)[:40]!r} are not rebuilt")
        self.dtype = np.dtype(str(spec).replace("O8", "O"))

    def set_state(self, state: tuple) -> None:
        """Byte order from dtype.__reduce__'s state (version, order, ...)."""
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


def _empty_array(*_: Any) -> np.ndarray:
    return np.ndarray((0,), "b")


def set_array_state(array: np.ndarray, state: tuple) -> None:
    """Fill an array of `_empty_array` in place from ndarray.__reduce__'s (version, shape, dtype, fortran, data)."""
    _, shape, kind, fortran, data = state
    if isinstance(data, str):
        data = data.encode("latin1")
    array.__setstate__((1, tuple(shape), kind.dtype, bool(fortran), data))


def _array_from_buffer(buffer: bytes, kind: ArrayType, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(bytes(buffer), dtype=kind.dtype).reshape(shape, order=order).copy()


def _array_scalar(kind: ArrayType, data: Any = b"") -> Any:
    if isinstance(data, str):
        data = data.encode("latin1")
    return data if kind.dtype.hasobject else np.frombuffer(data, dtype=kind.dtype)[0]


def _tensor(storage: Storage, offset: int, shape: tuple, stride: tuple, *_: Any) -> torch.Tensor:
    return storage.view(offset, shape, stride)


def _tensor_itself(data: torch.Tensor, *_: Any) -> torch.Tensor:
    return data


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes in pickles of protocol 2 are written as latin-1 text."""
    return text.encode(encoding)


def _checked(kind: Callable, length: int = 1) -> Callable:
    """A builtin container that takes at most `length` positional arguments."""

    def build(*args: Any) -> Any:
        return kind(*args[:length])

    return build


def _checked_bytes(kind: Callable) -> Callable:
    """`bytes` or `bytearray` of given content: a number would be taken for a length, of any size."""

    def build(content: Any = b"", *encoding: Any) -> Any:
        if isinstance(content, int):
            raise pickle.UnpicklingError(f"{kind.__name__} of a length, {content}, instead of content")
        return kind(content, *encoding[:1])

    return build


def _size(*shape: Any) -> tuple:
    return tuple(shape[0]) if shape else ()


REBUILDERS: dict[str, Callable] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _tensor_itself,
    "torch._utils._rebuild_parameter_with_state": _tensor_itself,
    "torch.Size": _size,
    "torch.device": lambda *place: ":".join(map(str, place)),
    "numpy.dtype": ArrayType,
    "numpy.ndarray": _empty_array,
    "_codecs.encode": _encode,
    "collections.OrderedDict": _checked(OrderedDict),
    "collections.Counter": _checked(Counter),
    "collections.defaultdict": lambda *_: {},
    "collections.deque": _checked(list),
    **{
        f"{module}.{name}": rebuild
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
        for name, rebuild in (("_reconstruct", _empty_array), ("scalar", _array_scalar))
    },
    **{f"{module}._frombuffer": _array_from_buffer for module in ("numpy.core.numeric", "numpy._core.numeric")},
    **{
        f"{module}.{kind.__name__}": _checked(kind, length)
        for module in ("builtins", "__builtin__")
        for kind, length in BUILTINS.items()
    },
    **{
        f"{module}.{kind.__name__}": _checked_bytes(kind)
        for module in ("builtins", "__builtin__")
        for kind in (bytes, bytearray)
    },
}


def storage_dtype(module: str, name: str) -> torch.dtype | None:
    """The dtype that "torch.FloatStorage" or "torch.float32" stands for, or None for anything else."""
    if module in ("torch", "torch.storage", "torch.cuda") and name.endswith("Storage"):
        return DTYPES.get(name.removesuffix("Storage"))
    found = {str(dtype): dtype for dtype in DTYPES.values()}
    return found.get(f"{module}.{name}")
