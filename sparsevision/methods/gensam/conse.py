"""ConSE heatmaps (not CLIP): class evidence of a small classifier, tied to words by the likeness of their meanings.

After Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (ICLR 2014): an image is
described by the ImageNet classes that a classifier believes in, and a word by how close those classes' names are to it.
The map of a word is the LayerCAM (Jiang et al., IEEE TIP 2021) of the word's log-probability. For machines that
cannot have CLIP weights; its numbers are not GenSAM's.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0, resized
from sparsevision.methods.gensam.heatmap import min_max
from sparsevision.methods.gensam.word_classes import WordClasses
from sparsevision.registry import MODELS

ROUNDING = 1e-5  # relative, of float32 sums


@MODELS.register_module()
class ConSE(nn.Module):
    """A `HeatmapBackend` from an ImageNet classifier and a sentence encoder: ConSE, not CLIP.

    A background word lowers the map only as far as the classifier believes in it: its map, scaled to [0,1] like all
    others, would otherwise light up somewhere even where nothing of the kind is in the image (a classifier has no
    class "environment"). Foreground words share their weight in the same way.

    Args:
        pretrained: weights of the classifier, a file or a catalogue name; None gives random weights.
        word_classes: ties words to classes; by default MiniLM, read at first use.
        side: cells along each side of the heatmap.
        scales: the image is seen at these sizes, in pixels.

    Raises:
        ImportError: timm is not installed (at first use also: transformers, tokenizers, safetensors).
        UserError: weights are not cached (says how to get them) or are not those of this network.
    """

    label = "ConSE (not CLIP): EfficientNet-Lite0 classes x MiniLM"

    def __init__(
        self,
        *,
        pretrained: str | Path | None = "efficientnet_lite0",
        word_classes: WordClasses | None = None,
        side: int = 28,
        scales: Sequence[int] = (224, 320),
    ):
        super().__init__()
        self.classifier = EfficientNetLite0(pretrained=pretrained)
        self.word_classes = word_classes or WordClasses()
        self.side, self.scales = side, tuple(scales)

    def __repr__(self) -> str:
        return f"ConSE(not CLIP, side={self.side}, scales={self.scales})"

    def heatmap(
        self,
        images: Sequence[np.ndarray],
        words_fg: Sequence[Sequence[str]],
        words_bg: Sequence[Sequence[str]],
    ) -> Tensor:
        """Where the foreground words are and the background words are not; see `HeatmapBackend.heatmap`."""
        maps = [self._consensus(*each) for each in zip(images, words_fg, words_bg, strict=True)]
        return torch.stack(maps).flatten(1).cpu()

    def word_maps(self, image: np.ndarray, words: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Maps (W,side,side) in [0,1] of words in one image and the probabilities (W,) that they are in it."""
        device = self.classifier.network.classifier.weight.device
        with torch.inference_mode(False), torch.enable_grad():
            belonging = self.word_classes(words).to(device)
            seen = [self._layer_cams(resized(image, scale).to(device), belonging) for scale in self.scales]
        maps = torch.stack([cams for cams, _ in seen]).mean(0)
        return _scaled(maps), torch.stack([probability for _, probability in seen]).mean(0)

    def _consensus(self, image: np.ndarray, foreground: Sequence[str], background: Sequence[str]) -> Tensor:
        words = list(dict.fromkeys([*foreground, *background]))
        maps, probabilities = self.word_maps(image, words)
        row = {word: index for index, word in enumerate(words)}
        ahead, behind = [row[word] for word in foreground], [row[word] for word in background]
        weights = probabilities[ahead] / probabilities[ahead].sum()
        result = (weights[:, None, None] * maps[ahead]).sum(0)
        if behind:
            result = result - (probabilities[behind, None, None] * maps[behind]).mean(0)
        return _scaled(result[None])[0]

    def _layer_cams(self, pixels: Tensor, belonging: Tensor) -> tuple[Tensor, Tensor]:
        """LayerCAMs (W,side,side) of words in one image (1,3,S,S) and its mirror image, and probabilities (W,)."""
        with torch.no_grad():
            middle = self.classifier.middle(torch.cat([pixels, pixels.flip(-1)]))
        words = len(belonging)
        middle = middle.repeat_interleave(words, 0).requires_grad_(True)  # view-major: (2W,C,h,w)
        last, logits = self.classifier.final(middle)
        # ConSE: p(word | image) = sum over classes of belonging x p(class | image)
        log_odds = logits.log_softmax(-1) + belonging.clamp_min(1e-6).log().repeat(2, 1)
        log_probability = torch.logsumexp(log_odds, 1)
        gradients = torch.autograd.grad(log_probability.sum(), (middle, last))
        cams = [self._cam(*layer) for layer in zip((middle, last), gradients, strict=True)]
        views = torch.stack(cams).mean(0).unflatten(0, (2, words))
        both = (views[0] + views[1].flip(-1)) / 2
        return both, log_probability.detach().exp().view(2, words).mean(0)

    def _cam(self, features: Tensor, gradient: Tensor) -> Tensor:
        """LayerCAM: features weighted by their positive gradients, (B,C,h,w) -> (B,side,side) in [0,1]."""
        cam = (features.detach() * gradient.clamp_min(0)).sum(1, keepdim=True).clamp_min(0)
        size = (self.side, self.side)
        return _scaled(F.interpolate(cam, size, mode="bilinear", align_corners=False)[:, 0])


def _scaled(maps: Tensor) -> Tensor:
    """Each of the maps (N,h,w) scaled to [0,1]; maps that are constant but for rounding become 0."""
    return min_max(maps, dim=(1, 2), tolerance=ROUNDING)
