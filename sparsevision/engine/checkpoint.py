"""Checkpoints that hold tensors and builtins only, written atomically and read without running any code."""

import errno
import shutil
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from sparsevision.engine.checkpoint_diagnosis import ZIP_MAGIC, CheckpointError, check_readable, explain
from sparsevision.engine.plain import to_plain
from sparsevision.utils import atomic_write, closest
from sparsevision.utils.files import BoundedFile

DESCRIPTIVE = ("meta", "message_hub")
LISTED = 5


def save_checkpoint(obj: Mapping[str, Any], path: str | Path) -> None:
    """Write `obj` as a dict of tensors and builtins; afterwards `path` holds all of it, or what it held before.

    Objects in `meta` and `message_hub` that are neither are written as their `str`. The file is written under a
    temporary name in the same folder, flushed to the disk and renamed.

    Raises:
        TypeError: an object elsewhere that only pickled code could write down; names its place.
        CheckpointError: the disk is full or the folder cannot be written; the earlier file is untouched.
    """
    plain = {str(key): to_plain(value, where=str(key), lenient=key in DESCRIPTIVE) for key, value in obj.items()}
    path = Path(path)
    with _write_errors(path), atomic_write(path) as file:
        _serialise(plain, file)


def load_checkpoint(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Read a checkpoint with `torch.load(weights_only=True)`, with no allow-list and no way round it.

    Raises:
        CheckpointError: the file is missing, a folder, empty, cut short, not a checkpoint, or needs pickled code (then
            the message names what it wanted; nothing of it has run).
    """
    path = Path(path)
    check_readable(path)
    try:
        with _no_allow_list(), BoundedFile(path) as file:
            zipped = file.read(4) == ZIP_MAGIC
            file.seek(0)
            content = torch.load(path if zipped else file, map_location=map_location, weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        raise explain(path, error) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not the dict of a checkpoint.")
    return content


def weights_of(checkpoint: Mapping[str, Any]) -> Mapping[str, torch.Tensor]:
    """The state dict in a checkpoint: under "state_dict" (ours, OpenMMLab's) or "model", else the checkpoint itself."""
    return checkpoint.get("state_dict", checkpoint.get("model", checkpoint))


@dataclass(frozen=True)
class LoadReport:
    """What `load_state_dict` could not place: names, and shapes as "name: file (1, 2), model (3, 4)"."""

    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Every key found its place."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        parts = []
        if self.mismatched:
            parts.append(f"{len(self.mismatched)} of another shape: {_some(self.mismatched)}")
        if self.missing:
            parts.append(
                f"{len(self.missing)} missing from the file: {_some(_with_closest(self.missing, self.unexpected))}"
            )
        if self.unexpected:
            parts.append(f"{len(self.unexpected)} unknown to the model: {_some(self.unexpected)}")
        return "; ".join(parts) or "every key found its place"


def load_state_dict(
    module: nn.Module, state: Mapping[str, torch.Tensor], *, source: str | Path, strict: bool = True
) -> LoadReport:
    """Copy `state` into `module`, or say which keys do not fit and what the closest ones are.

    A `module.` prefix that all keys share (DistributedDataParallel) is dropped.

    Args:
        module: the network. Keys that begin with one of its `optional_state` (a tuple of prefixes, if it has such an
            attribute) may be missing from the file, and may be left over. A network with a method `completed_state`
            makes of the file's state one that also holds what can be made of it.
        state: names to tensors.
        source: where `state` comes from, for messages.
        strict: demand that all keys fit. Otherwise what fits is loaded and the rest reported.

    Raises:
        CheckpointError: keys are missing, unexpected or of another shape (`strict`), or nothing fits at all.
    """
    state = _without_wrapper(state)
    if hasattr(module, "completed_state"):
        state = module.completed_state(state)
    own = module.state_dict()
    optional = tuple(getattr(module, "optional_state", ()))
    mismatched = {name for name in own.keys() & state.keys() if own[name].shape != state[name].shape}
    report = LoadReport(
        missing=[name for name in own if name not in state and not name.startswith(optional)],
        unexpected=[name for name in state if name not in own and not name.startswith(optional)],
        mismatched=[
            f"{name}: file {tuple(state[name].shape)}, model {tuple(own[name].shape)}"
            for name in own
            if name in mismatched
        ],
    )
    fitting = {name: state[name] for name in own if name in state and name not in mismatched}
    if own and not fitting:
        raise CheckpointError(
            f"{source} is of another architecture than {type(module).__name__}: no key fits ({report}). "
            "Weights as their authors released them are converted first: tools/model_converters."
        )
    if strict and not report.complete:
        kind = "is of another architecture than" if mismatched else "does not fit"
        raise CheckpointError(f"{source} {kind} {type(module).__name__}: {report}.")
    module.load_state_dict(fitting, strict=False)
    return report


def _without_wrapper(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    if state and all(name.startswith("module.") for name in state):
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return dict(state)


def _with_closest(missing: list[str], unexpected: list[str]) -> list[str]:
    named = []
    for name in missing[:LISTED]:
        near = closest(name, unexpected, n=1)
        named.append(f"{name} (closest in the file: {near[0]})" if near else name)
    return named + missing[LISTED:]


def _some(names: list[str]) -> str:
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")


@contextmanager
def _no_allow_list():
    """Forget for a moment the classes that other packages have told torch to trust."""
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        yield
    finally:
        torch.serialization.add_safe_globals(allowed)


def _serialise(plain: dict[str, Any], file: BinaryIO) -> None:
    """`torch.save`, whose archive writer hides a failed write behind a RuntimeError: bring the OSError back."""
    try:
        torch.save(plain, file)
    except RuntimeError as error:
        cause = error.__context__ or error.__cause__
        raise (cause if isinstance(cause, OSError) else error) from None


@contextmanager
def _write_errors(path: Path):
    """Tell disk-full and permission troubles in one sentence."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(_write_sentence(path, error)) from error


def _write_sentence(path: Path, error: OSError) -> str:
    kept = "the earlier file is untouched" if path.exists() else "nothing was left behind"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(path.parent).free // 2**20
        return (
            f"no space left on the device for {path} ({free} MiB free); {kept}. "
            "Free some space, or keep fewer checkpoints (max_keep_ckpts), and go on with --resume."
        )
    return f"cannot write {path}: {error.strerror or error}; {kept}."
