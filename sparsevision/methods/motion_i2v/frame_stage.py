"""Stage 2 as a model: it renders the frames of a clip from its first one, along given motion.

Source: Shi et al., Motion-I2V, SIGGRAPH 2024, section 3.3; given the motion of another clip and a restyled first frame
it is their video-to-video translation (section 4.3).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sparsevision.datasets.video.sample import VideoSample
from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.attention import MotionAugmentedAttention, TemporalAttention, WarpedSumAttention
from sparsevision.methods.motion_i2v.brush import paste_frozen
from sparsevision.methods.motion_i2v.example import example_clips
from sparsevision.methods.motion_i2v.predictors import frame_network
from sparsevision.methods.motion_i2v.sampling import Guidance, OnStep
from sparsevision.methods.motion_i2v.schedule import clip_noise, seeded
from sparsevision.methods.motion_i2v.stage import (
    DiffusionStage,
    fresh_generators,
    learn_only,
    seeds_of,
    squared_error,
    stacked,
)
from sparsevision.methods.motion_i2v.stage_two import sample_frames, with_reference_field
from sparsevision.methods.motion_i2v.unet import stage2_unet
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean
from sparsevision.utils.settings import settings_of

PARTS = {"all": None, "motion_modules": "motion_modules."}
TEMPORAL = {
    "motion_augmented": MotionAugmentedAttention,
    "warped_sum": WarpedSumAttention,
    "vanilla": TemporalAttention,
}
NEEDS_FLOW = "put LoadClipTruth into the pipeline, or render along predicted motion with MotionI2V"


@MODELS.register_module()
class FrameRenderer(DiffusionStage):
    """From the first frame, text and the motion of every later frame to the frames.

    `inputs` is {"video": float (B,3,1+F,H,W) in [0,1]}; predicting looks at its first frame alone. Samples carry
    `gt_flow`, and in predicting maybe `brush`.

    Args:
        frames: F, the number of flow fields; the clip has one frame more.
        architecture: settings of `Architecture`, without the kind of attention.
        temporal: attention over time: "motion_augmented"; "warped_sum", which adds warped features and was the weaker
            way (paper, table 2); or "vanilla", which sees no motion.
        trains: which weights learn: "all", or the "motion_modules".
        legacy_batch_mixing: see `MotionFields`.
        gradient_checkpointing: compute activations again in the backward pass.
        kwargs: see `DiffusionStage`.

    Raises:
        UserError: settings that do not exist or do not fit.
    """

    def __init__(
        self,
        *,
        frames: int = 15,
        architecture: Mapping | None = None,
        temporal: str = "motion_augmented",
        trains: str = "motion_modules",
        legacy_batch_mixing: bool = False,
        gradient_checkpointing: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if temporal not in TEMPORAL:
            known = f"expected one of {', '.join(TEMPORAL)}.{did_you_mean(temporal, TEMPORAL)}"
            raise UserError(f"temporal='{temporal}'; {known}")
        self.frames = frames
        self.unet = stage2_unet(
            architecture=settings_of(Architecture, architecture or {}),
            temporal_attention=TEMPORAL[temporal],
            in_channels=self.image_codec.latent_channels,
            out_channels=self.image_codec.latent_channels,
            legacy_batch_mixing=legacy_batch_mixing,
            gradient_checkpointing=gradient_checkpointing,
        )
        learn_only(self.unet, parts=PARTS, chosen=trains)

    def loss(self, inputs: dict[str, Tensor], data_samples: list[VideoSample]) -> dict[str, Tensor]:
        """{"loss_frames"}, the error of the network's answer for frames 1 .. F at a random time of each clip.

        Raises:
            UserError: samples lack `gt_flow`, or it does not fit the clips.
        """
        flow = stacked(data_samples, "gt_flow", model="FrameRenderer", remedy=NEEDS_FLOW)
        clean = self.encode_images(inputs["video"], fresh_generators(len(flow)))
        latents, times, target = self.noised(clean)
        latents = torch.cat([clean[:, :, :1], latents[:, :, 1:]], dim=2)
        kept = (torch.rand(len(flow)) >= self.motion_drop).to(flow).view(-1, 1, 1, 1, 1)
        answer = self._network(latents, times, self.training_text(data_samples), flow * kept)
        return {"loss_frames": squared_error(answer[:, :, 1:], target[:, :, 1:])}

    def _network(self, latents: Tensor, times: Tensor, text: Tensor | None, flow: Tensor) -> Tensor:
        moves = self.unet.architecture.temporal_attention.needs_motion
        return self.unet(latents, times, text, flow=with_reference_field(flow) if moves else None)

    @torch.no_grad()
    def sample(
        self,
        image: Tensor,
        *,
        flow: Tensor,
        seeds: Sequence[int],
        prompts: Sequence[str] | None = None,
        negative_prompts: Sequence[str] | None = None,
        steps: int | None = None,
        guidance: Guidance | None = None,
        brush: ArrayLike | None = None,
        exact_freezing: bool | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Video (B,3,1+F,H,W) in [0,1]; its first frame is the image itself.

        Args:
            image: (B,3,H,W) in [0,1].
            flow: (B,F,2,H,W) in pixels from the image to each later frame.
            seeds: one a clip; the same seed gives the same video, whatever else is in the batch.
            prompts: one a clip; None for no words.
            negative_prompts: one a clip, for guidance by text.
            steps: of DDIM; None as configured.
            guidance: None as configured.
            brush: (H,W) or (B,H,W), 1 = frozen.
            exact_freezing: frozen pixels equal the image; None as the preset says.
            on_step: told (steps done, steps, latents).

        Raises:
            UserError: see `sample_frames`.
        """
        generators = seeded(seeds)
        exact = self.switches.exact_freezing if exact_freezing is None else exact_freezing
        reference = self.encode_images(image[:, :, None], generators)[:, :, 0]
        noise = clip_noise((reference.shape[1], 1 + flow.shape[1], *reference.shape[2:]), generators).to(image)
        latents = sample_frames(
            frame_network(self.unet),
            reference=reference,
            noise=noise,
            flow=flow,
            brush=brush,
            exact_freezing=exact,
            legacy_batch_mixing=self.unet.legacy_batch_mixing,
            on_step=on_step,
            **self.sampling_options(
                len(image), prompts=prompts, negative_prompts=negative_prompts, steps=steps, guidance=guidance
            ),
        )
        later = self.image_codec.decode(latents[:, :, 1:])
        video = torch.cat([image[:, :, None], later.to(image)], dim=2)
        return paste_frozen(video, image, brush) if exact and brush is not None else video

    def predict(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> list[VideoSample]:
        """Add `pred_video`, along the samples' `gt_flow`.

        Raises:
            UserError: samples lack `gt_flow`.
        """
        flow = stacked(data_samples or [], "gt_flow", model="FrameRenderer", remedy=NEEDS_FLOW)
        return self.render(inputs["video"][:, :, 0], flow, data_samples)

    def render(self, image: Tensor, flow: Tensor, samples: list[VideoSample]) -> list[VideoSample]:
        """Add `pred_video` along a flow (B,F,2,H,W) to samples of images (B,3,H,W)."""
        return with_video(samples, self.sample(image, flow=flow, **told_by(samples, tuple(image.shape[-2:]))))

    def outputs(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> Tensor:
        """The network's answer to a clip at rest at the last time of the schedule, (B,c,1+F,h,w)."""
        video = inputs["video"]
        frames, height, width = video.shape[2:]
        latents = self.encode_images(video, None)
        last = torch.full((len(video),), self.schedule.steps - 1, device=video.device)
        flow = video.new_zeros(len(video), frames - 1, 2, height, width)
        return self._network(latents, last, self.encode_text(None, len(video)), flow)

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Random clips with flow: for benchmarks and the tests of configs."""
        return example_clips(size=size, count=count, frames=self.frames, rng=rng)


def told_by(samples: Sequence[VideoSample], size: tuple[int, int]) -> dict[str, Any]:
    """What samples say to a sampler of frames: seeds, prompts and, where one has it, the brush (B,H,W)."""
    still = torch.zeros(size, dtype=torch.bool)
    brush = torch.stack([sample.brush.cpu() if "brush" in sample else still for sample in samples])
    return {
        "seeds": seeds_of(samples),
        "prompts": [sample.get("prompt", "") for sample in samples],
        "brush": brush if brush.any() else None,
    }


def with_video(samples: list[VideoSample], video: Tensor) -> list[VideoSample]:
    """The samples with `pred_video` of a batch (B,3,1+F,H,W)."""
    for sample, own in zip(samples, video, strict=True):
        sample.pred_video = own
    return samples
