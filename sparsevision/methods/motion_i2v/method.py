"""Motion-I2V as a whole: stage 1 says what moves where, stage 2 renders it (Shi et al., SIGGRAPH 2024)."""

from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from sparsevision.datasets.video.packing import VideoPreprocessor
from sparsevision.datasets.video.sample import VideoSample
from sparsevision.methods.motion_i2v.frame_stage import FrameRenderer
from sparsevision.methods.motion_i2v.motion_stage import MotionPredictor
from sparsevision.registry import MODELS, built
from sparsevision.utils import UserError


@MODELS.register_module()
class MotionI2V(BaseModel):
    """From an image, text and sparse tracks to a video.

    `inputs` is {"video": float (B,3,1+F,H,W) in [0,1]}, in predicting of the first frame alone. Samples as of
    `MotionPredictor`. The weights are `motion.*` and `frames.*`; the two stages are trained one by one.

    Args:
        motion: a `MotionPredictor`, built or as a config.
        frames: a `FrameRenderer`, built or as a config.

    Raises:
        UserError: the stages make clips of different lengths.
    """

    def __init__(
        self,
        *,
        motion: MotionPredictor | dict,
        frames: FrameRenderer | dict,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or VideoPreprocessor(), init_cfg=init_cfg)
        self.motion, self.frames = built(motion), built(frames)
        if self.motion.frames != self.frames.frames:
            raise UserError(
                f"MotionI2V: motion.frames={self.motion.frames} and frames.frames={self.frames.frames}; both count the "
                "frames after the first one and must be equal."
            )

    def forward(
        self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None, mode: str = "tensor"
    ) -> tuple[Tensor, Tensor] | dict[str, Tensor] | list[VideoSample]:
        """A call of each network for "tensor", the terms of both stages for "loss", predicted samples for "predict"."""
        if mode == "tensor":
            return self.motion(inputs), self.frames(inputs)
        if mode == "loss":
            return self.motion.loss(inputs, data_samples) | self.frames.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode={mode!r}; expected 'tensor', 'loss' or 'predict'")

    @torch.no_grad()
    def predict(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> list[VideoSample]:
        """Add `pred_flow` and `pred_video`."""
        samples = self.motion.predict(inputs, data_samples)
        flow = torch.stack([sample.pred_flow for sample in samples])
        return self.frames.render(inputs["video"][:, :, 0], flow, samples)

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Random clips with flow and tracks: for benchmarks and the tests of configs."""
        return self.motion.example_batch(size=size, count=count, rng=rng)
