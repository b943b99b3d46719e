"""Training clips from any videos: some frames, the caption, and flow from the first frame with what of it to trust.

The folder that comes out is the moving shapes set's: `clips/<name>/<frame>.png`, `clips/<name>.txt`,
`truth/<name>.npz`; `VideoFolder`, `LoadClip(stride=1, random_start=False)` and `LoadClipTruth` read it.
"""

import json
import shutil
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation import npz
from sparsevision.annotation.files import read_bytes, write_bytes
from sparsevision.annotation.random_keys import keys, unit_numbers
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.video.clips import BrokenClip, frame_indices, probe_clip, read_frames
from sparsevision.datasets.video.videos import VideoClips, VideoFolder, VideoList, WebVidFolder
from sparsevision.utils import UserError

LAYOUTS = ("folder", "webvid", "list")
CARD, UNFINISHED = "clips.json", ".unfinished"

Measure = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.bool_]]]


@dataclass(frozen=True)
class ClipSettings:
    """What the clips of a folder have in common.

    Attributes:
        frames: of each clip, 2 or more.
        stride: frames of the video from one to the next; shorter videos are read more densely.
        size: (height, width) in pixels; the whole frame is resized, its shape is not kept.
        clips_per_video: at most; windows that begin at the same frame count as one.
        seed: of where clips begin.
        flow: a name for how flow is measured, kept with the clips.

    Raises:
        UserError: a number that is too small.
    """

    frames: int = 16
    stride: int = 8
    size: tuple[int, int] = (320, 512)
    clips_per_video: int = 1
    seed: int = 0
    flow: str = "gmflow"

    def __post_init__(self) -> None:
        if self.frames < 2 or min(self.stride, *self.size, self.clips_per_video) < 1 or self.seed < 0:
            raise UserError(
                f"expected two or more frames, stride, size and clips per video of 1 or more and no negative seed, got "
                f"{self.frames}, {self.stride}, {tuple(self.size)}, {self.clips_per_video} and {self.seed}."
            )


@dataclass(frozen=True)
class Prepared:
    """What became of one video: clips written, clips that were there, and what is wrong with it (None if nothing)."""

    written: int = 0
    kept: int = 0
    problem: str | None = None


def open_videos(source: str | Path, layout: str | None = None) -> VideoClips:
    """The videos of a folder, of WebVid's layout or of a list of JSON lines; none is looked into.

    Those without a caption that they must have are in `.broken`, without a warning.

    Args:
        source: a folder, or the list.
        layout: one of `LAYOUTS`; None: "folder" or "list", whichever the source is.

    Raises:
        UserError: nothing there, no video in it, or a layout that it does not have.
    """
    source = Path(source)
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder.")
    layout = layout or ("folder" if source.is_dir() else "list")
    if layout not in LAYOUTS:
        raise UserError(f"layout '{layout}'; expected one of {', '.join(LAYOUTS)}.")
    options = {"check": "none", "test_mode": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if layout == "list":
            return VideoList(file=source, **options)
        return (WebVidFolder if layout == "webvid" else VideoFolder)(folder=source, **options)


def prepare_clips(
    videos: Iterable[dict], out: str | Path, settings: ClipSettings, measure: Measure, *, root: str | Path
) -> Iterator[Prepared]:
    """Write the clips of videos; yields what became of each, after it. What is there already is kept.

    Every file is whole or not there: a clip's folder appears last, when its truth and its caption are written.

    Args:
        videos: dicts with "video_path" and "caption", as `open_videos` gives them.
        out: folder, new or made with the same settings.
        settings: see `ClipSettings`.
        measure: clip uint8 RGB (F+1,H,W,3) -> flow (F,2,H,W) in pixels, and bool (F,H,W), where to trust it.
        root: clips are named by the paths of their videos from here.

    Raises:
        UserError: `out` holds something else, two videos would have the same name, or a file cannot be written.
    """
    out = Path(out)
    named = _names(videos, Path(root))
    _check_card(out, settings)
    try:
        for name, video in named.items():
            yield _prepare(name, video, out, settings, measure)
    finally:
        shutil.rmtree(out / UNFINISHED, ignore_errors=True)


def clip_windows(length: int, settings: ClipSettings, name: str) -> list[NDArray[np.int64]]:
    """Numbers of the frames of a video's clips: each begins at random in its own share of the video.

    Args:
        length: frames of the video.
        settings: see `ClipSettings`.
        name: of the video; with the seed, all that the random numbers depend on.
    """
    count = settings.clips_per_video
    numbers = unit_numbers(keys(settings.seed, zlib.crc32(name.encode()), count=count))
    starts = (np.arange(count) + numbers) / count
    windows = [frame_indices(length, frames=settings.frames, stride=settings.stride, start=start) for start in starts]
    return list({int(window[0]): window for window in windows}.values())


def _names(videos: Iterable[dict], root: Path) -> dict[str, dict]:
    named: dict[str, dict] = {}
    for video in videos:
        path = Path(video["video_path"])
        inside = path.relative_to(root) if path.is_relative_to(root) and ".." not in path.parts else Path(path.name)
        name = (inside if path.is_dir() else inside.with_suffix("")).as_posix()
        if name in named:
            raise UserError(f"{path} and {named[name]['video_path']} would both become '{name}'; rename one of them.")
        named[name] = video
    return named


def _check_card(out: Path, settings: ClipSettings) -> None:
    card = json.loads(json.dumps(asdict(settings)))
    path = out / CARD
    if path.is_file():
        _compare(path, card)
    elif out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: holds something else than clips of this tool (no {CARD}); give another folder.")
    else:
        write_bytes(path, (json.dumps(card, indent=1) + "\n").encode())


def _compare(path: Path, card: dict) -> None:
    try:
        found = json.loads(read_bytes(path))
        if not isinstance(found, dict):
            raise ValueError("no object of settings")
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no JSON ({error}); give another folder.") from error
    other = [f"{name} {found.get(name)}, now {value}" for name, value in card.items() if found.get(name) != value]
    if other:
        raise UserError(f"{path}: its clips have other settings ({'; '.join(other)}); give another folder.")


def _prepare(name: str, video: dict, out: Path, settings: ClipSettings, measure: Measure) -> Prepared:
    wanted = [f"{name}_{number:02d}" for number in range(settings.clips_per_video)]
    if all(_is_done(out, clip) for clip in wanted):
        return Prepared(kept=len(wanted))
    path, written, kept = video["video_path"], 0, 0
    try:
        for clip, indices in zip(wanted, _windows(path, settings, name), strict=False):
            if _is_done(out, clip):
                kept += 1
                continue
            frames = read_frames(path, indices)
            frames = [cv2.resize(frame, settings.size[::-1], interpolation=cv2.INTER_AREA) for frame in frames]
            _write_clip(out, clip, np.stack(frames), indices, video["caption"], measure)
            written += 1
    except BrokenClip as error:
        return Prepared(written, kept, str(error))
    return Prepared(written, kept)


def _windows(path: str, settings: ClipSettings, name: str) -> list[NDArray[np.int64]]:
    length = probe_clip(path).frames
    if length < settings.frames:
        raise BrokenClip(f"{path}: has {length} frames, a clip takes {settings.frames}.")
    return clip_windows(length, settings, name)


def _is_done(out: Path, clip: str) -> bool:
    return (out / "clips" / clip).is_dir() and (out / "truth" / f"{clip}.npz").is_file()


def _write_clip(
    out: Path, clip: str, frames: NDArray[np.uint8], indices: NDArray[np.int64], caption: str, measure: Measure
) -> None:
    flow, visible = measure(frames)
    truth = {"flow": flow.astype(np.float16), "visible": visible}
    truth["offsets"] = (indices[1:] - indices[0]).astype(np.float32)
    target, unfinished = out / "clips" / clip, out / UNFINISHED / clip
    for folder in (target, unfinished):
        shutil.rmtree(folder, ignore_errors=True)
    for number, frame in enumerate(frames):
        write_png(unfinished / f"{number:03d}.png", frame)
    write_bytes(out / "truth" / f"{clip}.npz", npz.pack_arrays(truth))
    write_bytes(out / "clips" / f"{clip}.txt", f"{' '.join(caption.split())}\n".encode())
    unfinished.replace(target)
