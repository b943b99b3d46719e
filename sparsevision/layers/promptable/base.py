"""One interface for segmenters that clicks, a box or an earlier mask steer: embed an image once, ask many times.

Frames: points and boxes are (x, y) in pixels of the original image, x to the right; (0, 0) is the centre of the first
pixel, as in Segment Anything. Low-resolution logits live in the network's own input square.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.utils import UserError

PROMPTS_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class ImageFrame:
    """How the image lies in the network's square input.

    Args:
        image_size: (H, W) of the original image.
        scaled_size: (h, w) of the resized image, in the top left corner of the square.
        side: of the square that low-resolution logits cover, zero-padded beyond `scaled_size`; None when they cover the
            image alone.
    """

    image_size: tuple[int, int]
    scaled_size: tuple[int, int]
    side: int | None = None

    def to_input(self, xy: np.ndarray) -> np.ndarray:
        """(..., 2) pixels of the image -> pixels of the network's input, float32."""
        (height, width), (scaled_height, scaled_width) = self.image_size, self.scaled_size
        return (xy * (scaled_width / width, scaled_height / height)).astype(np.float32)

    def to_image(self, logits: Tensor) -> Tensor:
        """(k, h, w) low-resolution logits -> (k, H, W) at the original size; bilinear, as Segment Anything does it."""
        logits = logits[None].float()
        if self.side is not None:
            logits = F.interpolate(logits, (self.side, self.side), mode="bilinear", align_corners=False)
            logits = logits[..., : self.scaled_size[0], : self.scaled_size[1]]
        return F.interpolate(logits, self.image_size, mode="bilinear", align_corners=False)[0]


@dataclass(frozen=True, kw_only=True)
class ImageEmbedding:
    """An encoded image, to be prompted as often as one likes. `features` is the back-end's own."""

    features: Any
    frame: ImageFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompt:
    """What is asked of one mask. At least one of points, box and mask_input.

    Args:
        points: (n, 2) as (x, y) in image pixels; may lie outside the image.
        labels: (n,) 1 = object, 0 = not the object.
        box: (4,) as x0, y0, x1, y1 in image pixels; may exceed the image.
        mask_input: (h, w) or (1, h, w) logits of an earlier answer's `low_res`.

    Raises:
        UserError: a wrong shape, a label that is neither 0 nor 1, a number that is not finite, or nothing to go by.
    """

    points: ArrayLike | None = None
    labels: ArrayLike | None = None
    box: ArrayLike | None = None
    mask_input: Tensor | np.ndarray | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        if self.points is not None or self.labels is not None:
            points, labels = _checked_points(self.points, self.labels)
            set_field(self, "points", points)
            set_field(self, "labels", labels)
        if self.box is not None:
            set_field(self, "box", _checked_box(self.box))
        if self.mask_input is not None:
            set_field(self, "mask_input", _checked_mask(self.mask_input))
        if self.points is None and self.box is None and self.mask_input is None:
            raise UserError("an empty prompt: give points with labels, a box or a mask_input")

    @property
    def is_ambiguous(self) -> bool:
        """A single click, or a box alone: SAM's three candidates are meant for these, its single mask for the rest."""
        clicks = 0 if self.points is None else len(self.points)
        return clicks + (self.box is not None) == 1

    @property
    def layout(self) -> tuple[int, bool, bool]:
        """Prompts of one layout can be decoded in one batch."""
        count = 0 if self.points is None else len(self.points)
        return count, self.box is not None, self.mask_input is not None


def _checked_points(points: ArrayLike | None, labels: ArrayLike | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    if points is None or labels is None:
        raise UserError("a prompt has points without labels, or labels without points; give both")
    points, labels = np.asarray(points, np.float64), np.asarray(labels)
    if points.size == 0 and labels.size == 0:
        return None, None
    if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1]:
        raise UserError(f"prompt points must be (n, 2) with (n,) labels, got {points.shape} and {labels.shape}")
    if not np.isfinite(points).all():
        raise UserError("prompt points must be finite numbers, got NaN or infinity")
    if not np.isin(labels, (0, 1)).all():
        raise UserError(f"prompt labels must be 1 (object) or 0 (not the object), got {sorted(set(labels.tolist()))}")
    return points, labels.astype(np.int64)


def _checked_box(box: ArrayLike) -> np.ndarray:
    box = np.asarray(box, np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[:2] > box[2:]).any():
        raise UserError(f"a prompt box must be x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, got {box.tolist()}")
    return box


def _checked_mask(mask: Tensor | np.ndarray) -> Tensor:
    mask = torch.as_tensor(mask)
    if mask.ndim == 3 and len(mask) == 1:
        mask = mask[0]
    if mask.ndim != 2 or not mask.is_floating_point():
        raise UserError(
            "mask_input must be (h, w) float logits, e.g. an earlier answer's low_res[best], "
            f"got {tuple(mask.shape)} {mask.dtype}"
        )
    return mask


@dataclass(frozen=True, kw_only=True, eq=False)
class PromptedMasks:
    """The k candidate masks for one prompt.

    Args:
        low_res: (k, h, w) logits in the network's square, positive = object; what `mask_input` takes.
        scores: (k,) predicted IoU (back-ends without one say 1).
        frame: of the image.
    """

    low_res: Tensor
    scores: Tensor
    frame: ImageFrame

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def best(self) -> int:
        """Index of the highest score, the first one on a tie."""
        return int(self.scores.argmax())

    @property
    def logits(self) -> Tensor:
        """(k, H, W) logits at the original resolution, computed at each call; `upsample` does a single one."""
        return self.frame.to_image(self.low_res)

    def upsample(self, index: int | None = None) -> Tensor:
        """(H, W) logits of one candidate at the original resolution, the best one by default."""
        index = self.best if index is None else index
        return self.frame.to_image(self.low_res[index, None])[0]


class PromptableSegmenter(nn.Module):
    """A segmenter in two steps: `set_image` does the heavy work once, `predict` answers a prompt."""

    @torch.inference_mode()
    def set_image(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image. image (H, W, 3) uint8 RGB.

        Raises:
            UserError: another shape or type (greyscale and RGBA are converted by who loads the file).
        """
        return self._embed(check_image(image))

    def predict(
        self,
        embedding: ImageEmbedding,
        *,
        points: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask_input: Tensor | np.ndarray | None = None,
        multimask: bool | None = True,
    ) -> PromptedMasks:
        """Answer one prompt; see `Prompt` for the arguments.

        Args:
            multimask: True for three candidates (whole, part, subpart), False for the single mask of unambiguous
                prompts, None for the rule of SAM's exported graph: three where the prompt `is_ambiguous`, else one.
        """
        prompt = Prompt(points=points, labels=labels, box=box, mask_input=mask_input)
        return self.predict_many(embedding, [prompt], multimask=multimask)[0]

    @torch.inference_mode()
    def predict_many(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt], *, multimask: bool | None = True
    ) -> list[PromptedMasks]:
        """Answer several prompts about one image, in their order; those of the same layout are decoded together."""
        by_layout: dict[tuple[int, bool, bool], list[int]] = {}
        for index, prompt in enumerate(prompts):
            by_layout.setdefault(prompt.layout, []).append(index)
        answers: dict[int, PromptedMasks] = {}
        for indices in by_layout.values():
            for start in range(0, len(indices), PROMPTS_AT_ONCE):
                batch = indices[start : start + PROMPTS_AT_ONCE]
                several = prompts[batch[0]].is_ambiguous if multimask is None else multimask
                answers.update(zip(batch, self._decode(embedding, [prompts[i] for i in batch], several), strict=True))
        return [answers[index] for index in range(len(prompts))]

    @abstractmethod
    def _embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode a checked image."""

    @abstractmethod
    def _decode(self, embedding: ImageEmbedding, prompts: list[Prompt], multimask: bool) -> list[PromptedMasks]:
        """Answer prompts that all have the same layout."""


def check_image(image: np.ndarray) -> np.ndarray:
    """The image itself when it is (H, W, 3) uint8 with H, W >= 1. Raises: UserError otherwise."""
    good = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    if not good or 0 in image.shape:
        got = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UserError(f"a promptable segmenter needs an RGB image (H, W, 3) uint8, got {got}; convert it first")
    return image


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 -> (h, w, 3) uint8, antialiased bilinear: Pillow's, which Segment Anything was trained with."""
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def fit_longest_side(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(H, W) -> (h, w) whose longer side is `side`, rounded half up, at least one pixel."""
    scale = side / max(size)
    height, width = (max(1, int(length * scale + 0.5)) for length in size)
    return height, width


def prompt_tensors(
    frame: ImageFrame, prompts: list[Prompt], device: torch.device
) -> tuple[tuple[Tensor, Tensor] | None, Tensor | None, Tensor | None]:
    """Prompts of one layout as batches in input pixels: points (B,n,2), labels (B,n); boxes (B,4); masks (B,1,h,w)."""
    points = boxes = masks = None
    if prompts[0].points is not None:
        xy = torch.from_numpy(np.stack([frame.to_input(prompt.points) for prompt in prompts])).to(device)
        points = xy, torch.from_numpy(np.stack([prompt.labels for prompt in prompts])).to(device)
    if prompts[0].box is not None:
        corners = np.stack([frame.to_input(prompt.box.reshape(2, 2)) for prompt in prompts])
        boxes = torch.from_numpy(corners.reshape(-1, 4)).to(device)
    if prompts[0].mask_input is not None:
        masks = torch.stack([prompt.mask_input for prompt in prompts])[:, None].float().to(device)
    return points, boxes, masks
