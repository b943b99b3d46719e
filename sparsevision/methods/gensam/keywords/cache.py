"""Keywords on disk, so that no image is put to the same model twice."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from sparsevision.methods.gensam.keywords.source import KeywordSource, build_source, image_hash
from sparsevision.methods.gensam.keywords.types import Keywords
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, atomic_write


@MODELS.register_module()
class CachedKeywords(KeywordSource):
    """Asks `source` only for what the folder does not hold yet.

    One small JSON file per (image hash, prompt set, source identity, draw), written under a temporary name and renamed:
    several processes may share the folder, and a file is either whole or absent. A file that cannot be read is asked
    for again. Failures of the source are not stored. Hits and misses are logged and counted (`hits`, `misses`).

    Args:
        source: the source behind the cache.
        path: the folder, e.g. "work_dirs/keywords"; made when needed.
    """

    def __init__(self, *, source: KeywordSource | Mapping, path: str | Path):
        self.source = build_source(source)
        self.path = Path(path)
        self.hits = self.misses = 0
        self.deterministic = self.source.deterministic

    @property
    def identity(self) -> str:
        return self.source.identity

    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        key = {"image": image_hash(image), "prompt_set": prompt_set, "source": self.identity, "draw": index}
        file = self._file(key, name)
        found = _read(file, key)
        if found is None:
            self.misses += 1
            found = self.source.draw(image, prompt_set, index, name)
            _write(file, key | {"foreground": list(found.foreground), "background": list(found.background)})
        else:
            self.hits += 1
            print_log(f"keywords of {name or key['image'][:12]}: from the cache ({file})", logger="current")
        return found

    def _file(self, key: dict, name: str | None) -> Path:
        """The key's file. Sources that look images up by name get their own file for each name."""
        text = json.dumps(key | {"name": name if self.source.looks_up_names else None}, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.path / digest[:2] / f"{digest}.json"


def _read(file: Path, key: dict) -> Keywords | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if any(content[field] != value for field, value in key.items()):
            raise ValueError("it belongs to another image or source")
        return Keywords(content["foreground"], content["background"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        print_log(
            f"keywords cache: asking again, {file} is unusable ({error})", logger="current", level=logging.WARNING
        )
        return None


def _write(file: Path, content: dict) -> None:
    try:
        with atomic_write(file) as stream:
            stream.write(json.dumps(content, ensure_ascii=False, indent=1).encode())
    except OSError as error:
        raise UserError(f"cannot write the keywords cache {file}: {error.strerror or error}") from error
