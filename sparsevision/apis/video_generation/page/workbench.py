"""What the page does when a button is pressed, each session with files of its own."""

import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparsevision.apis.video_generation.inferencer import I2VInferencer, Step
from sparsevision.apis.video_generation.page.sketch import Sketch
from sparsevision.apis.video_generation.result import FRAMES_PER_SECOND
from sparsevision.apis.video_generation.steering import DragSettings
from sparsevision.utils import UserError
from sparsevision.visualization import write_video

MODEL_S_OWN = "model's own"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The fields of the page.

    Attributes:
        speed: name of a curve.
        region: what moves with a drag, or "model's own".
        unit: half the side of the box, or width; 0 or None as the model's.
        hold: freeze points that stay exactly, with this radius in pixels; 0 or None does not.
        prompt: words.
        negative_prompt: words to lead away from.
        seed: of all random numbers.
        steps: of each stage's sampling; 0 or None as the model's.
    """

    speed: str = "steady"
    region: str = MODEL_S_OWN
    unit: float | None = None
    hold: float | None = None
    prompt: str = ""
    negative_prompt: str = ""
    seed: int = 0
    steps: int | None = None

    @property
    def drags(self) -> DragSettings:
        """How drags act."""
        region = None if self.region == MODEL_S_OWN else self.region
        return DragSettings(speed=self.speed, region=region, unit=self.unit or None, hold=self.hold or None)


class Workbench:
    """Previews and videos of sketches.

    Args:
        inferencer: makes them.
        folder: for the files of all sessions, a folder for each.
    """

    def __init__(self, inferencer: I2VInferencer, folder: str | Path) -> None:
        self.inferencer, self.folder = inferencer, Path(folder)

    def preview(self, sketch: Sketch | None, settings: Settings, session: str) -> Path:
        """A video of the image pushed as drawn, without any network.

        Raises:
            UserError: no image, nothing drawn, or see `I2VInferencer.preview`.
        """
        request = self._request(sketch, settings)
        if request["tracks"] is None:
            raise UserError("Draw a drag first: the preview shows what it takes along.")
        frames = self.inferencer.preview(sketch.image, **request)
        path = self._new(session) / "preview.mp4"
        grow = sketch.grow
        write_video(path, (frame.repeat(grow, 0).repeat(grow, 1) for frame in frames), fps=FRAMES_PER_SECOND)
        return path

    def sample(
        self, sketch: Sketch | None, settings: Settings, session: str, *, on_step: Step | None = None
    ) -> dict[str, Path]:
        """Files of the sampled video, see `I2VResult.save`.

        Raises:
            UserError: no image, or see `I2VInferencer`.
        """
        result = self.inferencer(
            sketch.image if sketch is not None else None,
            **self._request(sketch, settings),
            prompt=settings.prompt,
            negative_prompt=settings.negative_prompt or None,
            seed=int(settings.seed),
            steps=int(settings.steps) if settings.steps else None,
            on_step=on_step,
        )
        return result.save(self._new(session))

    def forget(self, session: str) -> None:
        """Delete the files of a session."""
        shutil.rmtree(self._of(session), ignore_errors=True)

    def _request(self, sketch: Sketch | None, settings: Settings) -> dict[str, Any]:
        if sketch is None:
            raise UserError("Give an image first.")
        return {"tracks": sketch.drags or None, "brush": sketch.brush, "drags": settings.drags}

    def _new(self, session: str) -> Path:
        return self._of(session) / secrets.token_hex(8)

    def _of(self, session: str) -> Path:
        return self.folder / re.sub(r"\W", "_", session)
