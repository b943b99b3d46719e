"""Many trainings of configs: told apart by a digest, skipped when done, their numbers read and written on a page."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from sparsevision.engine.hooks.checkpoint import find_latest
from sparsevision.utils import UserError, atomic_write, write_json
from sparsevision.zoo.tables import replace_between_markers

RESULT = "result.json"  # of a run; written last: its presence means that the run is complete


def config_digest(cfg: Config) -> str:
    """SHA-256 of everything that a config says."""
    return digest_of(cfg.to_dict())


def digest_of(content: Any) -> str:
    """SHA-256 of builtins, in whatever order dicts hold them."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def read_result(folder: Path, digest: str) -> dict[str, Any] | None:
    """What a complete run of the same digest wrote down; None if it is not complete, or of another state."""
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("config_sha256") == digest else None


def write_result(folder: Path, digest: str, content: Mapping[str, Any]) -> None:
    """Mark a run as complete, in one step."""
    write_json(folder / RESULT, {"config_sha256": digest, **content})


def last_checkpoint(folder: Path) -> Path:
    """The newest checkpoint of a run.

    Raises:
        UserError: there is none.
    """
    found = find_latest(folder)
    if found is None:
        raise UserError(f"{folder} has no checkpoint after training; does the config have a CheckpointHook?")
    return found


def test_metrics(folder: Path) -> dict[str, float]:
    """The numbers of the newest test run below a work dir.

    Raises:
        UserError: the test wrote none.
    """
    files = sorted(folder.glob("*/*.json"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise UserError(f"no metrics below {folder}; does the config have a test_evaluator?")
    content = json.loads(files[-1].read_text(encoding="utf-8"))
    return {name: value for name, value in content.items() if isinstance(value, int | float) and "time" not in name}


def write_block(page: Path, content: str | None, *, marker: str) -> None:
    """Put a text between the page's markers; without content, only see whether that could be done.

    Raises:
        UserError: no such page, it lacks the markers, or it cannot be written.
    """
    if not page.is_file():
        raise UserError(f"{page} does not exist; --readme takes a page with the markers")
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    text = page.read_text(encoding="utf-8")
    changed = replace_between_markers(text, content or "", begin=begin, end=end, where=str(page))
    if content is None:
        return
    try:
        with atomic_write(page) as file:
            file.write(changed.encode())
    except OSError as error:
        raise UserError(f"{page}: cannot be written ({error.strerror}).") from error
    print(f"wrote the table to {page}")
