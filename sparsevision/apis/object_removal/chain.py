"""From clicks in one view to a scene without the object: stages one after the other, each kept once it is done."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sparsevision.apis.object_removal.settings import RemovalSettings
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.engine.cli import say
from sparsevision.utils import UserError, write_json

STAMP = "stage.json"


@dataclass(frozen=True)
class Job:
    """A run of the chain: its settings, the scene, and a folder for each stage."""

    settings: RemovalSettings

    @cached_property
    def scene(self) -> ViewScene:
        """The scene at the size that is worked on, with the cameras that the fields learn with."""
        settings = self.settings
        preset = settings.config_of("scene").train_dataloader.dataset.get("preset", "fixed")
        return load_scene(settings.scene, factor=settings.factor, layout=settings.layout, preset=preset)

    def folder(self, stage: str) -> Path:
        """Where a stage keeps what it made."""
        return self.settings.out / stage


@dataclass(frozen=True)
class Stage:
    """One step of the chain.

    Attributes:
        name: of it and of its folder.
        about: what it does, in a few words.
        run: does it.
        depends: names of the settings that its result depends on, beside those of the stages before.
    """

    name: str
    about: str
    run: Callable[[Job], None]
    depends: tuple[str, ...] = ()


def run_stages(job: Job, stages: Sequence[Stage], *, redo_from: str | None = None, until: str | None = None) -> None:
    """Run what is not done yet; a stage is done again when a setting of it, or of one before it, has changed.

    Args:
        job: with the settings.
        stages: in their order.
        redo_from: run this stage and those after it in any case.
        until: the last one to run.

    Raises:
        UserError: no stage of that name, or a stage cannot be done; what was done before is kept.
    """
    names = [stage.name for stage in stages]
    for wanted in (redo_from, until):
        if wanted is not None and wanted not in names:
            raise UserError(f"There is no stage '{wanted}'; the stages are {', '.join(names)}.")
    fingerprint = ""
    for number, stage in enumerate(stages, 1):
        fingerprint = fingerprint_of(fingerprint, stage, job.settings)
        forced = redo_from is not None and number > names.index(redo_from)
        if not forced and is_done(job, stage, fingerprint):
            say(f"[{number}/{len(stages)}] {stage.name}: done before, in {job.folder(stage.name)}")
        else:
            say(f"[{number}/{len(stages)}] {stage.name}: {stage.about}")
            for later in stages[number:]:
                spoil(job, later)
            run_stage(job, stage, fingerprint, anew=forced)
        if stage.name == until:
            return


def run_stage(job: Job, stage: Stage, fingerprint: str, *, anew: bool = False) -> None:
    """Run one stage, from where it was interrupted if that was with the same settings; stamp its folder at the end.

    The stamp's seconds are those of all its starts; None where one was killed, so that nobody knows.

    Raises:
        UserError: its folder holds files of something else.
    """
    folder = job.folder(stage.name)
    if folder.is_dir() and not (folder / STAMP).is_file() and any(path.name[0] != "." for path in folder.iterdir()):
        raise UserError(f"{folder}: holds files of something else; choose another folder for the results.")
    stamp, before = stamp_of(job, stage.name), 0.0
    if anew or stamp.get("fingerprint") != fingerprint:
        remove_whole(folder)
    else:
        before = stamp.get("seconds")
    folder.mkdir(parents=True, exist_ok=True)
    write_stamp(folder, fingerprint=fingerprint, complete=False)
    start, complete = time.monotonic(), False
    try:
        stage.run(job)
        complete = True
    finally:
        seconds = None if before is None else round(before + time.monotonic() - start, 1)
        write_stamp(folder, fingerprint=fingerprint, complete=complete, seconds=seconds)


def spoil(job: Job, stage: Stage) -> None:
    """Have a later stage done anew: what it was made from is about to change."""
    stamp = stamp_of(job, stage.name)
    if stamp.get("fingerprint"):
        write_stamp(job.folder(stage.name), fingerprint="", complete=False)


def remove_whole(folder: Path) -> None:
    """Remove a folder with all that is in it; it is gone at once, or still there."""
    if folder.is_dir():
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        shutil.rmtree(old, ignore_errors=True)


def write_stamp(folder: Path, **content: object) -> None:
    """Note in the folder of a stage how far it is."""
    write_json(folder / STAMP, content)


def is_done(job: Job, stage: Stage, fingerprint: str) -> bool:
    """Whether the stage was completed with these settings."""
    stamp = stamp_of(job, stage.name)
    return stamp.get("complete") is True and stamp.get("fingerprint") == fingerprint


def stamp_of(job: Job, name: str) -> dict:
    """What a stage noted in its folder: fingerprint, complete, seconds; empty where it has not begun."""
    try:
        stamp = json.loads((job.folder(name) / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def fingerprint_of(before: str, stage: Stage, settings: RemovalSettings) -> str:
    """Of a stage, its settings and all before it."""
    content = json.dumps([before, stage.name, settings.only(stage.depends)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
