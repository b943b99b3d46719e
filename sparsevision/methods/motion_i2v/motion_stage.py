"""Stage 1 as a model: it learns flow from clips, and predicts it from an image, steered by a few tracks.

Source: Shi et al., Motion-I2V, SIGGRAPH 2024, sections 3.2 and 3.4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sparsevision.datasets.video.sample import VideoSample
from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.brush import clip_brush
from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.example import example_clips
from sparsevision.methods.motion_i2v.painting import painted_sample
from sparsevision.methods.motion_i2v.predictors import motion_network
from sparsevision.methods.motion_i2v.regions import BoxRegion, Region
from sparsevision.methods.motion_i2v.sampling import Guidance, OnStep
from sparsevision.methods.motion_i2v.schedule import clip_noise, seeded
from sparsevision.methods.motion_i2v.sparse_samplers import DenseMotion, DenseToSparse, SparseSampler, sample_batch
from sparsevision.methods.motion_i2v.stage import (
    DiffusionStage,
    fresh_generators,
    learn_only,
    seeds_of,
    squared_error,
    stacked,
    training_progress,
)
from sparsevision.methods.motion_i2v.stage_one import PUBLISHED_STRIDE, decode_motion, frame_strides, sample_motion
from sparsevision.methods.motion_i2v.tracks import PUBLISHED_UNIT
from sparsevision.methods.motion_i2v.unet import stage1_unet
from sparsevision.registry import MODELS, built
from sparsevision.utils import UserError
from sparsevision.utils.settings import settings_of

PARTS = {"all": None, "motion_modules": "motion_modules.", "controlnet": ""}
NEEDS_FLOW = "put LoadClipTruth into the pipeline, over a data set with `truth`"


@MODELS.register_module()
class MotionPredictor(DiffusionStage):
    """From an image, text and sparse tracks to the motion of each of the F frames after it.

    `inputs` is {"video": float (B,3,1+F,H,W) in [0,1]}, of which the first frame alone is looked at. In training,
    samples carry `gt_flow`, and `objects` and `gt_visible` for the sampler of sparse motion. In predicting they may
    carry `clicks`, or `starts` and `tracks`, and `brush`. The paper's trainings, one after the other: a single field
    (clips of two frames, "all"), the "motion_modules", "all", and the "controlnet".

    Args:
        frames: F, the number of flow fields.
        flow_codec: of flow, built or as a config.
        architecture: settings of `Architecture`.
        controlnet: its `stem_channels`; None for a network that tracks cannot steer.
        sparse: draws sparse motion from dense motion, built or as a config; for training the ControlNet.
        region: what moves with a track's start, built or as a config; a box of 128 pixels by default, as released.
        trains: which weights learn: "all" of the UNet, its "motion_modules", or the "controlnet".
        stride: frames of an imagined source clip between two frames; larger is more motion.
        control_scale: how strongly tracks act.
        compare_free: `predict` also predicts without the tracks, to compare with.
        gradient_checkpointing: compute activations again in the backward pass.
        kwargs: see `DiffusionStage`.

    Raises:
        UserError: settings that do not exist or do not fit.
    """

    def __init__(
        self,
        *,
        frames: int = 15,
        flow_codec: nn.Module | dict,
        architecture: Mapping | None = None,
        controlnet: Mapping | None = None,
        sparse: SparseSampler | DenseToSparse | dict | None = None,
        region: Region | dict | None = None,
        trains: str = "all",
        stride: float = PUBLISHED_STRIDE,
        control_scale: float = 1.0,
        compare_free: bool = False,
        gradient_checkpointing: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.frames, self.stride = frames, stride
        self.control_scale, self.compare_free = control_scale, compare_free
        self.flow_codec = built(flow_codec).requires_grad_(False)
        self.unet = stage1_unet(
            architecture=settings_of(Architecture, architecture or {}),
            in_channels=self.image_codec.latent_channels + self.flow_codec.latent_channels,
            out_channels=self.flow_codec.latent_channels,
            gradient_checkpointing=gradient_checkpointing,
        )
        self.controlnet = None
        if controlnet is not None:
            self.controlnet = TrajectoryControlNet.from_unet(
                self.unet,
                condition_channels=self.flow_codec.latent_channels + 1,
                gradient_checkpointing=gradient_checkpointing,
                **controlnet,
            )
        self.sparse = built(sparse) if sparse is not None else None
        self.region = BoxRegion(PUBLISHED_UNIT) if region is None else built(region)
        self._choose(trains)

    def _choose(self, trains: str) -> None:
        learn_only(self.unet, parts=PARTS, chosen=trains)
        self.trains, steered = trains, trains == "controlnet"
        if steered and (self.controlnet is None or self.sparse is None):
            raise UserError("trains='controlnet' needs the settings `controlnet` and `sparse`.")
        if self.controlnet is not None:
            self.controlnet.requires_grad_(steered)

    def completed_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A state without a ControlNet, of one of the trainings before it, with one that copies the UNet."""
        if self.controlnet is None or any(name.startswith("controlnet.") for name in state):
            return dict(state)
        own = {name.removeprefix("unet."): value for name, value in state.items() if name.startswith("unet.")}
        copied = self.controlnet.state_dict() | {
            name: own[name] for name in self.controlnet.state_dict() if name in own
        }
        return dict(state) | {f"controlnet.{name}": value for name, value in copied.items()}

    def loss(self, inputs: dict[str, Tensor], data_samples: list[VideoSample]) -> dict[str, Tensor]:
        """{"loss_motion"}, the error of the network's answer at a random time of each clip.

        Raises:
            UserError: samples lack `gt_flow`, or it does not fit the clips.
        """
        flow = stacked(data_samples, "gt_flow", model="MotionPredictor", remedy=NEEDS_FLOW)
        generators = fresh_generators(len(flow))
        image = self.encode_images(inputs["video"][:, :, :1], generators)
        with torch.no_grad():
            clean = self.flow_codec.encode(flow, generators=generators if self.switches.drawn_latents else None)
            control = self._training_control(flow, data_samples, generators)
        latents, times, target = self.noised(clean)
        sample = torch.cat([image.expand(-1, -1, clean.shape[2], -1, -1), latents], dim=1)
        network = motion_network(self.unet, self.controlnet, strides=self._strides(data_samples, clean.shape[2]))
        answer = network(sample, times, self.training_text(data_samples), control)
        return {"loss_motion": squared_error(answer, target)}

    def _training_control(
        self, flow: Tensor, samples: Sequence[VideoSample], generators: Sequence[torch.Generator]
    ) -> Tensor | None:
        if self.trains != "controlnet":
            return None
        sampler = self.sparse.at(training_progress()) if isinstance(self.sparse, DenseToSparse) else self.sparse
        clips = [
            DenseMotion(
                flow=own,
                objects=sample.objects > 0 if "objects" in sample else None,
                visible=sample.get("gt_visible"),
            )
            for own, sample in zip(flow, samples, strict=True)
        ]
        sparse, mask = sample_batch(sampler, clips, generators)
        kept = (torch.rand(len(flow)) >= self.motion_drop).to(mask).view(-1, 1, 1, 1, 1)
        return self._condition(sparse * kept, mask * kept, generators)

    def _condition(self, flow: Tensor, mask: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        return self.flow_codec.condition(flow, mask, generators=generators if self.switches.drawn_latents else None)

    def _strides(self, samples: Sequence[VideoSample] | None, frames: int) -> Tensor:
        """(F,), or (B,F) where the samples know them."""
        if samples and all("offsets" in sample for sample in samples):
            return torch.tensor([sample.offsets for sample in samples], device=self.device)
        return frame_strides(frames, stride=self.stride).to(self.device)

    @torch.no_grad()
    def sample(
        self,
        image: Tensor,
        *,
        seeds: Sequence[int],
        tracks: tuple[Tensor, Tensor] | None = None,
        prompts: Sequence[str] | None = None,
        negative_prompts: Sequence[str] | None = None,
        steps: int | None = None,
        guidance: Guidance | None = None,
        brush: ArrayLike | None = None,
        strides: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Flow (B,F,2,H,W) in pixels from the image to each later frame.

        Args:
            image: (B,3,H,W) in [0,1].
            seeds: one a clip; the same seed gives the same flow, whatever else is in the batch.
            tracks: sparse flow (B,F,2,H,W) in pixels and mask (B,F,1,H,W), of `rasterise_tracks`; None for free motion.
            prompts: one a clip; None for no words.
            negative_prompts: one a clip, for guidance by text.
            steps: of DDIM; None as configured.
            guidance: None as configured; without tracks, by text alone.
            brush: (H,W) or (B,H,W), 1 = frozen: the flow is exactly zero there.
            strides: (F,) or (B,F), see `frame_strides`; None as configured.
            on_step: told (steps done, steps, latents).

        Raises:
            UserError: see `sample_motion`; tracks for a network without ControlNet.
        """
        if brush is not None:
            clip_brush(brush, clips=len(image), size=tuple(image.shape[-2:]))  # to be told now, not after all steps
        if guidance is None and tracks is None:
            guidance = replace(self.guidance, motion=1.0)
        generators = seeded(seeds)
        size = self.flow_codec.latent_size(tuple(image.shape[-2:]))
        channels = self.flow_codec.latent_channels
        drawn = self.unet.in_channels if self.switches.spare_noise else None
        noise = clip_noise((channels, self.frames, *size), generators, drawn_channels=drawn).to(image)
        control = None if tracks is None else self._condition(*(part.to(image) for part in tracks), generators)
        strides = frame_strides(self.frames, stride=self.stride) if strides is None else strides
        latents = sample_motion(
            motion_network(
                self.unet, self.controlnet, strides=strides.to(image.device), control_scale=self.control_scale
            ),
            image=self.encode_images(image[:, :, None], generators)[:, :, 0],
            noise=noise,
            control=control,
            on_step=on_step,
            **self.sampling_options(
                len(image), prompts=prompts, negative_prompts=negative_prompts, steps=steps, guidance=guidance
            ),
        )
        return decode_motion(latents, self.flow_codec, brush=brush)

    def predict(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> list[VideoSample]:
        """Add `pred_flow`, steered by what tracks the samples have; and `pred_flow_free` on request."""
        image = inputs["video"][:, :, 0]
        samples = data_samples or [VideoSample() for _ in image]
        tracks = [self._tracks_of(sample, tuple(image.shape[-2:])) for sample in samples]
        seeds = seeds_of(samples)
        for steered in (True, False):  # apart, so that a clip without tracks does not pass the ControlNet for others
            chosen = [index for index, own in enumerate(tracks) if (own is not None) is steered]
            if not chosen:
                continue
            pairs = zip(*(tracks[index] for index in chosen), strict=True) if steered else ()
            self._predict_alike(
                image[chosen],
                [samples[index] for index in chosen],
                [seeds[index] for index in chosen],
                tuple(torch.stack(part) for part in pairs) or None,
            )
        return samples

    def _predict_alike(
        self, image: Tensor, samples: list[VideoSample], seeds: list[int], tracks: tuple[Tensor, Tensor] | None
    ) -> None:
        options = {
            "seeds": seeds,
            "prompts": [sample.get("prompt", "") for sample in samples],
            "strides": self._strides(samples, self.frames),
            "brush": np.stack([_brush_of(sample, image) for sample in samples]),
        }
        flow = self.sample(image, tracks=tracks, **options)
        free = self.sample(image, **options) if self.compare_free else None
        for index, sample in enumerate(samples):
            sample.pred_flow = flow[index]
            if free is not None:
                sample.pred_flow_free = free[index]

    def _tracks_of(self, sample: VideoSample, size: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        """Sparse flow and mask; None for a clip without tracks and brush, or where nothing can be steered."""
        if self.controlnet is None:
            return None
        flow, mask = painted_sample(
            sample, frames=self.frames, size=size, region=self.region, still_clicks=self.switches.still_clicks
        )
        return (flow, mask) if mask.any() else None

    def outputs(self, inputs: dict[str, Tensor], data_samples: list[VideoSample] | None = None) -> Tensor:
        """The networks' answer to flow latents of zero at the last time of the schedule, (B,c,F,h,w)."""
        image = self.encode_images(inputs["video"][:, :, :1], None).expand(-1, -1, self.frames, -1, -1)
        channels = self.flow_codec.latent_channels
        sample = torch.cat([image, image.new_zeros(len(image), channels, *image.shape[2:])], dim=1)
        strides = frame_strides(self.frames, stride=self.stride).to(image.device)
        network = motion_network(self.unet, self.controlnet, strides=strides)
        control = None
        if self.controlnet is not None:
            control = image.new_zeros(len(image), channels + 1, *image.shape[2:])
        last = torch.full((len(image),), self.schedule.steps - 1, device=image.device)
        return network(sample, last, self.encode_text(None, len(image)), control)

    def example_batch(self, *, size: tuple[int, int], count: int, rng: np.random.Generator) -> dict[str, Any]:
        """Random clips with flow and tracks: for benchmarks and the tests of configs."""
        return example_clips(size=size, count=count, frames=self.frames, rng=rng)


def _brush_of(sample: VideoSample, image: Tensor) -> np.ndarray:
    if "brush" in sample:
        return sample.brush.cpu().numpy()
    return np.zeros(tuple(image.shape[-2:]), bool)
