"""Losses that ask a prediction to be sure of itself, and the ramps with which they set in. They need no label."""

import math

import torch
from torch import Tensor

from sparsevision.layers.reduce import global_count
from sparsevision.methods.sparse_seg.losses import full_precision


def entropy_minimisation(probability: Tensor, *, threshold: float = 0.5) -> Tensor:
    """Mean entropy of the pixels that are nearly sure already: mean of H_i over {i : H_i < threshold}.

    H = -sum_c p_c log p_c in nats; a single channel is a foreground probability, [1 - p, p]. No such pixel: zero.

    Source: CRNet (He et al., AAAI 2023), which weighs it with `entropy_weight`.

    Args:
        probability: (B, C, H, W), summing to 1 over C > 1 classes, or (B, 1, H, W).
        threshold: highest entropy (exclusive) of a pixel that takes part; .5 nats is p = .80 of two classes.

    Returns:
        Scalar; zero where every pixel is certain, with a finite gradient.
    """
    values = full_precision(probability)
    if values.shape[1] == 1:
        values = torch.cat([1 - values, values], 1)
    smallest = torch.finfo(values.dtype).tiny  # log 0 has no gradient
    entropy = torch.special.entr(values.clamp(min=smallest)).sum(1)
    confident = entropy < threshold
    count = global_count(confident.sum().to(entropy.dtype))
    return (entropy * confident).sum() / count.clamp(min=smallest)


def uncertainty_aware_loss(probability: Tensor, *, power: float = 2) -> Tensor:
    """mean(1 - |2p - 1|^power): 1 where p = .5, 0 where p is 0 or 1.

    Source: ZoomNet (Pang et al., CVPR 2022); used by WS-SAM (He et al., NeurIPS 2023) with weight
    2 * `ramp_up_cosine`.

    Args:
        probability: foreground probability (B, 1, H, W), or (B, C, H, W) of C classes (each against the rest).
        power: at least 1.

    Returns:
        Scalar.
    """
    return (1 - (2 * full_precision(probability) - 1).abs().pow(power)).mean()


def entropy_weight(progress: float, *, highest: float = 0.05) -> float:
    """highest * exp(-5 (1 - t)^2), t = `progress` up to 1; zero before the start (t < 0).

    Source: Laine and Aila (ICLR 2017). CRNet: .05 for entropy (t from epoch 20 to the last), .15 for
    `feature_guided_loss` (from epoch 60).
    """
    return 0.0 if progress < 0 else highest * math.exp(-5 * (1 - min(progress, 1.0)) ** 2)


def ramp_up_cosine(progress: float, *, highest: float = 1.0) -> float:
    """highest * (1 - cos(pi t)) / 2, t = `progress` kept within [0, 1].

    Source: ZoomNet (Pang et al., CVPR 2022), over the whole training. The release of WS-SAM divides the step within
    its epoch by the steps of an epoch, so that its ramp starts anew each epoch: pass that for its numbers.
    """
    return highest * (1 - math.cos(math.pi * min(max(progress, 0.0), 1.0))) / 2
