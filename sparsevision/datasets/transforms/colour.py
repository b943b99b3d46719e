"""Transforms that change colours only."""

import numpy as np
from mmcv.transforms import BaseTransform

from sparsevision.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ColourJitter(BaseTransform):
    """Scale brightness, contrast and saturation of `img` by factors drawn from [1 - amount, 1 + amount].

    Draws from numpy's global generator, which SeededDataset seeds for every sample.

    Args:
        brightness, contrast, saturation: amounts; 0 leaves that property alone.
    """

    def __init__(self, *, brightness: float = 0.2, contrast: float = 0.2, saturation: float = 0.2) -> None:
        self.amounts = np.array([brightness, contrast, saturation])

    def transform(self, results: dict) -> dict:
        factors = 1 + self.amounts * np.random.uniform(-1, 1, size=3)  # noqa: NPY002 (seeded by SeededDataset)
        return {**results, "img": jitter(results["img"], *factors)}


def jitter(image: np.ndarray, brightness: float, contrast: float, saturation: float) -> np.ndarray:
    """image uint8 (H, W, 3): blend with black, with its mean grey and with its own grey, in this order."""
    values = image.astype(np.float32) * brightness
    mean = values.mean()
    values = mean + (values - mean) * contrast
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * saturation
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
