"""What GenSAM asks of a keyword source, and the sources that need no language model."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sparsevision.methods.gensam.keywords.prompt_sets import DEFAULT_PROMPT_SET, GENERIC_BACKGROUND, prompt_words
from sparsevision.methods.gensam.keywords.types import Keywords
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean


def image_hash(image: np.ndarray) -> str:
    """SHA-256 (64 hex digits) of the size and pixels of an image, uint8 RGB (H,W,3)."""
    pixels = np.ascontiguousarray(image)
    return hashlib.sha256(f"{pixels.shape} {pixels.dtype} ".encode() + pixels.tobytes()).hexdigest()


class KeywordSource(ABC):
    """Says which words an image should be asked about.

    Attributes:
        deterministic: the same image and prompt set always give the same words. GenSAM then asks once per image
            instead of once per pass, with the same result.
        looks_up_names: the words depend on the image's name, not on its pixels alone.
    """

    deterministic: bool = True
    looks_up_names: bool = False

    @property
    @abstractmethod
    def identity(self) -> str:
        """Names the source and every setting that changes its words; part of the cache key."""

    @abstractmethod
    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        """The `index`-th answer for an image; one (image, prompt set, index) always gives the same words."""

    def __call__(self, image: np.ndarray, prompt_set: str = DEFAULT_PROMPT_SET, *, name: str | None = None) -> Keywords:
        """The words for an image.

        Args:
            image: uint8 RGB (H,W,3).
            prompt_set: a name of `PROMPT_SETS`.
            name: the image's file stem, for messages and for sources that look images up.
        """
        return self.draw(image, prompt_set, 0, name)

    def sample(
        self, image: np.ndarray, prompt_set: str = DEFAULT_PROMPT_SET, n: int = 1, *, name: str | None = None
    ) -> list[Keywords]:
        """`n` answers, e.g. one for every pass of GenSAM; a deterministic source is asked once and repeated."""
        if self.deterministic:
            return [self.draw(image, prompt_set, 0, name)] * n
        return [self.draw(image, prompt_set, index, name) for index in range(n)]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.identity})"


def build_source(source: KeywordSource | Mapping) -> KeywordSource:
    """A keyword source, built from its config if it is one."""
    return MODELS.build(source) if isinstance(source, Mapping) else source


@MODELS.register_module()
class GenericPrompt(KeywordSource):
    """No language model: the query words themselves against "environment" (the released option `use_gene_prompt`)."""

    identity = "generic"

    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        return Keywords(prompt_words(prompt_set), (GENERIC_BACKGROUND,))


@MODELS.register_module()
class JsonKeywords(KeywordSource):
    """Words from a JSON file: {"<file stem or image_hash>": {"foreground": ["lion"], "background": ["grass"]}, ...}.

    "background" may be left out or empty. The prompt set plays no role.

    Args:
        path: the file.
        fallback: source for images that the file does not name; without one they are an error.

    Raises:
        UserError: the file is missing, is not JSON, or an entry is malformed (names file, entry and field); on a call:
            an image that the file does not name.
    """

    FIELDS = ("foreground", "background")
    looks_up_names = True

    def __init__(self, *, path: str | Path, fallback: KeywordSource | Mapping | None = None):
        self.path = Path(path)
        self.fallback = build_source(fallback) if fallback is not None else None
        self.deterministic = self.fallback is None or self.fallback.deterministic
        self.entries = {key: self._entry(key, value) for key, value in self._read().items()}

    @property
    def identity(self) -> str:
        content = json.dumps({key: [words.foreground, words.background] for key, words in self.entries.items()})
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return f"json:{digest}" + (f"|{self.fallback.identity}" if self.fallback else "")

    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        found = self.entries.get(name) if name is not None else None
        found = found or self.entries.get(image_hash(image))
        if found is not None:
            return found
        if self.fallback is not None:
            return self.fallback.draw(image, prompt_set, index, name)
        raise UserError(
            f"keywords file {self.path} has no entry for image {name or '(without a name)'!r} "
            f"(SHA-256 {image_hash(image)}).{did_you_mean(name or '', self.entries)} Add one, or give JsonKeywords a "
            f"`fallback` source such as GenericPrompt()."
        )

    def _read(self) -> dict:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"cannot read the keywords file {self.path}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"keywords file {self.path} is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise UserError(
                f"keywords file {self.path}: expected an object {{image stem: {{foreground, background}}}}, "
                f"got a {type(content).__name__}"
            )
        return content

    def _entry(self, key: str, value: object) -> Keywords:
        place = f"keywords file {self.path}, entry {key!r}"
        if not isinstance(value, dict):
            raise UserError(f"{place}: expected {{foreground, background}}, got {value!r}")
        for field in value:
            if field not in self.FIELDS:
                raise UserError(f"{place}: unknown field {field!r}.{did_you_mean(field, self.FIELDS)}")
        try:
            return Keywords(value.get("foreground", ()), value.get("background", ()))
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
