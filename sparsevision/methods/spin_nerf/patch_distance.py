"""How patches look beside what is wanted; the features of a target are worked out once."""

from collections import OrderedDict

import torch
from torch import Tensor, nn


class PatchDistance:
    """LPIPS of rendered patches and targets, with the features of targets remembered by place.

    It is no module of the model: its weights are a metric's, frozen, and stay out of checkpoints.

    Args:
        lpips: with `features` and `distance` (see `sparsevision.layers.lpips.LPIPS`).
        remembered: so many targets are kept, the ones seen last.
    """

    def __init__(self, lpips: nn.Module, *, remembered: int = 0) -> None:
        self.lpips = lpips.eval().requires_grad_(False)
        self.remembered = remembered
        self.known: OrderedDict[tuple[int, ...], list[Tensor]] = OrderedDict()

    def __call__(self, rendered: Tensor, wanted: Tensor, *, places: Tensor) -> Tensor:
        """Distances (B,).

        Args:
            rendered, wanted: (B,h,w,3) in [0,1]; gradients flow to the first.
            places: (B,n) int, which target each one is.
        """
        self.lpips.to(rendered.device)
        targets = [self._target(patch, tuple(place)) for patch, place in zip(wanted, places.tolist(), strict=True)]
        layers = [torch.cat(layer) for layer in zip(*targets, strict=True)]
        return self.lpips.distance(self.lpips.features(to_lpips(rendered)), layers)

    def _target(self, patch: Tensor, place: tuple[int, ...]) -> list[Tensor]:
        if place in self.known:
            self.known.move_to_end(place)
            return self.known[place]
        with torch.no_grad():
            features = list(self.lpips.features(to_lpips(patch[None])))
        if self.remembered:
            self.known[place] = features
            if len(self.known) > self.remembered:
                self.known.popitem(last=False)
        return features


def to_lpips(images: Tensor) -> Tensor:
    """(B,h,w,3) in [0,1] to (B,3,h,w) in [-1,1]."""
    return 2 * images.permute(0, 3, 1, 2) - 1
