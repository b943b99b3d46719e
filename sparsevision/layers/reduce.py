"""Sums over the processes of a distributed run, for losses that are normalised by what all processes see together."""

import torch
from torch import Tensor
from torch import distributed as dist


def global_count(count: Tensor) -> Tensor:
    """Mean over all processes of `count`, without gradient; `count` itself where one process runs.

    DistributedDataParallel averages gradients over processes. A loss `sum / global_count(n)` therefore gets the
    gradient of `sum over all / number over all`: two processes train as one with both batches, however labels are
    spread. Call it on every process in every step, also where this process has none; clamp after it, not before.

    Args:
        count: number of labels here, any shape, integer or float.
    """
    total = count.detach().to(torch.get_default_dtype() if not count.is_floating_point() else count.dtype, copy=True)
    if not (dist.is_available() and dist.is_initialized()):
        return total
    dist.all_reduce(total)
    return total / dist.get_world_size()
