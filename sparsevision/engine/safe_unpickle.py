"""Reads other people's pickled checkpoints for converters: tensors and arrays are rebuilt, nothing else comes alive.

Every class or function that a pickle asks for is looked up in one closed table (`unpickle_rebuilders`). Whatever is not
in it becomes an inert `Placeholder` and is reported; no module is imported and nothing of the file is called.
"""

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from sparsevision.engine.checkpoint_diagnosis import CheckpointError, check_readable, packed
from sparsevision.engine.unpickle_rebuilders import REBUILDERS, ArrayType, Storage, set_array_state, storage_dtype
from sparsevision.utils.files import BoundedFile

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    OSError,
    RuntimeError,  # of zipfile for encrypted members; recursion and what is not implemented are among them
    struct.error,
    zlib.error,
    MemoryError,
)


class Placeholder(dict):
    """Stands for an object whose class was not rebuilt: its attributes as items, its arguments; it cannot act."""

    name = "object"
    __hash__ = object.__hash__

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.args = args
        self.appended: list[Any] = []

    def __eq__(self, other: object) -> bool:
        return self is other

    def append(self, item: Any) -> None:
        """List-like classes pickle their items this way."""
        self.appended.append(item)

    def __repr__(self) -> str:
        return f"<{self.name}, not rebuilt>"


@dataclass(frozen=True)
class Unpickled:
    """What a file held, and the sorted names of the classes and functions that stayed placeholders."""

    content: Any
    placeholders: list[str] = field(default_factory=list)


def safe_unpickle(path: str | Path) -> Unpickled:
    """Read a pickle, or a torch checkpoint in the zip or the legacy format, without running code of it.

    Raises:
        CheckpointError: the file is missing, empty, damaged, or neither of these.
    """
    path = Path(path)
    check_readable(path)
    placeholders: dict[str, type] = {}
    try:
        with BoundedFile(path) as file:
            content = _read(file, placeholders)
    except zipfile.BadZipFile as error:
        raise CheckpointError(f"{path} is cut short or damaged; get it again.") from error
    except DAMAGE as error:
        raise CheckpointError(f"{path} is damaged or not a pickle: {error or type(error).__name__}.") from error
    return Unpickled(content, sorted(placeholders))


def _read(file: BinaryIO, placeholders: dict[str, type]) -> Any:
    head = file.read(4)
    file.seek(0)
    return _read_zip(file, placeholders) if head == b"PK\x03\x04" else _read_stream(file, placeholders)


def _read_zip(file: BinaryIO, placeholders: dict[str, type]) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        inner = next((name for name in names if name.endswith("data.pkl")), None)
        if inner is None:
            raise pickle.UnpicklingError(packed(names))
        root = inner.removesuffix("data.pkl")
        storages: dict[str, Storage] = {}

        def storage(key: str, dtype: torch.dtype, size: int) -> Storage:
            if key not in storages:
                storages[key] = Storage(dtype, size)
                storages[key].fill(archive.read(f"{root}data/{key}"))
            return storages[key]

        return SafeUnpickler(io.BytesIO(archive.read(inner)), storage, placeholders).load()


def _read_stream(file: BinaryIO, placeholders: dict[str, type]) -> Any:
    storages: dict[str, Storage] = {}

    def storage(key: str, dtype: torch.dtype, size: int) -> Storage:
        return storages.setdefault(key, Storage(dtype, size))

    def load() -> Any:
        return SafeUnpickler(file, storage, placeholders).load()

    first = load()
    if first != LEGACY_MAGIC:
        return first
    load()  # protocol version
    load()  # byte order and sizes of the writing machine
    content = load()
    for key in load():
        (count,) = struct.unpack("<q", file.read(8))
        target = storages[str(key)]
        target.fill(file.read(count * target.dtype.itemsize))
    return content


class SafeUnpickler(pickle._Unpickler):
    """Python's own unpickler with the three operations that look up, call and fill objects replaced."""

    def __init__(
        self, file: BinaryIO, storage: Callable[[str, torch.dtype, int], Storage], placeholders: dict[str, type]
    ) -> None:
        super().__init__(file, encoding="latin1")
        self.storage = storage
        self.placeholders = placeholders

    def find_class(self, module: str, name: str) -> Any:
        """A rebuilder, the dtype of a storage class, or a fresh placeholder class; imports nothing."""
        dotted = f"{module}.{name}"
        if dotted == "torch.storage._load_from_bytes":
            return self._nested
        if dotted in REBUILDERS:
            return REBUILDERS[dotted]
        dtype = storage_dtype(module, name)
        if dtype is not None:
            return dtype
        if dotted not in self.placeholders:
            self.placeholders[dotted] = type("Placeholder", (Placeholder,), {"name": dotted})
        return self.placeholders[dotted]

    def persistent_load(self, pid: Any) -> Storage:
        """A storage by torch's ("storage", type, key, location, size, view)."""
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and isinstance(pid[1], torch.dtype)):
            raise pickle.UnpicklingError(f"a persistent object that is not a storage: {str(pid)[:80]}")
        return self.storage(str(pid[2]), pid[1], int(pid[4]))

    def _nested(self, data: bytes) -> Any:
        """Tensors in plain pickles hold a torch checkpoint of their storage."""
        return _read(io.BytesIO(data), self.placeholders)

    def get_extension(self, code: int) -> None:
        """Extension codes name classes of copyreg's registry: none is ours."""
        raise pickle.UnpicklingError(f"extension code {code}")

    def _instantiate(self, klass: Any, args: Any) -> None:
        self.append(self._checked_call(klass, args))

    def _call(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._checked_call(self.stack[-1], args)

    def _checked_call(self, function: Any, args: Any) -> Any:
        known = function in REBUILDERS.values() or function == self._nested
        if not (known or (isinstance(function, type) and issubclass(function, Placeholder))):
            raise pickle.UnpicklingError(f"a call of {str(function)[:80]}")
        return function(*args)

    def _fill(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, np.ndarray):
            set_array_state(target, state)
        elif isinstance(target, ArrayType):
            target.set_state(state)
        elif isinstance(target, Placeholder):
            slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
            for part in slots:
                target.update(part if isinstance(part, dict) else {} if part is None else {"state": part})

    def _new_with_keywords(self) -> None:
        keywords = self.stack.pop()
        self._call()
        if isinstance(self.stack[-1], Placeholder):
            self.stack[-1].update(keywords)

    dispatch = {  # noqa: RUF012
        **pickle._Unpickler.dispatch,
        pickle.REDUCE[0]: _call,
        pickle.BUILD[0]: _fill,
        pickle.NEWOBJ[0]: _call,
        pickle.NEWOBJ_EX[0]: _new_with_keywords,
    }
