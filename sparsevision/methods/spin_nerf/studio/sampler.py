"""Where along a ray the field is asked: nerfstudio's samplers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sparsevision.methods.spin_nerf.studio.package import nerfstudio


class StudioSampler(nn.Module):
    """Intervals of rays, evenly spaced first and then by the weights of what the first ones saw.

    nerfstudio asks a field in the middle of each interval, and the last interval ends at `far`; NeRF asks at its ends
    and lets the last one go on for ever. The two quadratures differ; `Renderer` has NeRF's.

    Args:
        num_samples: intervals of the first pass.
        num_fine_samples: new edges of the second pass; the edges of the first are kept.
        linear_in_disparity: spaced evenly in 1 / depth, or in depth.
        histogram_padding: is added to each weight of the first pass (NeRF: 1e-5).
        single_jitter: all edges of a ray are moved alike.

    Raises:
        ImportError: nerfstudio is not installed.
    """

    def __init__(
        self,
        *,
        num_samples: int = 64,
        num_fine_samples: int = 64,
        linear_in_disparity: bool = True,
        histogram_padding: float = 0.01,
        single_jitter: bool = False,
    ) -> None:
        super().__init__()
        why = type(self).__name__
        samplers = nerfstudio("model_components.ray_samplers", why=why)
        self._bundle = nerfstudio("cameras.rays", why=why).RayBundle
        spaced = samplers.LinearDisparitySampler if linear_in_disparity else samplers.UniformSampler
        self.spaced = spaced(num_samples=num_samples, single_jitter=single_jitter)
        self.by_weights = samplers.PDFSampler(
            num_samples=num_fine_samples,
            single_jitter=single_jitter,
            include_original=True,
            histogram_padding=histogram_padding,
        )

    def bundle(self, rays: Tensor, near: float | Tensor, far: float | Tensor) -> Any:
        """(R,6) origins and directions, and where they start and end, as nerfstudio's RayBundle.

        Directions keep their length, so that ray parameters are depths of the camera where ours are.
        """
        column = rays[:, :1].detach()
        return self._bundle(
            origins=rays[:, :3],
            directions=rays[:, 3:6],
            pixel_area=torch.ones_like(column),
            nears=torch.zeros_like(column) + near,
            fars=torch.zeros_like(column) + far,
        )

    def first(self, bundle: Any, *, generator: torch.Generator | None = None) -> Any:
        """RaySamples of the evenly spaced intervals, at random within them in training."""
        with random_numbers_of(generator):
            return self.spaced(bundle)

    def second(self, bundle: Any, samples: Any, weights: Tensor, *, generator: torch.Generator | None = None) -> Any:
        """RaySamples where the weights (R,S) of the first ones are large, sorted; without gradient."""
        with random_numbers_of(generator):
            return self.by_weights(bundle, samples, weights.detach()[..., None])


@contextmanager
def random_numbers_of(generator: torch.Generator | None) -> Iterator[None]:
    """Code that draws from torch's own generators draws from this one instead; None leaves everything as it is."""
    if generator is None:
        yield
        return
    cuda = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        yield
