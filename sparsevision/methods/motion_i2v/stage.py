"""What the two stages share as models: text, schedule, which weights learn, noise, and the seeds of clips."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.datasets.video.packing import VideoPreprocessor
from sparsevision.datasets.video.sample import VideoSample
from sparsevision.engine.model import MethodModel
from sparsevision.engine.state import training_iteration
from sparsevision.methods.motion_i2v.presets import PRESETS
from sparsevision.methods.motion_i2v.sampling import Guidance
from sparsevision.methods.motion_i2v.schedule import NoiseSchedule, seeded
from sparsevision.methods.motion_i2v.stage_one import PUBLISHED_STEPS
from sparsevision.registry import built
from sparsevision.utils import UserError, did_you_mean
from sparsevision.utils.settings import settings_of, switches_of_preset

LARGEST_SEED = 2**31


class DiffusionStage(MethodModel):
    """One stage of Motion-I2V with its codecs, as a model that trains and predicts.

    Args:
        image_codec: of pictures, built or as a config.
        text: encoder of prompts (`CLIPText`, `HashedText`), built or as a config; None for networks without text.
        schedule: settings of `NoiseSchedule`.
        text_drop: in training, the share of clips that are told no words, so that text can guide.
        motion_drop: in training, the share of clips that are told no motion, so that motion can guide; 0 as published.
        steps: of DDIM.
        guidance: settings of `Guidance`.
        negative_prompt: what guidance by text leads away from.
        preset: "published" or "fixed", see `Switches`.
        switches: single switches that differ from the preset.

    Raises:
        UserError: a setting or switch that does not exist.
    """

    def __init__(
        self,
        *,
        image_codec: nn.Module | dict,
        text: nn.Module | dict | None = None,
        schedule: Mapping | None = None,
        text_drop: float = 0.1,
        motion_drop: float = 0.0,
        steps: int = PUBLISHED_STEPS,
        guidance: Mapping | None = None,
        negative_prompt: str = "",
        preset: str = "published",
        switches: Mapping | None = None,
        data_preprocessor: nn.Module | dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or VideoPreprocessor(), init_cfg=init_cfg)
        self.preset, self.switches = preset, switches_of_preset(PRESETS, preset, switches)
        self.image_codec = built(image_codec).requires_grad_(False)
        self.text = None if text is None else built(text)
        self.schedule = NoiseSchedule(**(schedule or {}))
        self.text_drop, self.motion_drop = text_drop, motion_drop
        self.steps, self.guidance = steps, settings_of(Guidance, guidance or {})
        self.negative_prompt = negative_prompt

    def encode_text(self, prompts: Sequence[str] | None, clips: int) -> Tensor | None:
        """(B,L,D) of one prompt a clip, None meaning no words; None for a network without text.

        Raises:
            UserError: another number of prompts than clips.
        """
        if self.text is None:
            return None
        prompts = [""] * clips if prompts is None else list(prompts)
        if len(prompts) != clips:
            raise UserError(f"prompts: {len(prompts)} for {clips} clips; give one for each.")
        return self.text(prompts).to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.image_codec.latent_scale.device

    def encode_images(self, video: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
        """Latents (B,c,F,h,w) of video (B,3,F,H,W), without gradients."""
        with torch.no_grad():
            return self.image_codec.encode(video, generators=generators if self.switches.drawn_latents else None)

    def training_text(self, samples: Sequence[VideoSample]) -> Tensor | None:
        """The samples' prompts, some of them dropped."""
        dropped = torch.rand(len(samples)) < self.text_drop
        prompts = ["" if drop else sample.get("prompt", "") for drop, sample in zip(dropped, samples, strict=True)]
        return self.encode_text(prompts, len(samples))

    def noised(self, clean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (B,c,F,h,w) at random times: x_t, t (B,), and what the network should answer."""
        times = torch.randint(self.schedule.steps, (len(clean),)).to(clean.device)
        noise = torch.randn(clean.shape).to(clean)
        return self.schedule.add_noise(clean, noise, times), times, self.schedule.target(clean, noise, times)

    def sampling_options(
        self,
        clips: int,
        *,
        prompts: Sequence[str] | None,
        negative_prompts: Sequence[str] | None,
        steps: int | None,
        guidance: Guidance | None,
    ) -> dict[str, Any]:
        """What both samplers are told alike."""
        return {
            "schedule": self.schedule,
            "steps": self.steps if steps is None else steps,
            "guidance": guidance or self.guidance,
            "text": self.encode_text(prompts, clips),
            "empty_text": self.encode_text(negative_prompts or [self.negative_prompt] * clips, clips),
        }


def learn_only(module: nn.Module, *, parts: Mapping[str, str | None], chosen: str) -> None:
    """Let the chosen part of the weights learn, and no other.

    Args:
        module: the stage's network.
        parts: name -> text that the names of these parameters hold; None for all, "" alone for none.
        chosen: one of the names.

    Raises:
        UserError: no such part.
    """
    if chosen not in parts:
        raise UserError(f"trains='{chosen}'; expected one of {', '.join(parts)}.{did_you_mean(chosen, parts)}")
    wanted = parts[chosen]
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(wanted is None or (bool(wanted) and wanted in name))


def fresh_generators(count: int) -> list[torch.Generator]:
    """One generator a clip, from torch's own stream: a resumed training goes on with the same draws."""
    return seeded(torch.randint(LARGEST_SEED, (count,)).tolist())


def seeds_of(samples: Sequence[VideoSample]) -> list[int]:
    """A seed for each clip that depends on its name alone, so that predictions do not depend on batches."""
    return [zlib.crc32(str(sample.get("sample_id", index)).encode()) for index, sample in enumerate(samples)]


def training_progress() -> float:
    """Share of the training that is done, 0 outside of one."""
    total = MessageHub.get_current_instance().runtime_info.get("max_iters")
    return training_iteration() / total if total else 0.0


def squared_error(answer: Tensor, target: Tensor) -> Tensor:
    """Mean over all numbers, in float32."""
    return F.mse_loss(answer.float(), target.float())


def stacked(samples: Sequence[VideoSample], field: str, *, model: str, remedy: str) -> Tensor:
    """A field of all samples (B, ...).

    Raises:
        UserError: there are no samples, or one lacks it.
    """
    if not samples:
        raise UserError(f"{model} needs `{field}`, and there are no samples that could hold it: {remedy}.")
    for sample in samples:
        if field not in sample:
            raise UserError(f"{model} needs `{field}`, which clip {sample.get('sample_id')} lacks: {remedy}.")
    return torch.stack([sample.get(field) for sample in samples])
