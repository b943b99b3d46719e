"""Consensus heatmaps from spatial CLIP: the heatmap back-end of the paper (GenSAM, arXiv 2312.07374)."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from sparsevision.methods.gensam.heatmap import check_consensus, consensus_heatmap, similarity_heatmap
from sparsevision.methods.gensam.network import SpatialCLIP
from sparsevision.methods.gensam.text import TextEnsemble
from sparsevision.utils import UserError

PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)


class ClipHeatmap(nn.Module):
    """Heatmap back-end (see `HeatmapBackend`) on a `SpatialCLIP`.

    Args:
        clip: the network; its weights stay as they are.
        text: words -> (n,D) features; by default the 85-template ensemble with a cache in memory.
        attention: what attends to itself on the spatial path: "kk", "vv" or "qq".
        normalize_dim: 1 (tokens, published) or -1 (channels).
        consensus: "difference" (published default), "clamped" or "foreground_only".
        redundant: the text whose features are subtracted from every word's.
        input_size: side in pixels of the square that images are resized to; a multiple of the patch.
        chunk: images that pass the network together.
    """

    def __init__(
        self,
        *,
        clip: SpatialCLIP,
        text: TextEnsemble | None = None,
        attention: str = "kk",
        normalize_dim: int = 1,
        consensus: str = "difference",
        redundant: str = "",
        input_size: int = 224,
        chunk: int = 16,
    ) -> None:
        super().__init__()
        patch = clip.config.patch
        if input_size < patch or input_size % patch:
            raise UserError(f"input_size must be a multiple of CLIP's patch of {patch} pixels, got {input_size}.")
        check_consensus(consensus)
        self.clip = clip
        self.text = text or TextEnsemble(clip=clip)
        self.attention = attention
        self.normalize_dim = normalize_dim
        self.consensus = consensus
        self.redundant = redundant
        self.input_size = input_size
        self.chunk = chunk
        self.side = input_size // patch
        self.label = f"spatial CLIP ({attention} attention, {self.side} x {self.side} patches of {patch} px)"

    @torch.no_grad()
    def heatmap(
        self,
        images: Sequence[np.ndarray],
        words_fg: Sequence[Sequence[str]],
        words_bg: Sequence[Sequence[str]],
    ) -> Tensor:
        """(B, side*side) consensus heatmaps; see `HeatmapBackend.heatmap`."""
        redundant = self.text([self.redundant])
        features = self.features(images)
        maps = [
            self._consensus(image_features[None], foreground, background, redundant)
            for image_features, foreground, background in zip(features, words_fg, words_bg, strict=True)
        ]
        return torch.cat(maps)

    def _consensus(
        self, features: Tensor, foreground: Sequence[str], background: Sequence[str], redundant: Tensor
    ) -> Tensor:
        if not foreground:
            raise UserError("A heatmap needs at least one foreground word, got none.")
        text = self.text([*foreground, *background])
        similarity = similarity_heatmap(features, text, redundant, normalize_dim=self.normalize_dim)
        fg, bg = similarity.split([len(foreground), len(background)], dim=-1)
        return consensus_heatmap(fg, bg, self.consensus)

    @torch.no_grad()
    def features(self, images: Sequence[np.ndarray]) -> Tensor:
        """Image features (B,1+N,D) of uint8 RGB images (H,W,3) of any sizes."""
        pixels = torch.stack([self.preprocess(image) for image in images]).to(self.clip.visual.proj.device)
        return torch.cat([self.clip.encode_image(part, self.attention) for part in pixels.split(self.chunk)])

    def preprocess(self, image: np.ndarray) -> Tensor:
        """uint8 RGB (H,W,3) -> (3,S,S) float: bicubic with anti-aliasing, sides squeezed alike, CLIP's mean and std."""
        small = Image.fromarray(image).resize((self.input_size, self.input_size), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255
        return (pixels - torch.tensor(PIXEL_MEAN)[:, None, None]) / torch.tensor(PIXEL_STD)[:, None, None]
