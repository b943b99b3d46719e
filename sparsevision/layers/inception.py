"""The features that FID compares: torch-fidelity's Inception with weights from a file of the user; fetches nothing."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from sparsevision.engine.checkpoint import load_checkpoint, save_checkpoint, weights_of
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, require

FILE = "weights-inception-2015-12-05-6726825d.pth"
SOURCE = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"


@MODELS.register_module()
class InceptionFeatures(nn.Module):
    """Images (B,3,H,W) uint8 -> features (B,2048) of the Inception network that FID is defined with; frozen.

    Args:
        weights: the file of torch-fidelity, or one with the same tensors.

    Raises:
        UserError: the file is not there; says where to get it.
        CheckpointError: it is damaged, or holds more than tensors.
        ImportError: torch-fidelity is not installed.
    """

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        path = Path(weights).expanduser()
        if not path.is_file():
            raise UserError(
                f"fid: there are no Inception weights at '{weights}'; nothing is downloaded. Get {SOURCE} (91 MB) and "
                "give its path, or leave fid out."
            )
        fidelity = require("torch_fidelity.feature_extractor_inceptionv3", extra="nerf", why="FID")
        # The package unpickles whatever it is given, so it is given a copy of nothing but the tensors.
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / FILE
            save_checkpoint(weights_of(load_checkpoint(path)), copy)
            try:
                self.network = fidelity.FeatureExtractorInceptionV3("inception", ["2048"], str(copy))
            except RuntimeError as error:
                raise UserError(f"{path}: not the Inception weights of FID ({error}). Get {SOURCE}.") from error

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features (B,2048) float32."""
        return self.network(images)[0]
