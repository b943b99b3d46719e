"""How CPCM's weights and learning rate move over a training (Liu et al., ICCV 2023)."""

import math
from typing import Any, Self

from mmengine.optim.scheduler import PolyLR
from mmengine.registry import PARAM_SCHEDULERS


def ramp_up(epoch: int, *, length: float = 5) -> float:
    """Factor of the unsupervised terms in an epoch: exp(-5 (1 - min(epoch, length) / length)^2).

    Args:
        epoch: from 0.
        length: epochs until the factor is 1; 0 for no ramp.

    Returns:
        0.0067 in epoch 0 to 1.

    Raises:
        ValueError: an epoch before the first.
    """
    if epoch < 0:
        raise ValueError(f"epoch: counts from 0, got {epoch}")
    if length <= 0:
        return 1.0
    return math.exp(-5 * (1 - min(epoch, length) / length) ** 2)


@PARAM_SCHEDULERS.register_module()
class PublishedPolyLR(PolyLR):
    """mmengine's `PolyLR`, with the decay spread as released when a config counts in epochs.

    The rate in iteration s of S is base * (1 - s / (S + 1)) ^ power, which is above zero in the last one. mmengine
    divides by `end` - 1 instead, so it needs an `end` of S + 2; with `by_epoch=True, convert_to_iter_based=True` it is
    put there. For a config that counts in iterations, `PolyLR(by_epoch=False, end=S + 2)` is the same.
    """

    @classmethod
    def build_iter_from_epoch(
        cls, *args: Any, begin: int = 0, end: int, epoch_length: int, by_epoch: bool = True, **kwargs: Any
    ) -> Self:
        """The schedule in iterations for epochs `begin` to `end` of `epoch_length` iterations each."""
        if not by_epoch:
            raise ValueError("by_epoch: convert_to_iter_based is for a schedule that counts in epochs")
        return cls(*args, begin=begin * epoch_length, end=end * epoch_length + 2, by_epoch=False, **kwargs)
