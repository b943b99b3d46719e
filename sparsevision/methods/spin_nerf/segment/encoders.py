"""Image encoders for label propagation: a promptable segmenter's own, and a DINO vision transformer."""

import math
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from sparsevision.engine import load_checkpoint, load_state_dict
from sparsevision.layers.promptable import SegmentAnything
from sparsevision.utils import require

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FULL = 255


class SamEncoder:
    """The features of Segment Anything or MobileSAM where they cover the image. (H,W,3) uint8 -> (256, h, w).

    Args:
        segmenter: whose image encoder is used.
    """

    def __init__(self, segmenter: SegmentAnything) -> None:
        self.segmenter = segmenter

    def __call__(self, image: np.ndarray) -> Tensor:
        embedding = self.segmenter.set_image(image)
        features, frame = embedding.features[0][0], embedding.frame
        stride = frame.side / features.shape[-1]
        height, width = (max(1, round(length / stride)) for length in frame.scaled_size)
        return features[:, :height, :width]


class DinoEncoder:
    """Patch tokens of the last layer of a DINO vision transformer (Caron et al., ICCV 2021). -> (C, h, w).

    Args:
        checkpoint: the official backbone, e.g. `dino_deitsmall16_pretrain.pth`; None for untrained weights (a test).
        architecture: timm's name, with the patch size.
        short_side: the image's shorter side is scaled to this; the longer one is cut to a multiple of `multiple`.
        multiple: of the longer side.
        device: to run on.

    Raises:
        ImportError: timm is not installed.
        CheckpointError: weights not there, or not of this network.
    """

    def __init__(
        self,
        *,
        checkpoint: str | Path | None,
        architecture: str = "vit_small_patch16_224",
        short_side: int = 480,
        multiple: int = 64,
        device: str = "cpu",
    ) -> None:
        timm = require("timm", extra="sam", why="DINO's vision transformer")
        self.network: nn.Module = timm.create_model(architecture, num_classes=0, dynamic_img_size=True)
        if checkpoint is not None:
            load_state_dict(self.network, load_checkpoint(checkpoint), source=str(checkpoint))
        self.network.requires_grad_(False).eval().to(device)
        self.size = short_side, multiple
        self.device = device

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> Tensor:
        height, width = fit_short_side(image.shape[:2], *self.size)
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / FULL
        pixels = torch.from_numpy((resized - np.float32(MEAN)) / np.float32(STD)).permute(2, 0, 1)[None]
        tokens = self.network.forward_features(pixels.to(self.device))[0, self.network.num_prefix_tokens :]
        rows = height // self.network.patch_embed.patch_size[0]
        return tokens.T.unflatten(1, (rows, -1)).cpu()


def fit_short_side(size: tuple[int, int], short_side: int, multiple: int) -> tuple[int, int]:
    """(H, W) -> (h, w): the shorter side is `short_side`, the longer in proportion, cut to a multiple of `multiple`."""
    short, long = min(size), max(size)
    longer = max(multiple, math.floor(long * short_side / short / multiple) * multiple)
    return (short_side, longer) if size[0] <= size[1] else (longer, short_side)
