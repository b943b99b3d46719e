"""Sets of videos with captions: any folder, WebVid's layout, and lists as lines of JSON.

Clips that cannot be read are left out when the set is made: counted, named with the reason in one warning, and kept in
`broken`. None is replaced by another one.
"""

import json
import os
import warnings
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path

from sparsevision.datasets.image_io import image_files
from sparsevision.datasets.sample_ids import sample_ids
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.datasets.video.clips import VIDEO_SUFFIXES, BrokenClip, probe_clip, read_frames
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError, did_you_mean

CHECKS = ("open", "decode", "none")
NAMED = 5  # broken clips in the warning


class VideoClips(SeededDataset):
    """What sets of videos share: {"video_path", "caption" ("" if there is none), "sample_id", "truth_path" or None}.

    Args:
        check: "open" decodes the first frame of every clip, "decode" all of them, "none" looks at no file.
        kwargs: passed on to SeededDataset.

    Attributes:
        broken: path -> what is wrong with it, of the clips that were left out.

    Raises:
        UserError: an unknown check, no clip at all, or none that can be read.
    """

    def __init__(self, *, check: str = "open", **kwargs) -> None:
        if check not in CHECKS:
            known = f"check is one of {', '.join(CHECKS)}, got '{check}'.{did_you_mean(check, CHECKS)}"
            raise UserError(f"{type(self).__name__}: {known}")
        self.check = check
        self.broken: dict[str, str] = {}
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """The clips that can be read, in the order of the source."""
        found = list(self.find_clips())
        for clip in found:
            self._check(clip["video_path"])
        if self.broken:
            self._report(len(found))
        return [clip for clip in found if clip["video_path"] not in self.broken]

    @abstractmethod
    def find_clips(self) -> Iterable[dict]:
        """One dict for each clip of the source; adds to `broken` what is known to be bad."""

    def _check(self, path: str) -> None:
        if self.check == "none" or path in self.broken:
            return
        try:
            info = probe_clip(path)
            if self.check == "decode":
                read_frames(path, range(info.frames))
        except BrokenClip as error:
            self.broken[path] = str(error)

    def _report(self, total: int) -> None:
        named = "\n".join(f"  {reason}" for reason in list(self.broken.values())[:NAMED])
        more = f"\n  and {len(self.broken) - NAMED} more, see .broken" if len(self.broken) > NAMED else ""
        message = f"{type(self).__name__}: {len(self.broken)} of {total} clips are left out:\n{named}{more}"
        if len(self.broken) == total:
            raise UserError(message)
        warnings.warn(message, stacklevel=2)


@DATASETS.register_module()
class VideoFolder(VideoClips):
    """All videos in a folder and the folders in it; a folder that holds images is a clip, too.

    The caption is the first line of a .txt beside the clip with the same stem, if there is one.

    Args:
        folder: where to look.
        truth: folder of .npz files with the clips' names (see `LoadClipTruth`); clips without one have no truth.
        captions: "optional", or "required": clips without a caption count as broken.
        prepare: how to get the folder, for the message when it is not there.
        kwargs: see `VideoClips`.
    """

    def __init__(
        self,
        *,
        folder: str | Path,
        truth: str | Path | None = None,
        captions: str = "optional",
        prepare: str = "",
        **kwargs,
    ) -> None:
        if captions not in ("optional", "required"):
            raise UserError(f"{type(self).__name__}: captions is 'optional' or 'required', got '{captions}'.")
        self.folder, self.captions, self.prepare = Path(folder), captions, prepare
        self.truth = None if truth is None else Path(truth)
        super().__init__(**kwargs)

    def find_clips(self) -> Iterable[dict]:
        """See `VideoClips`."""
        if not self.folder.is_dir():
            raise UserError(f"{self.folder}: no such folder; it should hold videos. {self.prepare}".rstrip())
        paths = _clip_paths(self.folder)
        if not paths:
            raise UserError(f"{self.folder}: holds no video ({', '.join(VIDEO_SUFFIXES)}) and no folder of images.")
        return [self._clip(path) for path in paths]

    def _clip(self, path: Path) -> dict:
        beside = path.with_name(f"{path.name if path.is_dir() else path.stem}.txt")
        caption = _first_line(beside) if beside.is_file() else ""
        if not caption and self.captions == "required":
            self.broken[str(path)] = f"{path}: has no caption; its first line is expected in {beside.name}."
        name = str(path.relative_to(self.folder) if path.is_dir() else path.relative_to(self.folder).with_suffix(""))
        truth = None if self.truth is None else self.truth / f"{name}.npz"
        return {
            "video_path": str(path),
            "caption": caption,
            "sample_id": name,
            "truth_path": str(truth) if truth is not None and truth.is_file() else None,
        }


@DATASETS.register_module()
class WebVidFolder(VideoFolder):
    """WebVid's layout as Motion-I2V reads it: <id>.mp4 with its caption in <id>.txt, which every clip must have."""

    def __init__(self, **kwargs) -> None:
        super().__init__(captions="required", **kwargs)


@DATASETS.register_module()
class VideoList(VideoClips):
    """A file with one JSON object a line: "video_path", "caption", and perhaps "motion_caption" and "ocr_valid".

    What the samples are called: `sample_ids`.

    Args:
        file: the list.
        root: folder that relative paths start from; None: the list's own.
        motion_captions: take "motion_caption" where a line has one.
        kwargs: see `VideoClips`.

    Raises:
        UserError: a line is no object with a video_path; says which. Lines whose "ocr_valid" is false are not used.
    """

    def __init__(
        self, *, file: str | Path, root: str | Path | None = None, motion_captions: bool = False, **kwargs
    ) -> None:
        self.file, self.motion_captions = Path(file), motion_captions
        self.root = self.file.parent if root is None else Path(root)
        super().__init__(**kwargs)

    def find_clips(self) -> Iterable[dict]:
        """See `VideoClips`."""
        try:
            lines = self.file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.file}: cannot be read as a list of videos ({error}).") from error
        found = [self._clip(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        if not found:
            raise UserError(f"{self.file}: names no video; expected one JSON object a line.")
        clips = [clip for clip in found if clip is not None]
        names = sample_ids([os.path.relpath(clip["video_path"], self.root) for clip in clips])
        return [{**clip, "sample_id": name} for clip, name in zip(clips, names, strict=True)]

    def _clip(self, number: int, line: str) -> dict | None:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{self.file}, line {number}: no JSON ({error}).") from error
        if not isinstance(entry, dict) or not isinstance(entry.get("video_path"), str):
            raise UserError(f'{self.file}, line {number}: expected an object with a "video_path", got {line[:60]!r}.')
        if entry.get("ocr_valid") is False:
            return None
        caption = (entry.get("motion_caption") if self.motion_captions else None) or entry.get("caption") or ""
        return {"video_path": str(self.root / entry["video_path"]), "caption": str(caption), "truth_path": None}


def _clip_paths(folder: Path) -> list[Path]:
    """Videos, and folders of images, below a folder."""
    videos = image_files(folder, recursive=True, suffixes=VIDEO_SUFFIXES)
    folders = {path.parent for path in image_files(folder, recursive=True)} - {folder}
    return sorted([*videos, *folders])


def _first_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines()
    return lines[0].strip() if lines else ""
