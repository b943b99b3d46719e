"""From a rough region of an object to what a promptable segmenter is asked: points on and around it, a box, a mask."""

from dataclasses import dataclass

import cv2
import numpy as np

from sparsevision.layers.promptable import ImageEmbedding, ImageFrame, PromptableSegmenter

MASK_STRIDE = 4  # Segment Anything's low-resolution logits have a quarter of the input's side
AGREEMENT = 0.4  # IoU of answer and region below which the answer is not believed
CORE = 0.06  # share of the region's size (square root of its area) that positive points stay away from its rim
RING = 0.15, 0.3  # likewise, between which distances outside the region negative points lie


@dataclass(frozen=True, kw_only=True)
class RegionPrompts:
    """How a region becomes a prompt.

    Args:
        positive: points inside the region, as far as can be from each other.
        negative: points in a ring around it.
        box: whether its bounding box is given.
        confidence: logit of the region's pixels in the mask that is given, 0 for no mask. A high one keeps the answer
            to what the source view sees of the object.
    """

    positive: int = 5
    negative: int = 8
    box: bool = True
    confidence: float = 2.0

    def of(self, region: np.ndarray, frame: ImageFrame) -> dict[str, np.ndarray]:
        """Keyword arguments of `PromptableSegmenter.predict` for a region (H, W) bool that is not empty."""
        inside, outside = points_inside(region, self.positive), points_around(region, self.negative)
        prompt = {"points": np.concatenate([inside, outside]), "labels": [1] * len(inside) + [0] * len(outside)}
        if self.box:
            rows, columns = np.nonzero(region)
            prompt["box"] = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float64)
        if self.confidence:
            prompt["mask_input"] = mask_logits(region, frame, self.confidence)
        return prompt


def segment_region(
    segmenter: PromptableSegmenter, embedding: ImageEmbedding, region: np.ndarray, prompts: RegionPrompts
) -> np.ndarray:
    """The mask (H, W) bool that the segmenter gives for a rough region.

    The region itself where the two have little in common: then the segmenter took something else for the object.
    """
    answer = segmenter.predict(embedding, **prompts.of(region, embedding.frame), multimask=False)
    mask = (answer.upsample() > 0).cpu().numpy()
    agreement = (mask & region).sum() / (mask | region).sum()
    return mask if agreement >= AGREEMENT else region


def points_inside(region: np.ndarray, count: int) -> np.ndarray:
    """(n, 2) as (x, y), n <= count: the innermost pixel, then those farthest from the points before, off the rim."""
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    core = depth >= min(depth.max() / 2, CORE * np.sqrt(region.sum()))
    candidates = np.argwhere(core)[:, ::-1]
    return farthest_points(candidates, count, first=int(depth[core].argmax()))


def points_around(region: np.ndarray, count: int) -> np.ndarray:
    """(n, 2) as (x, y), n <= count: in a ring outside the region, spread over it."""
    distance = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5)
    near, far = (share * np.sqrt(region.sum()) for share in RING)
    candidates = np.argwhere((distance >= near) & (distance <= far))[:, ::-1]
    return farthest_points(candidates, count, first=0)


def farthest_points(candidates: np.ndarray, count: int, *, first: int) -> np.ndarray:
    """At most `count` of the candidates (n, 2), each the farthest from those before it (Gonzalez 1985). Float64."""
    count = min(count, len(candidates))
    if not count:
        return np.zeros((0, 2))
    candidates = candidates.astype(np.float64)
    chosen = [first]
    distance = np.full(len(candidates), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, ((candidates - candidates[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return candidates[chosen]


def mask_logits(region: np.ndarray, frame: ImageFrame, confidence: float) -> np.ndarray:
    """(h, w) float32 in the segmenter's low-resolution frame: `confidence` inside the region, its negative outside."""
    if frame.side is None:
        return np.where(region, confidence, -confidence).astype(np.float32)
    height, width = (max(1, round(length / MASK_STRIDE)) for length in frame.scaled_size)
    share = cv2.resize(region.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    side = frame.side // MASK_STRIDE
    logits = np.full((side, side), -confidence, np.float32)
    logits[:height, :width] = (2 * share - 1) * confidence
    return logits
