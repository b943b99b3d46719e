"""What GenSAM asks of the network that says where in an image the words are."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor


@runtime_checkable
class HeatmapBackend(Protocol):
    """Turns images and words into consensus heatmaps (GenSAM, arXiv 2312.07374, cross-modal chains of thought).

    Implementations: `ClipHeatmap` (spatial CLIP, the paper's) and `ConSE` (class evidence of a small classifier, for
    machines without CLIP weights).

    Attributes:
        label: what it is, in a few words for captions and logs, e.g. "spatial CLIP ViT-B/16 (kk)".
        side: number of patches along each side of the square heatmap; `heatmap` returns side² values per image.
    """

    label: str
    side: int

    def heatmap(
        self,
        images: Sequence[np.ndarray],
        words_fg: Sequence[Sequence[str]],
        words_bg: Sequence[Sequence[str]],
    ) -> Tensor:
        """Where the foreground words are and the background words are not.

        Args:
            images: B uint8 RGB arrays (H,W,3) of any and different sizes.
            words_fg: for each image its foreground words (at least one, repetitions allowed).
            words_bg: for each image its background words (may be empty).

        Returns:
            (B, side*side) float32 in [0,1], row by row from the top left; image b does not depend on the others.
        """
        ...
