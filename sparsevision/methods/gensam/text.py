"""Words to CLIP text features: tokens, the 85-template ensemble and its cache."""

import hashlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sparsevision.methods.gensam.network import SpatialCLIP
from sparsevision.utils import UserError, atomic_write, require
from sparsevision.utils.arrays import load_npy

SCENE_TEMPLATES = (
    "there is a {} in the scene.",
    "there is the {} in the scene.",
    "this is a {} in the scene.",
    "this is the {} in the scene.",
    "this is one {} in the scene.",
)


def prompt_templates() -> tuple[str, ...]:
    """CLIP Surgery's 85 templates with one slot `{}`: OpenAI's 80 for ImageNet and five about a scene."""
    open_clip = require("open_clip", extra="sam", why="GenSAM's text prompts")
    return tuple(template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES) + SCENE_TEMPLATES


class Tokenizer:
    """CLIP's byte-pair tokens, one text a row: (n,context) int64, zero after the end token.

    Unlike open_clip's own call it refuses a text that is too long instead of cutting it.
    """

    def __init__(self, *, context: int = 77) -> None:
        open_clip = require("open_clip", extra="sam", why="GenSAM's text prompts")
        self.context = context
        self._bpe = open_clip.SimpleTokenizer()

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Tokenise texts.

        Raises:
            UserError: a text has more tokens than the context holds.
        """
        tokens = torch.zeros(len(texts), self.context, dtype=torch.long)
        for row, text in zip(tokens, texts, strict=True):
            ids = [self._bpe.sot_token_id, *self._bpe.encode(text), self._bpe.eot_token_id]
            if len(ids) > self.context:
                raise UserError(
                    f"The text '{_shorten(text)}' has {len(ids)} tokens with start and end, but CLIP reads at most "
                    f"{self.context}. Use a shorter word or phrase."
                )
            row[: len(ids)] = torch.tensor(ids)
        return tokens


def _shorten(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


class TextEnsemble:
    """Features of words, each the normalised mean over templates of the normalised text features.

    Words are encoded once: a cache in memory keeps the last `cache_words` of them, and `cache_dir` keeps all of them
    on disk as plain `.npy` arrays in a folder named after a fingerprint of the text weights and the templates. New
    weights loaded into `clip` empty the memory cache.

    Args:
        clip: the network whose text tower is used.
        tokenizer: texts -> tokens (n,context); CLIP's own by default.
        templates: sentences with one slot `{}`; `prompt_templates()` by default.
    """

    def __init__(
        self,
        *,
        clip: SpatialCLIP,
        tokenizer: Callable[[Sequence[str]], Tensor] | None = None,
        templates: Sequence[str] | None = None,
        cache_words: int = 4096,
        cache_dir: str | Path | None = None,
    ) -> None:
        self.clip = clip
        self.tokenizer = tokenizer or Tokenizer(context=clip.config.context)
        self.templates = tuple(templates or prompt_templates())
        self.cache_words = cache_words
        self.cache_dir = Path(cache_dir) if cache_dir else None
        self._memory: OrderedDict[str, Tensor] = OrderedDict()
        self._fingerprint: str | None = None
        clip.register_load_state_dict_post_hook(partial(_forget, self))

    def __call__(self, words: Sequence[str]) -> Tensor:
        """(n,D) unit features of n words, in their order; repetitions are encoded once and repeated."""
        found = {word: self._recall(word) for word in dict.fromkeys(words)}
        missing = [word for word, feature in found.items() if feature is None]
        if missing:
            for word, feature in zip(missing, self.encode(missing).cpu(), strict=True):
                found[word] = feature
                self._keep(word, feature)
        device = self.clip.text_projection.device
        return torch.stack([found[word] for word in words]).to(device)

    @torch.no_grad()
    def encode(self, words: Sequence[str]) -> Tensor:
        """(n,D) features without any cache; all templates of all words go through the network together."""
        texts = [template.format(word) for word in words for template in self.templates]
        tokens = self.tokenizer(texts).to(self.clip.text_projection.device)
        features = torch.nn.functional.normalize(self.clip.encode_text(tokens), dim=-1)
        mean = features.unflatten(0, (len(words), len(self.templates))).mean(dim=1)
        return torch.nn.functional.normalize(mean, dim=-1)

    def clear(self) -> None:
        """Forget what memory holds (the disk cache knows weights apart by their fingerprint)."""
        self._memory.clear()
        self._fingerprint = None

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with the text weights, the templates or the activation."""
        if self._fingerprint is None:
            digest = hashlib.sha256(repr((self.templates, self.clip.config.quick_gelu)).encode())
            for name, value in self.clip.state_dict().items():
                if not name.startswith("visual.") and name != "logit_scale":
                    digest.update(f"{name}{tuple(value.shape)}".encode())
                    digest.update(np.ascontiguousarray(value.cpu().float().numpy()))
            self._fingerprint = digest.hexdigest()[:16]
        return self._fingerprint

    def _recall(self, word: str) -> Tensor | None:
        if word in self._memory:
            self._memory.move_to_end(word)
            return self._memory[word]
        if self.cache_dir and (feature := _read_array(self._file(word), self.clip.config.embed_dim)) is not None:
            self._remember(word, feature)
            return feature
        return None

    def _keep(self, word: str, feature: Tensor) -> None:
        self._remember(word, feature)
        if self.cache_dir:
            _write_array(self._file(word), feature.numpy())

    def _remember(self, word: str, feature: Tensor) -> None:
        self._memory[word] = feature
        while len(self._memory) > self.cache_words:
            self._memory.popitem(last=False)

    def _file(self, word: str) -> Path:
        return self.cache_dir / self.fingerprint / f"{hashlib.sha256(word.encode()).hexdigest()[:32]}.npy"


def _forget(ensemble: TextEnsemble, _module: torch.nn.Module, _keys: object) -> None:
    ensemble.clear()


def _read_array(path: Path, length: int) -> Tensor | None:
    """The cached feature, or None when there is none or the file is not one."""
    try:
        array = load_npy(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        array = np.empty(0)
    if array.shape != (length,) or array.dtype != np.float32:
        warnings.warn(f"{path} holds no text feature of length {length}; the word is encoded again.", stacklevel=4)
        return None
    return torch.from_numpy(array)


def _write_array(path: Path, array: np.ndarray) -> None:
    """Write so that a reader never sees half a file; a full disk is only a warning."""
    try:
        with atomic_write(path) as file:
            np.save(file, array)
    except OSError as error:
        warnings.warn(f"Text feature not cached: {error}.", stacklevel=4)
