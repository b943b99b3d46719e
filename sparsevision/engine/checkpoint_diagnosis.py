"""Why a file is not a checkpoint that we read: one sentence each, found without running anything in the file."""

import pickletools
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sparsevision.utils import UserError, did_you_mean

ZIP_MAGIC = b"PK\x03\x04"
PICKLE_MAGIC = b"\x80"
KNOWN_MAGICS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"<!DO": "a web page (a download that went wrong?)",
    b"<htm": "a web page (a download that went wrong?)",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself (run git lfs pull)",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
}
HARMLESS = {"collections.OrderedDict", "collections.Counter", "collections.defaultdict", "builtins.set"}


NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, LookupError, UnicodeDecodeError)
UNPACKED, RATIO = 64 * 2**20, 100  # what unpacks to more, and to so many times its packed size, is a zip bomb


class CheckpointError(UserError):
    """A weights file that cannot be read, written, or fitted to the model."""


def check_readable(path: Path) -> None:
    """Raise `CheckpointError` when there is no file with something in it at `path`, or it is a zip bomb."""
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; a checkpoint is a file{_checkpoints_in(path)}.")
    if not path.is_file():
        parent = path.parent
        near = did_you_mean(path.name, (p.name for p in parent.iterdir())) if parent.is_dir() else ""
        absent = "" if parent.is_dir() else f" (its folder {parent} does not exist either)"
        raise CheckpointError(f"no checkpoint {path}{absent}.{near}")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty (0 bytes): the disk was full or the copy was broken off; get it again.")
    with suppress(*NO_ARCHIVE):
        _refuse_bomb(path)


def _refuse_bomb(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) != ZIP_MAGIC:
            return
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > max(UNPACKED, RATIO * member.compress_size):
                raise CheckpointError(
                    f"{path}: {member.filename} unpacks to {member.file_size / 2**20:.0f} MiB from almost nothing, "
                    "which no checkpoint does; it is not read."
                )


def explain(path: Path, error: Exception) -> CheckpointError:
    """The reason why `torch.load(weights_only=True)` raised `error` on `path`."""
    with path.open("rb") as file:
        head = file.read(64)
    kind = next((name for magic, name in KNOWN_MAGICS.items() if head.startswith(magic)), None)
    if kind is not None:
        return CheckpointError(f"{path} is not a checkpoint: it is {kind}.")
    if head.startswith(ZIP_MAGIC):
        return _explain_zip(path, error)
    if head.startswith(PICKLE_MAGIC):
        return _explain_pickle(path, path.read_bytes(), error)
    return CheckpointError(f"{path} is not a checkpoint: it starts with {head[:12]!r}.")


def _explain_zip(path: Path, error: Exception) -> CheckpointError:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            pickles = [name for name in names if name.endswith("data.pkl")]
            if any(name.endswith("constants.pkl") for name in names):
                return CheckpointError(
                    f"{path} is a TorchScript program, not a checkpoint; code is never loaded. To take its tensors: "
                    "python tools/model_converters/make_safe.py FILE OUT"
                )
            if not pickles:
                return CheckpointError(f"{path} is not a checkpoint: {packed(names)}.")
            stream = archive.read(pickles[0])
    except NO_ARCHIVE:
        return _truncated(path)
    return _explain_pickle(path, stream, error)


def packed(names: list[str]) -> str:
    """What a zip archive is that is no checkpoint; some released weights come in one."""
    held = f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}" if names else "nothing"
    return f"a zip archive that holds {held} (unpack it first)"


def _explain_pickle(path: Path, stream: bytes, error: Exception) -> CheckpointError:
    wanted, complete = foreign_globals(stream)
    if complete and not wanted:
        wanted = re.findall(r"GLOBAL ([\w.]+)", str(error))
    if wanted:
        return CheckpointError(
            f"{path} was refused: reading it would run pickled code ({', '.join(wanted[:4])}). Nothing of it has run. "
            "To take its tensors and leave the rest: python tools/model_converters/make_safe.py FILE OUT"
        )
    if not complete or re.search(r"EOF|corrupt|central directory", str(error)):
        return _truncated(path)
    reason = str(error).strip().splitlines()
    return CheckpointError(f"{path} is not a checkpoint of torch: {(reason or [type(error).__name__])[-1][:160]}.")


def foreign_globals(stream: bytes) -> tuple[list[str], bool]:
    """The functions and classes outside torch and builtin containers that a pickle names, read without unpickling it.

    Returns the names, and whether the pickle could be read to its end.
    """
    named, strings, complete = [], [], True
    try:
        for opcode, argument, _ in _operations(stream):
            if opcode.name in ("GLOBAL", "INST"):
                named.append(argument.replace(" ", "."))
            elif opcode.name == "STACK_GLOBAL" and len(strings) >= 2:
                named.append(f"{strings[-2]}.{strings[-1]}")
            elif isinstance(argument, str):
                strings.append(argument)
    except (ValueError, IndexError):
        complete = False
    return [n for n in dict.fromkeys(named) if not n.startswith("torch.") and n not in HARMLESS], complete


def _operations(stream: bytes) -> Iterator[tuple]:
    """Opcodes of the concatenated pickles of torch's legacy format."""
    start = 0
    while stream[start : start + 1] == PICKLE_MAGIC:
        position = None
        with warnings.catch_warnings():
            for operation in pickletools.genops(stream[start:]):
                position = operation[2]
                yield operation
        start += (position or 0) + 1


def _truncated(path: Path) -> CheckpointError:
    size = path.stat().st_size
    return CheckpointError(
        f"{path} is cut short or damaged ({size:,} bytes): the copy or download was broken off; get it again."
    )


def _checkpoints_in(folder: Path) -> str:
    found = sorted(path.name for path in folder.glob("*.pth"))
    return f", for example {folder / found[-1]}" if found else ""
