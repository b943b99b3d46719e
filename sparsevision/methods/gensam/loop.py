"""GenSAM on images: keywords, heatmaps, prompts, masks, choice (arXiv 2312.07374).

A heatmap depends on the re-weighted image alone and not on any mask, so all heatmap passes come first, for all images
of a batch together; then each image is embedded once and its passes are decoded one after the other, for each needs the
box of the one before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sparsevision.methods.gensam.heatmap import square_side
from sparsevision.methods.gensam.heatmap_backend import HeatmapBackend
from sparsevision.methods.gensam.presets import GenSAMOptions
from sparsevision.methods.gensam.progressive import EarlyStop, disagreement, reweight_image
from sparsevision.methods.gensam.prompts import Box, box_from_mask, points_from_heatmap


class Words(Protocol):
    """Foreground and background words of one image."""

    foreground: Sequence[str]
    background: Sequence[str]


class Segmenter(Protocol):
    """What the loop asks of a promptable segmenter (see `sparsevision.layers.promptable`)."""

    def set_image(self, image: np.ndarray) -> Any: ...

    def predict(self, embedding: Any, **prompt: Any) -> Any: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PassRecord:
    """One pass.

    Attributes:
        heatmap: (side, side) float32 in [0,1].
        points, labels: (n,2) int64 (x,y) pixels and (n,) 1 or 0 as given to the segmenter, negatives first.
        box: x0, y0, x1, y1 as given to the segmenter, or None.
        scores: predicted IoU of each candidate; score: the highest.
        mask: (H,W) bool, the candidate with the highest score.
    """

    heatmap: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    box: Box | None
    scores: tuple[float, ...]
    mask: np.ndarray

    @property
    def score(self) -> float:
        return max(self.scores)


@dataclass(frozen=True, kw_only=True, eq=False)
class GenSAMResult:
    """The answer for one image.

    Attributes:
        chosen: index of the pass whose mask is nearest to the mean mask.
        disagreement: for each pass the pixels where its mask differs from the mean mask.
        mean_logits: (H,W) mean over passes of the chosen candidates' logits; above 0 is the mean mask.
        words: what the heatmap of each pass was asked for.
    """

    passes: list[PassRecord]
    chosen: int
    disagreement: list[int]
    mean_logits: Tensor
    words: tuple[Words, ...] = ()

    @property
    def mask(self) -> np.ndarray:
        """(H,W) bool mask of the chosen pass."""
        return self.passes[self.chosen].mask


def run_gensam(
    image: np.ndarray,
    *,
    words: Sequence[Words],
    backend: HeatmapBackend,
    segmenter: Segmenter,
    options: GenSAMOptions,
) -> GenSAMResult:
    """Segment one uint8 RGB image (H,W,3). `words` of the passes, one or more; later passes repeat the last."""
    return run_batch([image], words=[words], backend=backend, segmenter=segmenter, options=options)[0]


@torch.no_grad()
def run_batch(
    images: Sequence[np.ndarray],
    *,
    words: Sequence[Sequence[Words]],
    backend: HeatmapBackend,
    segmenter: Segmenter,
    options: GenSAMOptions,
) -> list[GenSAMResult]:
    """Segment images of any sizes, each with the words of its passes; the answers are those of one image at a time."""
    heatmaps = heatmap_passes(images, words=words, backend=backend, options=options)
    results = []
    for index, image in enumerate(images):
        own = [maps[index] for maps in heatmaps]
        result = decode_passes(image, own, segmenter=segmenter, options=options)
        asked = tuple(words_of_pass(words[index], number) for number in range(len(result.passes)))
        results.append(replace(result, words=asked))
    return results


def words_of_pass(words: Sequence[Words], number: int) -> Words:
    """Words of pass `number`, counted from 0; the last ones hold for all passes after them."""
    return words[min(number, len(words) - 1)]


@torch.no_grad()
def heatmap_passes(
    images: Sequence[np.ndarray],
    *,
    words: Sequence[Sequence[Words]],
    backend: HeatmapBackend,
    options: GenSAMOptions,
) -> list[Tensor]:
    """For each pass the heatmaps (B,N) of the images, which lose from pass to pass what was cold."""
    originals = [torch.from_numpy(np.ascontiguousarray(image)) for image in images]
    currents = originals
    heatmaps: list[Tensor] = []
    for number in range(options.recursive + 1):
        if heatmaps:
            currents = _reweighted(currents, originals, heatmaps[-1], options)
        asked = [words_of_pass(own, number) for own in words]
        maps = backend.heatmap(
            [current.to(torch.uint8).numpy() for current in currents],  # cut off, not rounded
            [each.foreground for each in asked],
            [each.background for each in asked],
        )
        heatmaps.append(maps.float().cpu())
    return heatmaps


def _reweighted(
    currents: Sequence[Tensor], originals: Sequence[Tensor], heatmaps: Tensor, options: GenSAMOptions
) -> list[Tensor]:
    return [
        reweight_image(current, original if options.clip_input_ema else current, heatmap, options.recursive_coef)
        for current, original, heatmap in zip(currents, originals, heatmaps, strict=True)
    ]


@torch.no_grad()
def decode_passes(
    image: np.ndarray, heatmaps: Sequence[Tensor], *, segmenter: Segmenter, options: GenSAMOptions
) -> GenSAMResult:
    """Masks of one image from its heatmaps (N,) of all passes, and the pass nearest to their mean.

    Full-resolution logits live for one pass only; of the earlier ones a running sum and the masks are kept.
    """
    embedding = segmenter.set_image(image)
    settled = EarlyStop()
    passes: list[PassRecord] = []
    total = box = low_res = None
    for heatmap in heatmaps:
        prompt = _prompt(heatmap, image.shape[:2], box, options)
        if low_res is not None and options.mask_feedback:
            prompt["mask_input"] = low_res
        answer = segmenter.predict(embedding, **prompt, multimask=True)
        scores = tuple(answer.scores.tolist())
        best = scores.index(max(scores))
        logits, low_res = answer.upsample(best), answer.low_res[best]
        total = logits.clone() if total is None else total.add_(logits)
        passes.append(_record(heatmap, prompt, scores, (logits > 0).cpu().numpy()))
        if options.adaptive_recursive and settled(logits):
            break
        box = box_from_mask(
            passes[-1].mask,
            clip=options.clip_box,
            components=options.box_components,
            symmetric=options.symmetric_box,
        )
    mean = total / len(passes)
    chosen, counts = disagreement([record.mask for record in passes], (mean > 0).cpu().numpy())
    return GenSAMResult(passes=passes, chosen=chosen, disagreement=counts, mean_logits=mean)


def _prompt(heatmap: Tensor, size: tuple[int, int], box: Box | None, options: GenSAMOptions) -> dict[str, Any]:
    """Points, negatives first, and the box of the pass before; the whole image where there is neither."""
    xy, labels = points_from_heatmap(
        heatmap, image_size=size, threshold=options.attn_thr, down_sample=options.down_sample
    )
    if len(xy) == 0:
        return {"box": box or (0, 0, size[1], size[0])}
    order = np.argsort(labels, kind="stable")
    return {"points": xy[order], "labels": labels[order], "box": box}


def _record(heatmap: Tensor, prompt: dict[str, Any], scores: tuple[float, ...], mask: np.ndarray) -> PassRecord:
    side = square_side(heatmap.numel())
    return PassRecord(
        heatmap=heatmap.reshape(side, side).numpy(),
        points=prompt.get("points", np.zeros((0, 2), np.int64)),
        labels=prompt.get("labels", np.zeros(0, np.int64)),
        box=prompt["box"],
        scores=scores,
        mask=mask,
    )
