"""Batch statistics of the masked pass, kept apart from those that evaluation uses."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


class MaskedStatistics(nn.Module):
    """A second set of running statistics for every batch normalisation of a network.

    Published, the masked forward comes last in every step and moves the running statistics towards those of clouds
    that are mostly grey; evaluation sees no such cloud. Inside `use` the network counts into this set instead; weights
    and batch statistics are the same either way.

    Args:
        network: whose batch normalisations, in its order, have a set here.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for index, layer in enumerate(batch_norms(network)):
            for name in BUFFERS:
                self.register_buffer(f"{name}_{index}", getattr(layer, name).clone())

    @contextmanager
    def use(self, network: nn.Module) -> Iterator[None]:
        """Inside of the block the network's running statistics are those of the masked pass."""
        layers = batch_norms(network)
        self._exchange(layers)
        try:
            yield
        finally:
            self._exchange(layers)

    def _exchange(self, layers: list[nn.BatchNorm1d]) -> None:
        for index, layer in enumerate(layers):
            for name in BUFFERS:
                mine: Tensor = getattr(self, f"{name}_{index}")
                setattr(self, f"{name}_{index}", getattr(layer, name))
                setattr(layer, name, mine)


def batch_norms(network: nn.Module) -> list[nn.BatchNorm1d]:
    """Its batch normalisations, in order."""
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
