"""Which tokens a detector's sparse encoder keeps for a photograph."""

from dataclasses import dataclass

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from numpy.typing import NDArray

from sparsevision.apis.detection import DetInferencer
from sparsevision.utils import UserError
from sparsevision.visualization import draw_token_sheet


@dataclass(frozen=True)
class KeptTokens:
    """Tokens of one image; they are the pixels of the levels, row by row, level after level.

    Attributes:
        kept: for each encoder layer the numbers (k,) of the tokens that it updates, by falling foreground score.
        shapes: (height, width) of each level, the finest first.
        scores: (N,) float32 in [0,1], the foreground score of each token.
    """

    kept: list[NDArray[np.int64]]
    shapes: list[tuple[int, int]]
    scores: NDArray[np.float32]

    def draw(self, image: NDArray[np.uint8], **first: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The scores and the tokens of each layer over the image (H,W,3); `first`: title=picture, before them."""
        return draw_token_sheet(image, self.kept, self.shapes, scores=self.scores, first=first)


@torch.inference_mode()
def kept_tokens(inferencer: DetInferencer, image: NDArray[np.uint8]) -> KeptTokens:
    """Run backbone, neck, selector and encoder on one image, uint8 RGB (H,W,3).

    Raises:
        UserError: the method chooses no tokens.
    """
    model = inferencer.model
    if not hasattr(getattr(model, "network", None), "encode"):
        raise UserError(f"{type(model).__name__} has no encoder over tokens; a config of configs/focus_detr is needed.")
    data = model.data_preprocessor(pseudo_collate([inferencer.prepare(image)]), False)
    height, width = data["data_samples"][0].img_shape
    encoded = model.network.encode(data["inputs"]["image"][:, :, :height, :width], [(height, width)])
    if encoded.foreground_logits is None:
        raise UserError("this model's encoder is dense: it keeps every token, so there is nothing to show.")
    layers = zip(encoded.kept, encoded.kept_valid, strict=True)
    return KeptTokens(
        kept=[kept[0][valid[0]].cpu().numpy() for kept, valid in layers],
        shapes=[tuple(shape) for shape in encoded.shapes],
        scores=encoded.foreground_logits[0].float().sigmoid().cpu().numpy(),
    )
