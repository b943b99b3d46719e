"""The folder of a synthetic set: whole or not there, with a card that says what it was made of."""

import errno
import glob
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sparsevision.utils import UserError

CARD = "dataset.json"
DAY = 24 * 3600


def write_set(out: str | Path, card: Mapping, write: Callable[[Path], None], *, overwrite: bool = False) -> bool:
    """Let `write` fill a temporary folder, add the card, and put the folder where it belongs.

    Args:
        out: folder to make.
        card: what the content depends on, as JSON.
        write: called with the folder to fill.
        overwrite: replace another synthetic set; nothing else is ever replaced.

    Returns:
        False if `out` already has this card, so that nothing was done.

    Raises:
        UserError: `out` holds another set and `overwrite` is not set, or something that is no synthetic set.
        OSError: `out` is a file, or cannot be written to.
    """
    out = Path(out)
    found = _card_of(out)
    if found == card:
        return False
    _check_place(out, is_a_set=found is not None, overwrite=overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    old = temporary.with_name(temporary.name + ".old")
    try:
        write(temporary)
        (temporary / CARD).write_text(json.dumps(card, indent=2) + "\n")
        os.chmod(temporary, 0o755)
        if out.exists():
            out.rename(old)
        os.replace(temporary, out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        for folder in (temporary, old):
            shutil.rmtree(folder, ignore_errors=True)
    return True


def _sweep(out: Path) -> None:
    """Remove what a killed run left beside `out`: temporary folders that nobody has touched for a day."""
    for path in out.parent.glob(f".{glob.escape(out.name)}.*"):
        if path.is_dir() and path.stat().st_mtime < time.time() - DAY:
            shutil.rmtree(path, ignore_errors=True)


def _card_of(out: Path) -> dict | None:
    try:
        card = json.loads((out / CARD).read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return card if isinstance(card, dict) and "set" in card else None


def _check_place(out: Path, *, is_a_set: bool, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(out))
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not is_a_set:
        raise UserError(f"'{out}' holds files that are no synthetic set; they are not replaced. Choose another --out.")
    if not overwrite:
        raise UserError(f"'{out}' holds another set. Pass --overwrite to replace the folder, or choose another --out.")
