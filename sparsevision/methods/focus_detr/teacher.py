"""A teacher that is the running mean of its student, kept in the student's checkpoint."""

import copy

import torch
from torch import Tensor, nn

from sparsevision.layers.reduce import global_count

SURENESS_MOMENTUM = 0.98


class Teacher(nn.Module):
    """A mean teacher (Tarvainen & Valpola, NeurIPS 2017): always in evaluation mode, never trained by gradients.

    The first update copies the student, so that a student whose weights are loaded after construction is no surprise.
    From then on weights are theta <- m theta + (1 - m) student with m = min(momentum, n / (9 + n)) after n updates;
    buffers are the student's.

    Args:
        student: the network to follow; it is copied.
        momentum: of the running mean, once it has been running for a while.
    """

    updates: Tensor
    sureness: Tensor

    def __init__(self, student: nn.Module, *, momentum: float = 0.999) -> None:
        super().__init__()
        self.momentum = momentum
        self.network = copy.deepcopy(student).requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.register_buffer("sureness", torch.zeros(()))
        self.train(False)

    def train(self, mode: bool = True) -> "Teacher":
        """Stays in evaluation mode, whatever its owner does."""
        return super().train(False)

    @torch.no_grad()
    def update(self, student: nn.Module) -> None:
        """Follow the student by one step."""
        pace = 1 - (self.updates / (9 + self.updates)).clamp(max=self.momentum)
        for mean, value in zip(self.network.parameters(), student.parameters(), strict=True):
            mean.lerp_(value, pace.to(mean.dtype))
        for mean, value in zip(self.network.buffers(), student.buffers(), strict=True):
            mean.copy_(value)
        self.updates += 1

    @torch.no_grad()
    def reckon(self, scores: Tensor) -> Tensor:
        """The running mean of what it is sure of, over all processes; scores (F,) of a step, maybe none."""
        total, count = global_count(torch.stack([scores.sum(), scores.new_tensor(float(len(scores)))]))
        mean = torch.where(count > 0, total / count.clamp(min=1e-6), self.sureness)
        pace = torch.where(self.sureness > 0, 1 - SURENESS_MOMENTUM, 1.0)
        self.sureness.lerp_(mean.to(self.sureness), pace.to(self.sureness))
        return self.sureness

    def relative(self, scores: Tensor) -> Tensor:
        """Scores (F,) as shares of what it is sure of; zeros while it has found nothing that was drawn."""
        return torch.where(self.sureness > 0, scores / self.sureness, torch.zeros_like(scores))
