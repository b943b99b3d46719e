"""Image to video by Motion-I2V, steered by a few drags, without a Runner."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from numpy.typing import ArrayLike, NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from sparsevision.apis.model import on_device
from sparsevision.apis.video_generation.clip_motion import clip_motion
from sparsevision.apis.video_generation.result import I2VResult, warped_preview
from sparsevision.apis.video_generation.stages import load_stages, stages_of
from sparsevision.apis.video_generation.steering import DragList, DragSettings, Steering, steer
from sparsevision.datasets.video.trajectories import TrajectoryJson
from sparsevision.layers.optical_flow import Extractor, dis_flow
from sparsevision.methods.motion_i2v import CameraMove, Guidance, camera_flow, freeze_flow, named_speed
from sparsevision.methods.motion_i2v.resizing import resize_flow
from sparsevision.utils import UserError
from sparsevision.utils.settings import settings_of

Step = Callable[[str, int, int], None]


class I2VInferencer:
    """`I2VInferencer("tiny_motion_i2v_shapes", motion=..., frames=...)("photo.jpg", tracks=[[(10, 20), (40, 20)]])`.

    With stage 1 alone there is flow and a warped preview, but no video; stage 2 alone needs `flow` or `camera`.

    Args:
        model: config of `MotionI2V` or of one stage (a shipped config's name, a path, a Config), or a built model.
        checkpoint: weights of all of it.
        motion: weights of stage 1 alone.
        frames: weights of stage 2 alone.
        device: None takes a GPU if there is one, and leaves a built model where it is.

    Attributes:
        stages: what there is of Motion-I2V.

    Raises:
        UserError: see `load_stages`.
    """

    def __init__(
        self,
        model: str | Path | Config | BaseModel,
        checkpoint: str | Path | None = None,
        *,
        motion: str | Path | None = None,
        frames: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        if isinstance(model, BaseModel):
            self.stages = stages_of((model if device is None else on_device(model, device)).eval())
        else:
            self.stages = load_stages(model, checkpoint, motion=motion, frames=frames, device=device)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return (self.stages.motion or self.stages.frames).device

    def __call__(
        self,
        image: str | Path | NDArray[np.uint8],
        *,
        tracks: DragList | None = None,
        brush: str | Path | ArrayLike | None = None,
        flow: ArrayLike | None = None,
        camera: CameraMove | str | None = None,
        drags: DragSettings | None = None,
        size: tuple[int, int] | None = None,
        prompt: str = "",
        negative_prompt: str | None = None,
        seed: int = 0,
        steps: int | None = None,
        guidance: Guidance | Mapping | None = None,
        on_step: Step | None = None,
        progress: bool = False,
    ) -> I2VResult:
        """A video of an image.

        Args:
            image: a file, which is turned upright, or uint8 RGB (H,W,3).
            tracks: polylines (k,2) of clicks (x, y) in pixels of the image, a single click being a point that stays; or
                annotated `Tracks` of it; None leaves the motion to the network.
            brush: (H,W) of the image's size, 1 = frozen; or a picture of its size that is not black where things may
                move, all black being no brush.
            flow: (F,2,h,w), motion in pixels of its own size; it replaces stage 1.
            camera: a move, or a name in `CAMERA_MOVES`; it replaces stage 1, too, at the speed that `drags` names.
            drags: how drags act.
            size: (height, width) that the image is resized to, without keeping its shape; None as the config says.
            prompt: words for models that read them.
            negative_prompt: what to lead away from; None as the model says.
            seed: 0 or more; the same seed gives the same video.
            steps: of each stage's sampling; None as the model says.
            guidance: settings of `Guidance`.
            on_step: told (stage, steps done, steps), the stages being "motion" and "frames".
            progress: show bars on the terminal.

        Raises:
            UserError: a file that is no image, tracks outside of it or none in the list, Tracks of another length or
                image, a brush of another size, a flow of another number of fields, a size that the model cannot take,
                tracks for a model without ControlNet, nothing to make motion of, or two sources of motion.
        """
        drags = drags or DragSettings()
        self._check(tracks, flow, camera, prompt, seed, steps)
        told = self.prepare(image, tracks=tracks, brush=brush, size=size, drags=drags)
        guidance = settings_of(Guidance, guidance) if isinstance(guidance, Mapping) else guidance
        options = {"seeds": [seed], "steps": steps, "guidance": guidance}
        options |= {"prompts": [prompt], "negative_prompts": None if negative_prompt is None else [negative_prompt]}
        if camera is not None:
            flow = self._camera(camera, told.image.shape[:2], drags)
        with _bars(progress, on_step) as step:
            motion = self._predicted(told, options, step) if flow is None else self._given(told, flow)
            video = self._rendered(told, motion, options, step)
        field = motion[0].float().cpu().numpy()
        return I2VResult.of(told, flow=field, video=video, prompt=prompt, seed=seed)

    def prepare(
        self,
        image: str | Path | NDArray[np.uint8],
        *,
        tracks: DragList | None = None,
        brush: str | Path | ArrayLike | None = None,
        size: tuple[int, int] | None = None,
        drags: DragSettings | None = None,
    ) -> Steering:
        """Image, tracks and brush as the model is told them, without sampling; arguments as of a call."""
        return steer(self.stages, image, tracks=tracks, brush=brush, size=size, drags=drags or DragSettings())

    def preview(self, image: str | Path | NDArray[np.uint8], **request) -> NDArray[np.uint8]:
        """uint8 RGB (1+F,H,W,3), at once: the image with what the drags take along pushed as drawn.

        Args:
            image: as of a call.
            request: see `prepare`.

        Raises:
            UserError: see a call; or the model has no stage 1.
        """
        told = self.prepare(image, **request)
        if self.stages.motion is None:
            raise UserError("drags steer stage 1, and there is none; give its weights.")
        flow = np.zeros((self.stages.fields, 2, *told.image.shape[:2]), np.float32)
        return warped_preview(told.image, flow if told.flow is None else told.flow.numpy())

    def batch(self, file: str | Path, **options) -> Iterator[tuple[str, I2VResult]]:
        """(sample_id, result) of every entry of a `TrajectoryJson`; all entries are checked first.

        Args:
            file: the JSON file.
            options: as of a call; the entries' prompts take precedence.

        Raises:
            UserError: see `TrajectoryJson`.
        """
        for entry in TrajectoryJson(file=file).load_data_list():
            own = options | ({"prompt": entry["prompt"]} if entry["prompt"] else {})
            image, tracks, brush = entry["img_path"], entry["tracks"] or None, entry["brush_path"]
            yield entry["sample_id"], self(image, tracks=tracks, brush=brush, **own)

    def restyle(
        self,
        clip: str | Path,
        restyled: str | Path | NDArray[np.uint8] | None = None,
        *,
        extractor: Extractor = dis_flow,
        stride: int = 1,
        start: float = 0.0,
        **options,
    ) -> I2VResult:
        """Video to video: the motion of a clip, rendered from its first frame in another style.

        Args:
            clip: a video, or a folder of images.
            restyled: its first frame as it shall look; None is the frame as it is.
            extractor: finds flow, see `flow_extractor`.
            stride: see `clip_motion`.
            start: see `clip_motion`.
            options: as of a call.

        Raises:
            UserError: see `clip_motion` and a call; or the model has no stage 2.
        """
        if self.stages.frames is None:
            raise UserError("video to video needs stage 2, and there is none; give its weights.")
        first, flow = clip_motion(clip, fields=self.stages.fields, extractor=extractor, stride=stride, start=start)
        return self(first if restyled is None else restyled, flow=flow, **options)

    def _check(
        self,
        tracks: DragList | None,
        flow: ArrayLike | None,
        camera: CameraMove | str | None,
        prompt: str,
        seed: int,
        steps: int | None,
    ) -> None:
        given = [name for name, value in (("tracks", tracks), ("flow", flow), ("camera", camera)) if value is not None]
        if len(given) > 1:
            raise UserError(f"{' and '.join(given)}: each says what moves; give one of them.")
        if seed < 0 or (steps is not None and steps < 1):
            raise UserError(f"seed={seed}, steps={steps}: expected a seed of 0 or more, and steps of 1 or more.")
        motion = self.stages.motion
        if motion is None and given in ([], ["tracks"]):
            raise UserError("there is no stage 1 to make motion: give its weights, or flow, or a camera move.")
        if tracks is not None and motion.controlnet is None:
            raise UserError(
                "tracks steer stage 1 through its ControlNet, and these weights have none; give the checkpoint of a "
                "ControlNet's training, or no tracks."
            )
        if prompt and not self.stages.reads_words:
            warnings.warn("this model reads no words: the prompt changes nothing.", stacklevel=3)

    def _camera(self, camera: CameraMove | str, size: tuple[int, int], drags: DragSettings) -> Tensor:
        speed = named_speed(drags.speed) if isinstance(drags.speed, str) else drags.speed
        if not callable(speed):
            raise UserError("speed: a camera moves at one speed; give one curve.")
        return camera_flow(camera, height=size[0], width=size[1], frames=self.stages.fields, speed=speed)

    def _predicted(self, told: Steering, options: dict, step: Step) -> Tensor:
        motion = self.stages.motion
        steered = told.flow is not None and motion.controlnet is not None
        return motion.sample(
            self._tensor(told),
            tracks=(told.flow[None], told.mask[None]) if steered else None,
            brush=told.brush,
            on_step=lambda done, total, _: step("motion", done, total),
            **options,
        )

    def _given(self, told: Steering, flow: ArrayLike) -> Tensor:
        field = torch.as_tensor(np.asarray(flow, dtype=np.float32))
        if field.ndim != 4 or field.shape[:2] != (self.stages.fields, 2) or not field.isfinite().all():
            raise UserError(
                f"flow: expected finite numbers ({self.stages.fields},2,h,w), a field for each frame after the first "
                f"one, got {tuple(field.shape)}."
            )
        resized = resize_flow(field[None], told.image.shape[:2]).to(self.device)
        return resized if told.brush is None else freeze_flow(resized, told.brush)

    def _rendered(self, told: Steering, flow: Tensor, options: dict, step: Step) -> NDArray[np.uint8] | None:
        if self.stages.render is None:
            return None
        video = self.stages.render(
            self._tensor(told),
            flow=flow,
            brush=told.brush,
            on_step=lambda done, total, _: step("frames", done, total),
            **options,
        )
        frames = (video[0].permute(1, 2, 3, 0).float().clamp(0, 1) * 255).round().byte()
        return frames.cpu().numpy()

    def _tensor(self, told: Steering) -> Tensor:
        return torch.from_numpy(told.image.copy()).to(self.device).permute(2, 0, 1)[None].float() / 255


@contextmanager
def _bars(shown: bool, told: Step | None) -> Iterator[Step]:
    """What hears of every step: bars on the terminal, and the caller."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as progress:
        tasks: dict[str, int] = {}

        def step(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done)
            if told is not None:
                told(stage, done, total)

        yield step
