"""GrabCut (Rother et al., SIGGRAPH 2004) behind the promptable interface: no weights, colours only, for trying out."""

import cv2
import numpy as np
import torch

from sparsevision.layers.promptable.base import (
    ImageEmbedding,
    ImageFrame,
    Prompt,
    PromptableSegmenter,
    PromptedMasks,
    fit_longest_side,
    resize_image,
)
from sparsevision.registry import MODELS

LOGIT = 4.0
MIXTURE_COMPONENTS = 5
SEED = 0


@MODELS.register_module()
class GrabCut(PromptableSegmenter):
    """OpenCV's GrabCut, seeded with the prompt. Deterministic. One mask per prompt, its score always 1.

    Args:
        max_side: larger images are scaled down to this longest side first.
        iterations: of the alternation between colour models and cut.
        click_radius: of the disc that a click fixes, as a share of the longest side.
        reach: radius, likewise, around an object click that starts as probable object when there is no box and no mask.
    """

    def __init__(
        self, *, max_side: int = 256, iterations: int = 5, click_radius: float = 0.01, reach: float = 0.2
    ) -> None:
        super().__init__()
        self.max_side = max_side
        self.iterations = iterations
        self.click_radius = click_radius
        self.reach = reach

    def _embed(self, image: np.ndarray) -> ImageEmbedding:
        size = fit_longest_side(image.shape[:2], min(self.max_side, max(image.shape[:2])))
        frame = ImageFrame(image_size=image.shape[:2], scaled_size=size)
        return ImageEmbedding(features=resize_image(image, size), frame=frame)

    def _decode(self, embedding: ImageEmbedding, prompts: list[Prompt], multimask: bool) -> list[PromptedMasks]:
        return [self._cut(embedding, prompt) for prompt in prompts]

    def _cut(self, embedding: ImageEmbedding, prompt: Prompt) -> PromptedMasks:
        image, frame = embedding.features, embedding.frame
        labels = self._trimap(frame, prompt)
        if _can_fit_colours(labels):
            cv2.setRNGSeed(SEED)
            models = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(
                np.ascontiguousarray(image[..., ::-1]), labels, None, *models, self.iterations, cv2.GC_INIT_WITH_MASK
            )
        logits = torch.from_numpy(np.where(_is_object(labels), LOGIT, -LOGIT).astype(np.float32))
        return PromptedMasks(low_res=logits[None], scores=torch.ones(1), frame=frame)

    def _trimap(self, frame: ImageFrame, prompt: Prompt) -> np.ndarray:
        """(h, w) uint8 of cv2's four labels: what the prompt makes certain or probable."""
        size = frame.scaled_size
        labels = np.full(size, cv2.GC_PR_BGD, np.uint8)
        if prompt.mask_input is not None:
            mask = prompt.mask_input.float().cpu().numpy()
            labels[cv2.resize(mask, size[::-1]) > 0] = cv2.GC_PR_FGD
        if prompt.box is not None:
            _keep_to_box(labels, frame.to_input(prompt.box.reshape(2, 2)), fill=prompt.mask_input is None)
        if prompt.points is not None:
            guess = prompt.mask_input is None and prompt.box is None
            self._mark_clicks(labels, frame.to_input(prompt.points), prompt.labels, guess=guess)
        return labels

    def _mark_clicks(self, labels: np.ndarray, points: np.ndarray, is_object: np.ndarray, *, guess: bool) -> None:
        longest = max(labels.shape)
        centres = np.clip(np.rint(points), -1e4, 1e4).astype(int).tolist()
        if guess:
            for centre in (c for c, inside in zip(centres, is_object, strict=True) if inside):
                cv2.circle(labels, centre, round(self.reach * longest), cv2.GC_PR_FGD, -1)
        for centre, inside in zip(centres, is_object, strict=True):
            label = cv2.GC_FGD if inside else cv2.GC_BGD
            cv2.circle(labels, centre, round(self.click_radius * longest), label, -1)


def _is_object(labels: np.ndarray) -> np.ndarray:
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _can_fit_colours(labels: np.ndarray) -> bool:
    """Each of the two colour mixtures needs at least as many pixels as it has components."""
    return MIXTURE_COMPONENTS <= _is_object(labels).sum() <= labels.size - MIXTURE_COMPONENTS


def _keep_to_box(labels: np.ndarray, corners: np.ndarray, *, fill: bool) -> None:
    """Certain background outside the box; inside, probable object where there is no mask to start from."""
    height, width = labels.shape
    (x0, y0), (x1, y1) = np.floor(corners[0]), np.ceil(corners[1])
    rows = slice(int(np.clip(y0, 0, height)), int(np.clip(y1, 0, height)))
    columns = slice(int(np.clip(x0, 0, width)), int(np.clip(x1, 0, width)))
    inside = np.full((height, width), False)
    inside[rows, columns] = True
    labels[~inside] = cv2.GC_BGD
    if fill:
        labels[inside] = cv2.GC_PR_FGD
