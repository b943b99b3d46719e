"""Motion-I2V as a whole: stage 1 says what moves where, stage 2 renders it (Shi et al., SIGGRAPH 2024)."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sparsevision.datasets.video.packing import VideoPreprocessor
from sparsevision.datasets.video.sample import VideoSample
from sparsevision.engine.model import MethodModel
from sparsevision.methods.motion_i2v.brush import clip_brush, paste_frozen
from sparsevision.methods.motion_i2v.frame_stage import FrameRenderer, told_by, with_video
from sparsevision.methods.motion_i2v.motion_stage import MotionPredictor
from sparsevision.methods.motion_i2v.resizing import nearest_brush, resize_clip, resize_flow, resize_pictures
from sparsevision.registry import MODELS, built
from sparsevision.utils import UserError


@MODELS.register_module()
class MotionI2V(MethodModel):
    """From an image, text and sparse tracks to a video.

    `inputs` is {"video": float (B,3,1+F,H,W) in [0,1]}, in predicting of the first frame alone. Samples as of
    `MotionPredictor`. The weights are `motion.*` and `frames.*`; the two stages are trained one by one.

    Args:
        motion: a `MotionPredictor`, built or as a config.
        frames: a `FrameRenderer`, built or as a config.
        frame_size: (height, width) at which the second stage works, for one that has learned on smaller frames than the
            first; its frames are enlarged to the image's size. None is the image's size.

    Raises:
        UserError: the stages make clips of different lengths.
    """

    def __init__(
        self,
        *,
        motion: MotionPredictor | dict,
        frames: FrameRenderer | dict,
        frame_size: tuple[int, int] | None = None,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or VideoPreprocessor(), init_cfg=init_cfg)
        self.motion, self.frames = built(motion), built(frames)
        self.frame_size = None if frame_size is None else tuple(frame_size)
        if self.motion.frames != self.frames.frames:
            raise UserError(
                f"MotionI2V: motion.frames={self.motion.frames} and frames.frames={self.frames.frames}; both count the "
                "frames after the first one and must be equal."
            )

    def outputs(
        self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None
    ) -> tuple[Tensor, Tensor]:
        """A call of each network."""
        return self.motion.outputs(inputs), self.frames.outputs(inputs)

    def loss(self, inputs: dict[str, Tensor], data_samples: list[VideoSample]) -> dict[str, Tensor]:
        """The terms of both stages."""
        return self.motion.loss(inputs, data_samples) | self.frames.loss(inputs, data_samples)

    @torch.no_grad()
    def predict(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> list[VideoSample]:
        """Add `pred_flow` and `pred_video`."""
        samples = self.motion.predict(inputs, data_samples)
        flow = torch.stack([sample.pred_flow for sample in samples])
        image = inputs["video"][:, :, 0]
        return with_video(samples, self.render(image, flow=flow, **told_by(samples, tuple(image.shape[-2:]))))

    @torch.no_grad()
    def render(
        self,
        image: Tensor,
        *,
        flow: Tensor,
        brush: ArrayLike | None = None,
        exact_freezing: bool | None = None,
        **options,
    ) -> Tensor:
        """Video (B,3,1+F,H,W) in [0,1] along a flow, by the second stage; see `FrameRenderer.sample`."""
        size, options = tuple(image.shape[-2:]), options | {"exact_freezing": exact_freezing}
        if self.frame_size in (None, size):
            return self.frames.sample(image, flow=flow, brush=brush, **options)
        frozen = (
            None if brush is None else clip_brush(brush, clips=len(image), size=size).expand(len(image), 1, 1, *size)
        )
        small = self.frames.sample(
            resize_pictures(image, self.frame_size),
            flow=resize_flow(flow, self.frame_size),
            brush=None if frozen is None else nearest_brush(frozen, self.frame_size),
            **options,
        )
        video = torch.cat([image[:, :, None], resize_clip(small[:, :, 1:], size)], dim=2)
        exact = self.frames.switches.exact_freezing if exact_freezing is None else exact_freezing
        return paste_frozen(video, image, frozen[:, 0, 0]) if exact and frozen is not None else video

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Random clips with flow and tracks: for benchmarks and the tests of configs."""
        return self.motion.example_batch(size=size, count=count, rng=rng)
