"""Segment Anything (Kirillov et al., ICCV 2023) over the package segment-anything."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sparsevision.engine import load_checkpoint, load_state_dict
from sparsevision.layers.promptable.base import (
    ImageEmbedding,
    ImageFrame,
    Prompt,
    PromptableSegmenter,
    PromptedMasks,
    fit_longest_side,
    prompt_tensors,
    resize_image,
)
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean, require
from sparsevision.weights import resolve_weights

EMBED_DIM = 256
STRIDE = 16
ENCODERS = {  # width, depth, heads, blocks with global attention
    "vit_b": (768, 12, 12, (2, 5, 8, 11)),
    "vit_l": (1024, 24, 16, (5, 11, 17, 23)),
    "vit_h": (1280, 32, 16, (7, 15, 23, 31)),
}


@MODELS.register_module()
class SegmentAnything(PromptableSegmenter):
    """A network of segment-anything's `Sam` class behind the common interface.

    Args:
        network: a `Sam` module (ours, MobileSAM's, a tiny one in a test), or "vit_b", "vit_l", "vit_h" to build one.
        checkpoint: file or catalogue name ("sam_vit_b") to load into it, None to keep the weights it has.

    Raises:
        UserError: unknown variant, weights not there, or not of this network.
        ImportError: segment-anything is not installed.
    """

    def __init__(self, *, network: nn.Module | str, checkpoint: str | Path | None = None) -> None:
        super().__init__()
        self.network = build_sam(network) if isinstance(network, str) else network
        if checkpoint is not None:
            self.load_weights(resolve_weights(checkpoint))
        self.requires_grad_(False).eval()

    def load_weights(self, path: Path) -> None:
        """Load an official checkpoint. Raises: UserError naming the keys that do not fit."""
        load_state_dict(self.network, load_checkpoint(path), source=str(path))

    def _embed(self, image: np.ndarray) -> ImageEmbedding:
        side = self.network.image_encoder.img_size
        size = fit_longest_side(image.shape[:2], side)
        frame = ImageFrame(image_size=image.shape[:2], scaled_size=size, side=side)
        pixels = torch.from_numpy(resize_image(image, size)).to(self.network.device)
        batch = self.network.preprocess(pixels.permute(2, 0, 1)[None].float())
        features = self.network.image_encoder(batch), self.network.prompt_encoder.get_dense_pe()
        return ImageEmbedding(features=features, frame=frame)

    def _decode(self, embedding: ImageEmbedding, prompts: list[Prompt], multimask: bool) -> list[PromptedMasks]:
        image_embedding, position_encoding = embedding.features
        points, boxes, masks = prompt_tensors(embedding.frame, prompts, self.network.device)
        sparse, dense = self.network.prompt_encoder(points=points, boxes=boxes, masks=self._checked_masks(masks))
        low_res, scores = self.network.mask_decoder(
            image_embeddings=image_embedding,
            image_pe=position_encoding,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
        )
        return [
            PromptedMasks(low_res=logits, scores=score, frame=embedding.frame)
            for logits, score in zip(low_res, scores, strict=True)
        ]

    def _checked_masks(self, masks: Tensor | None) -> Tensor | None:
        expected = tuple(self.network.prompt_encoder.mask_input_size)
        if masks is not None and masks.shape[-2:] != expected:
            raise UserError(
                f"mask_input must be {expected} logits of this network's low_res, got {tuple(masks.shape[-2:])}"
            )
        return masks


def build_sam(variant: str, *, image_size: int = 1024) -> nn.Module:
    """An untrained `Sam` of the published shape.

    Args:
        variant: "vit_b", "vit_l" or "vit_h".
        image_size: side of the square input; the published weights need 1024.

    Raises:
        UserError: unknown variant.
    """
    if variant not in ENCODERS:
        raise UserError(f"no SAM variant '{variant}'.{did_you_mean(variant, ENCODERS)} Known: {', '.join(ENCODERS)}")
    modeling = require("segment_anything.modeling", extra="sam", why="Segment Anything")
    width, depth, heads, global_blocks = ENCODERS[variant]
    encoder = modeling.ImageEncoderViT(
        depth=depth,
        embed_dim=width,
        img_size=image_size,
        mlp_ratio=4,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        num_heads=heads,
        patch_size=STRIDE,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=global_blocks,
        window_size=14,
        out_chans=EMBED_DIM,
    )
    return sam_around(encoder, image_size=image_size)


def sam_around(encoder: nn.Module, *, image_size: int) -> nn.Module:
    """A `Sam` with the published prompt encoder and mask decoder.

    Args:
        encoder: (B, 3, s, s) to (B, 256, s/16, s/16), with an attribute `img_size`.
        image_size: s.
    """
    modeling = require("segment_anything.modeling", extra="sam", why="Segment Anything")
    grid = image_size // STRIDE
    prompt_encoder = modeling.PromptEncoder(
        embed_dim=EMBED_DIM,
        image_embedding_size=(grid, grid),
        input_image_size=(image_size, image_size),
        mask_in_chans=16,
    )
    transformer = modeling.TwoWayTransformer(depth=2, embedding_dim=EMBED_DIM, mlp_dim=2048, num_heads=8)
    mask_decoder = modeling.MaskDecoder(
        num_multimask_outputs=3,
        transformer=transformer,
        transformer_dim=EMBED_DIM,
        iou_head_depth=3,
        iou_head_hidden_dim=256,
    )
    return modeling.Sam(image_encoder=encoder, prompt_encoder=prompt_encoder, mask_decoder=mask_decoder)
