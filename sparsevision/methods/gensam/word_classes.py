"""Ties words to ImageNet classes by the likeness of their meanings: the textual half of ConSE."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor
from torch.nn import functional as F

from sparsevision.engine import CheckpointError, load_checkpoint, save_checkpoint
from sparsevision.methods.gensam.class_evidence import class_glosses, class_names
from sparsevision.methods.gensam.sentence import SentenceEncoder
from sparsevision.weights import cache_dir, resolve_weights

Encode = Callable[[Sequence[str]], Tensor]


class WordClasses:
    """How much each ImageNet class belongs to a word: "cat" is tabby, tiger cat, ...; "animal" is many of them.

    A class is close to a word if its name and its definition are; the closeness is standardised over the classes and
    squashed by a logistic curve. Words are looked up once.

    Args:
        encode: texts -> unit vectors (N,D), or the folder or catalogue name of a sentence encoder, read at first use.
            With a folder, the vectors of the classes are kept in the cache of weights.
        threshold: standard deviations above the mean at which a class belongs by half.
        slope: of the logistic curve, per standard deviation.

    Raises:
        UserError: (at first use) the sentence encoder is not cached, says how to get it, or cannot be read.
    """

    def __init__(self, *, encode: Encode | str | Path = "all_minilm_l6_v2", threshold: float = 2.0, slope: float = 3.0):
        self.encode, self.threshold, self.slope = encode, threshold, slope
        self.known: dict[str, Tensor] = {}

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors (N,D) of texts."""
        return self._encoder(list(texts))

    def closeness(self, words: Sequence[str]) -> Tensor:
        """Closeness (W,1000) of words to classes, in standard deviations from the mean over classes."""
        likeness = self.vectors(words) @ self.class_vectors.T
        return (likeness - likeness.mean(1, keepdim=True)) / likeness.std(1, keepdim=True).clamp_min(1e-6)

    def __call__(self, words: Sequence[str]) -> Tensor:
        """Belonging (W,1000) of classes to words, in (0,1)."""
        unknown = [word for word in dict.fromkeys(words) if word not in self.known]
        if unknown:
            belonging = torch.sigmoid(self.slope * (self.closeness(unknown) - self.threshold))
            self.known.update(zip(unknown, belonging, strict=True))
        return torch.stack([self.known[word] for word in words])

    @cached_property
    def class_vectors(self) -> Tensor:
        """Unit vectors (1000,D) of the classes."""
        texts = (*class_names(), *class_glosses())
        if callable(self.encode):
            names, glosses = self.vectors(texts).chunk(2)
        else:
            names, glosses = _kept_vectors(resolve_weights(self.encode), texts, self.vectors).chunk(2)
        return F.normalize(names + glosses, dim=-1)

    @cached_property
    def _encoder(self) -> Encode:
        if callable(self.encode):
            return self.encode
        return SentenceEncoder.from_folder(resolve_weights(self.encode))


def _kept_vectors(folder: Path, texts: Sequence[str], encode: Encode) -> Tensor:
    """Vectors (N,D) of texts, from the cache if they were ever computed with the same weights."""
    digest = hashlib.sha256("\n".join(texts).encode())
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.read_bytes())
    kept = cache_dir() / "conse_class_vectors" / f"{digest.hexdigest()[:16]}.pth"
    try:
        if kept.is_file():
            return load_checkpoint(kept)["vectors"]
    except (CheckpointError, KeyError):
        print_log(f"ConSE: {kept} is unusable and is written again", logger="current")
    vectors = encode(texts)
    try:
        save_checkpoint({"vectors": vectors}, kept)
    except CheckpointError as error:
        print_log(f"ConSE: the class vectors are not kept: {error}", logger="current")
    return vectors
