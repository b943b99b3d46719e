"""Stage 0 as a model: the autoencoder of flow fields learns to give them back.

Source: Shi et al., Motion-I2V, SIGGRAPH 2024, section 3.2; Rombach et al., CVPR 2022, section 3.1 and appendix G.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.datasets.video.packing import VideoPreprocessor
from sparsevision.datasets.video.sample import VideoSample
from sparsevision.engine.model import MethodModel
from sparsevision.methods.motion_i2v.codecs import FlowVAECodec
from sparsevision.methods.motion_i2v.example import example_clips
from sparsevision.methods.motion_i2v.stage import stacked
from sparsevision.registry import MODELS, built
from sparsevision.utils import UserError

NEEDS_FLOW = "put LoadClipTruth into the pipeline, over a data set with `truth`"
SCALE_MOMENTUM = 0.99


@MODELS.register_module()
class FlowAutoencoder(MethodModel):
    """Flow to latents and back.

    `inputs` is {"video": float (B,3,1+F,H,W)}, which is not looked at; samples carry `gt_flow`. The checkpoint's
    `flow_codec.*` are those of a `MotionPredictor` with the same codec.

    Args:
        flow_codec: a `FlowVAECodec` or `TinyFlowVAE`, built or as a config.
        kl: weight of the latents' divergence from the standard normal, a sum over each field.
        track_scale: keep `latent_scale` at 1 / the root mean square of the latents, as a running mean; for codecs that
            have no published scale.
        frames: F of `example_batch`.

    Raises:
        UserError: a codec without weights to learn.
    """

    def __init__(
        self,
        *,
        flow_codec: nn.Module | dict,
        kl: float = 1e-6,
        track_scale: bool = False,
        frames: int = 15,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or VideoPreprocessor(), init_cfg=init_cfg)
        self.flow_codec = built(flow_codec)
        if not isinstance(self.flow_codec, FlowVAECodec):
            raise UserError(
                f"FlowAutoencoder: {type(self.flow_codec).__name__} has no weights to learn; take TinyFlowVAE or "
                "FlowVAECodec."
            )
        self.kl, self.track_scale, self.frames = kl, track_scale, frames
        self.register_buffer("square", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    optional_state = ("square", "weight")  # of the running scale

    def outputs(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> Tensor:
        """Flow of zeros there and back, (B,F,2,H,W)."""
        clips, _, frames, height, width = inputs["video"].shape
        return self._there_and_back(inputs["video"].new_zeros(clips, frames - 1, 2, height, width))

    def loss(self, inputs: dict[str, Tensor], data_samples: list[VideoSample]) -> dict[str, Tensor]:
        """{"loss_flow", "loss_kl"}: the mean absolute error in the autoencoder's units, and the divergence.

        Raises:
            UserError: samples lack `gt_flow`.
        """
        codec, flow = self.flow_codec, stacked(data_samples, "gt_flow", model="FlowAutoencoder", remedy=NEEDS_FLOW)
        codec.latent_size(tuple(flow.shape[-2:]))
        pictures = codec.normalise(flow).flatten(0, 1)
        latents = codec.autoencoder.encode(pictures)
        drawn = latents.mean + torch.exp(0.5 * latents.logvar) * torch.randn(latents.mean.shape).to(latents.mean)
        if self.track_scale and self.training:
            self._track(drawn.detach())
        back = codec.autoencoder.decode(drawn)
        return {"loss_flow": F.l1_loss(back.float(), pictures.float()), "loss_kl": self.kl * latents.kl().mean()}

    def _track(self, latents: Tensor) -> None:
        self.square.lerp_(latents.float().square().mean(), 1 - SCALE_MOMENTUM)
        self.weight.lerp_(torch.ones_like(self.weight), 1 - SCALE_MOMENTUM)
        self.flow_codec.latent_scale.copy_((self.weight / self.square).sqrt())

    @torch.no_grad()
    def predict(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> list[VideoSample]:
        """Add `pred_flow`, what is left of `gt_flow` after encoding it.

        Raises:
            UserError: samples lack `gt_flow`.
        """
        flow = stacked(data_samples or [], "gt_flow", model="FlowAutoencoder", remedy=NEEDS_FLOW)
        for sample, own in zip(data_samples, self._there_and_back(flow), strict=True):
            sample.pred_flow = own
        return data_samples

    def _there_and_back(self, flow: Tensor) -> Tensor:
        return self.flow_codec.decode(self.flow_codec.encode(flow))

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Random clips with flow: for benchmarks and the tests of configs."""
        return example_clips(size=size, count=count, frames=self.frames, rng=rng)
