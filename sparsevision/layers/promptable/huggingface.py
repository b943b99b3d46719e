"""SAM, HQ-SAM (Ke et al., 2023) and SAM 2 (Ravi et al., 2024) as the transformers library has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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
from sparsevision.utils import UserError, require

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, kw_only=True)
class Family:
    """What differs between the families.

    Args:
        model_class: its name in transformers.
        padded: the image keeps its aspect and is padded to the square; otherwise it is squashed into it.
        image_size: side of the square, from the model's configuration.
        embeddings: names the encoder's outputs as `forward` wants them back.
    """

    model_class: str
    padded: bool
    image_size: Callable[[Any], int]
    embeddings: Callable[[Any], dict[str, Any]]


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "sam": Family(
            model_class="SamModel",
            padded=True,
            image_size=lambda config: config.vision_config.image_size,
            embeddings=lambda output: {"image_embeddings": output},
        ),
        "sam_hq": Family(
            model_class="SamHQModel",
            padded=True,
            image_size=lambda config: config.vision_config.image_size,
            embeddings=lambda output: {"image_embeddings": output[0], "intermediate_embeddings": output[1]},
        ),
        "sam2": Family(
            model_class="Sam2Model",
            padded=False,
            image_size=lambda config: config.prompt_encoder_config.image_size,
            embeddings=lambda output: {"image_embeddings": output},
        ),
    }
)


@MODELS.register_module()
class HuggingFaceSam(PromptableSegmenter):
    """A SAM, HQ-SAM or SAM 2 of transformers behind the common interface. Tested with random weights only.

    Args:
        model: a built `SamModel`, `SamHQModel` or `Sam2Model`, or a name or folder for `from_pretrained`, e.g.
            "facebook/sam2.1-hiera-tiny"; weights are read from safetensors alone, never from pickles.

    Raises:
        UserError: the model is of another family, or cannot be loaded.
        ImportError: transformers is not installed.
    """

    def __init__(self, *, model: nn.Module | str) -> None:
        super().__init__()
        self.network = _pretrained(model) if isinstance(model, str) else model
        self.family = _family(self.network.config)
        self.side = self.family.image_size(self.network.config)
        self.register_buffer("pixel_mean", torch.tensor(PIXEL_MEAN)[:, None, None], persistent=False)
        self.register_buffer("pixel_std", torch.tensor(PIXEL_STD)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def _embed(self, image: np.ndarray) -> ImageEmbedding:
        size = fit_longest_side(image.shape[:2], self.side) if self.family.padded else (self.side, self.side)
        frame = ImageFrame(image_size=image.shape[:2], scaled_size=size, side=self.side if self.family.padded else None)
        pixels = torch.from_numpy(resize_image(image, size)).to(self.pixel_mean.device)
        pixels = (pixels.permute(2, 0, 1).float() - self.pixel_mean) / self.pixel_std
        pixels = nn.functional.pad(pixels, (0, self.side - size[1], 0, self.side - size[0]))
        features = self.family.embeddings(self.network.get_image_embeddings(pixels[None]))
        return ImageEmbedding(features=features, frame=frame)

    def _decode(self, embedding: ImageEmbedding, prompts: list[Prompt], multimask: bool) -> list[PromptedMasks]:
        """One pass over all prompts; those with a mask go one by one, for transformers ties a mask to the image."""
        if prompts[0].mask_input is not None and len(prompts) > 1:
            return [self._decode(embedding, [prompt], multimask)[0] for prompt in prompts]
        points, boxes, masks = prompt_tensors(embedding.frame, prompts, self.pixel_mean.device)
        output = self.network(
            **embedding.features,
            input_points=None if points is None else points[0][None],
            input_labels=None if points is None else points[1][None],
            input_boxes=None if boxes is None else boxes[None],
            input_masks=self._checked_masks(masks),
            multimask_output=multimask,
        )
        pairs = zip(output.pred_masks[0], output.iou_scores[0], strict=True)
        return [PromptedMasks(low_res=logits, scores=score, frame=embedding.frame) for logits, score in pairs]

    def _checked_masks(self, masks: Tensor | None) -> Tensor | None:
        side = 4 * self.side // self.network.config.prompt_encoder_config.patch_size
        if masks is not None and masks.shape[-2:] != (side, side):
            raise UserError(f"mask_input must be {(side, side)} logits of low_res, got {tuple(masks.shape[-2:])}")
        return masks


def _family(config: Any) -> Family:
    if config.model_type not in FAMILIES:
        known = ", ".join(family.model_class for family in FAMILIES.values())
        raise UserError(f"a '{config.model_type}' model is not a promptable segmenter known here; known are {known}")
    return FAMILIES[config.model_type]


def _pretrained(name: str) -> nn.Module:
    transformers = require("transformers", extra="sam", why="SAM, HQ-SAM and SAM 2 from transformers")
    try:
        config = transformers.AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise UserError(_cannot_load(name, error)) from error
    family = FAMILIES["sam2"] if config.model_type == "sam2_video" else _family(config)
    try:
        return getattr(transformers, family.model_class).from_pretrained(name, use_safetensors=True)
    except OSError as error:
        raise UserError(_cannot_load(name, error)) from error


def _cannot_load(name: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    return (
        f"transformers cannot load '{name}' ({reason}); give the folder of a downloaded model, "
        "or a name that the hub has and this machine can reach"
    )
