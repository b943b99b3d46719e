"""Words from a classifier instead of a captioner: a stand-in for machines without a language model."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0
from sparsevision.methods.gensam.class_evidence import class_names
from sparsevision.methods.gensam.keywords.prompt_sets import prompt_words
from sparsevision.methods.gensam.keywords.source import KeywordSource
from sparsevision.methods.gensam.keywords.types import Keywords
from sparsevision.methods.gensam.word_classes import WordClasses
from sparsevision.registry import MODELS

ENVIRONMENTS = (
    "grass", "leaves", "tree bark", "forest", "sand", "soil", "rocks", "snow", "water", "coral reef", "sky", "wall",
    "floor", "table", "street", "room",
)  # fmt: skip


@MODELS.register_module()
class ConSEKeywords(KeywordSource):
    """ImageNet classes that a small classifier sees, drawn towards the task prompt: ConSE, no language model.

    Foreground words are the best classes by log p(class | image) + pull x closeness to the query words. The background
    word is the environment nearest to the image's vector, which is the probability-weighted mean of the vectors of its
    ten best classes (Norouzi et al., ICLR 2014, eq. 3).

    Args:
        pretrained: weights of EfficientNet-Lite0, a file or a catalogue name; read at first use.
        word_classes: ties words to classes; by default MiniLM.
        count: most foreground words.
        share: a word needs this share of the best word's score, the scores taken as probabilities.
        pull: weight of the closeness, which is in standard deviations; 0 ignores the prompt.
        environments: background words to choose from.
    """

    def __init__(
        self,
        *,
        pretrained: str | Path | None = "efficientnet_lite0",
        word_classes: WordClasses | None = None,
        count: int = 3,
        share: float = 0.1,
        pull: float = 1.0,
        environments: Sequence[str] = ENVIRONMENTS,
    ):
        self.pretrained, self.word_classes = pretrained, word_classes or WordClasses()
        self.count, self.share, self.pull, self.environments = count, share, pull, tuple(environments)

    @property
    def identity(self) -> str:
        return (
            f"ConSE (no language model):{self.pretrained}:count={self.count}:share={self.share}:pull={self.pull}"
            f":environments={','.join(self.environments)}"
        )

    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        probabilities = self._classifier.probabilities(image).cpu()
        closeness = self.word_classes.closeness(prompt_words(prompt_set)).mean(0)
        score = probabilities.clamp_min(1e-9).log() + self.pull * closeness
        best = score.topk(self.count).indices
        kept = best[(score[best] - score[best[0]]).exp() >= self.share]
        foreground = tuple(class_names()[index].split(",")[0] for index in kept.tolist())
        return Keywords(foreground, (self._environment(probabilities),))

    def _environment(self, probabilities: Tensor) -> str:
        weights, best = probabilities.topk(10)
        vector = F.normalize((weights[:, None] * self.word_classes.class_vectors[best]).sum(0), dim=0)
        return self.environments[int((self.word_classes.vectors(self.environments) @ vector).argmax())]

    @cached_property
    def _classifier(self) -> EfficientNetLite0:
        return EfficientNetLite0(pretrained=self.pretrained)
