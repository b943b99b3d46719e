"""Multiply-adds of a detector by part, counted while it runs; what samples features is not counted, as in papers."""

from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

PARTS = ("backbone", "neck", "selector", "encoder", "decoder")


def multiply_adds(model: nn.Module, run: Callable[[], object]) -> dict[str, float]:
    """Thousand millions (GMAC) of each of `PARTS` and of "all".

    Args:
        model: a detector whose `network` has the parts.
        run: lets it look at images.
    """
    counter = FlopCounterMode(display=False)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # fused attention is not counted
    try:
        with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            run()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    counts = counter.get_flop_counts()
    found = {part: _gmac(counts, f"{type(model).__name__}.network.{part}") for part in PARTS}
    return found | {"all": _gmac(counts, "Global")}


def _gmac(counts: Mapping[str, Mapping], module: str) -> float:
    return sum(counts.get(module, {}).values()) / 2 / 1e9
