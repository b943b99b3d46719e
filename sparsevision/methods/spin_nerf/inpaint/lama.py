"""LaMa as an inpainter: the choice of Mirzaei et al. (2023, Sec. 4.2) for colours and for disparities."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.engine import load_checkpoint, load_state_dict, weights_of
from sparsevision.methods.spin_nerf.inpaint.base import Inpainter
from sparsevision.methods.spin_nerf.inpaint.lama_network import LaMaGenerator, generator_weights
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

STRIDE = 8
FULL = 255


@MODELS.register_module()
class LaMaInpainter(Inpainter):
    """big-lama with the official weights. Deterministic.

    The published pipeline calls LaMa's refiner, which at these sizes (shorter side below 724 pixels) is the plain
    network after five dilations: give `dilation=5`.

    Args:
        checkpoint: the official `best.ckpt` of big-lama. It holds more than tensors: pass it through
            `tools/model_converters/make_safe.py` first. None keeps `network` as it is.
        network: another generator to load into or to use; big-lama's shape by default.
        dilation: see `Inpainter`.
        device: to run on.

    Raises:
        UserError: neither weights nor a network, weights not there, or not those of this network.
    """

    def __init__(
        self,
        *,
        checkpoint: str | Path | None = None,
        network: LaMaGenerator | None = None,
        dilation: int = 0,
        device: str = "cpu",
    ) -> None:
        super().__init__(dilation=dilation)
        if checkpoint is None and network is None:
            raise UserError(
                "LaMaInpainter needs checkpoint=PATH, the best.ckpt of big-lama (get it from LaMa's authors, then "
                "python tools/model_converters/make_safe.py best.ckpt big_lama.pth). Without it PatchMatchInpainter or "
                "OpenCVInpainter fill holes."
            )
        self.network = LaMaGenerator() if network is None else network
        if checkpoint is not None:
            state = generator_weights(dict(weights_of(load_checkpoint(checkpoint))))
            load_state_dict(self.network, state, source=str(checkpoint))
        self.network.requires_grad_(False).eval().to(device)
        self.device = device

    def fill_colours(self, image: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        colours = torch.from_numpy(image).permute(2, 0, 1).float() / FULL
        filled = self._fill(colours, torch.from_numpy(mask))
        return (filled.clamp(0, 1) * FULL).round().to(torch.uint8).permute(1, 2, 0).numpy()

    def fill_disparities(self, disparity: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        """As a grey picture: disparities of a scaled scene lie in [0, 1]; larger ones are divided by the largest."""
        largest = max(1.0, float(disparity[~mask].max()))
        grey = torch.from_numpy(np.where(mask, 0, disparity / np.float32(largest)))
        filled = self._fill(grey.expand(3, -1, -1), torch.from_numpy(mask))
        return filled[0].numpy() * np.float32(largest)

    @torch.inference_mode()
    def _fill(self, colours: Tensor, mask: Tensor) -> Tensor:
        """colours (3,H,W) in [0,1], mask (H,W) -> (3,H,W)."""
        hole = mask[None].float()
        inputs = pad_to_multiple(torch.cat([colours * (1 - hole), hole])[None], STRIDE)
        filled = self.network(inputs.to(self.device))[0].cpu()
        return filled[:, : mask.shape[0], : mask.shape[1]]


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """(B,C,H,W) padded to the right and below by reflection, up to multiples of `multiple`."""
    height, width = images.shape[-2:]
    return F.pad(images, (0, -width % multiple, 0, -height % multiple), mode="reflect")
