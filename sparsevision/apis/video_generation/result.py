"""A video that was made from an image, with its motion: numbers, pictures, files."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sparsevision.annotation import npz
from sparsevision.annotation.files import write_bytes
from sparsevision.apis.video_generation.steering import Steering
from sparsevision.datasets.video.flow_files import write_flow_file
from sparsevision.methods.motion_i2v import preview_video
from sparsevision.utils import UserError, check_out_folder
from sparsevision.visualization import draw_tracks, frames_with_tracks, write_gif, write_image, write_video

FRAMES_PER_SECOND = 8
REACH = 3  # pixels from which a hole of the preview is filled
LARGE = 256  # pixels; smaller pictures are enlarged before tracks are drawn on them


@dataclass(frozen=True, kw_only=True)
class I2VResult:
    """What Motion-I2V makes of an image, at the model's size.

    Attributes:
        name: stem of the image's file, or "image".
        image: uint8 RGB (H,W,3), the first frame.
        flow: float32 (F,2,H,W), (dx, dy) in pixels from the image to each later frame.
        video: uint8 RGB (1+F,H,W,3); None where there is no stage 2.
        starts: float32 (N,2), dragged points (x, y).
        tracks: float32 (F,N,2), where they were asked to be.
        brush: bool (H,W), true = frozen; None where nothing is.
        prompt: the words that were given.
        seed: of all random numbers.
    """

    name: str
    image: NDArray[np.uint8]
    flow: NDArray[np.float32]
    video: NDArray[np.uint8] | None
    starts: NDArray[np.float32]
    tracks: NDArray[np.float32]
    brush: NDArray[np.bool_] | None
    prompt: str
    seed: int

    @classmethod
    def of(cls, told: Steering, **made: Any) -> Self:
        """What was `made` of what was asked for."""
        names = ("name", "image", "starts", "tracks", "brush")
        return cls(**{name: getattr(told, name) for name in names}, **made)

    @cached_property
    def preview(self) -> NDArray[np.uint8]:
        """uint8 RGB (1+F,H,W,3): the image pushed along the flow, holes filled; no network renders it."""
        return warped_preview(self.image, self.flow)

    def overlay(self) -> NDArray[np.uint8]:
        """uint8 RGB, the image with the tracks, and dark where it is frozen; small images are enlarged."""
        grow = _growth(self.image)
        brush = None if self.brush is None else _enlarged(self.brush, grow)
        starts, tracks = _grown(self.starts, grow), _grown(self.tracks, grow)
        return draw_tracks(_enlarged(self.image, grow), starts, tracks, frozen=brush)

    def overlay_frames(self) -> Iterator[NDArray[np.uint8]]:
        """Frames of the video (the preview without one) with the way of each track so far."""
        video = self.preview if self.video is None else self.video
        grow = _growth(self.image)
        frames = np.stack([_enlarged(frame, grow) for frame in video])
        yield from frames_with_tracks(frames, _grown(self.starts, grow), _grown(self.tracks, grow))

    def save(self, folder: str | Path, *, fps: float = FRAMES_PER_SECOND, overwrite: bool = False) -> dict[str, Path]:
        """Write everything into a folder that appears when all of it is there; returns the paths by kind.

        video.mp4 (H.264) and video.gif where there is a video, preview.mp4, overlay.png, overlay.mp4, flow.npz (its
        array is called `flow`), flow/0001.flo and so on, and request.json.

        Args:
            folder: new, or empty.
            fps: frames a second.
            overwrite: replace such files of an earlier call, one by one, in a folder that holds some.

        Raises:
            UserError: it holds files, is a file, or cannot be written.
        """
        folder = Path(folder)
        check_out_folder(folder, "folder")
        if not overwrite and folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder}: holds files already; give a new folder, or allow overwriting (--overwrite).")
        with _appearing(folder) as inner:
            files = self._write(inner, fps)
        return {kind: folder / path.relative_to(inner) for kind, path in files.items()}

    def _write(self, folder: Path, fps: float) -> dict[str, Path]:
        files = {name: folder / name for name in ("preview.mp4", "overlay.png", "overlay.mp4", "flow.npz")}
        if self.video is not None:
            files |= {name: folder / name for name in ("video.mp4", "video.gif")}
            write_video(files["video.mp4"], self.video, fps=fps)
            write_gif(files["video.gif"], self.video, fps=fps)
        write_video(files["preview.mp4"], self.preview, fps=fps)
        write_image(files["overlay.png"], self.overlay())
        write_video(files["overlay.mp4"], self.overlay_frames(), fps=fps)
        write_bytes(files["flow.npz"], npz.pack_arrays({"flow": self.flow}))
        for number, field in enumerate(self.flow, start=1):
            write_flow_file(folder / "flow" / f"{number:04}.flo", field)
        files["request.json"] = folder / "request.json"
        write_bytes(files["request.json"], (json.dumps(self.to_dict(), indent=2) + "\n").encode())
        return files | {"flow": folder / "flow"}

    def to_dict(self) -> dict:
        """As JSON: what was asked for."""
        height, width = self.image.shape[:2]
        ways = np.concatenate([self.starts[None], self.tracks]).transpose(1, 0, 2)
        return {
            "image": self.name,
            "width": width,
            "height": height,
            "frames": 1 + len(self.flow),
            "prompt": self.prompt,
            "seed": self.seed,
            "tracks": np.round(ways.astype(np.float64), 3).tolist(),
            "frozen_share": 0.0 if self.brush is None else round(float(self.brush.mean()), 4),
        }


def warped_preview(image: NDArray[np.uint8], flow: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 RGB (1+F,H,W,3) of an image (H,W,3) along a flow (F,2,H,W), see `preview_video`.

    What nothing moves to is filled from around it (Telea, Journal of Graphics Tools 2004).
    """
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1).float()
    seen = torch.ones_like(picture[:1])  # stays 1 where something arrives
    frames = preview_video(torch.cat([picture, seen]), torch.from_numpy(np.ascontiguousarray(flow)))
    frames = frames.permute(1, 2, 3, 0).numpy()
    return np.stack([_filled(frame[..., :3], frame[..., 3] < 0.5) for frame in frames])


def _filled(frame: NDArray[np.float32], holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    shown = frame.round().clip(0, 255).astype(np.uint8)
    return cv2.inpaint(shown, holes.astype(np.uint8), REACH, cv2.INPAINT_TELEA) if holes.any() else shown


def _growth(image: NDArray) -> int:
    return max(1, -(-LARGE // min(image.shape[:2])))


def _enlarged(image: NDArray, grow: int) -> NDArray:
    return image.repeat(grow, axis=0).repeat(grow, axis=1)


def _grown(xy: NDArray, grow: int) -> NDArray:
    return (xy + 0.5) * grow - 0.5


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A folder beside the wanted one that takes its place, or whose files do, when the block ends without an error."""
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if folder.is_dir() and any(folder.iterdir()):
            for path in sorted(path for path in temporary.rglob("*") if path.is_file()):
                target = folder / path.relative_to(temporary)
                target.parent.mkdir(exist_ok=True)
                os.replace(path, target)
        else:
            os.replace(temporary, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another folder.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
