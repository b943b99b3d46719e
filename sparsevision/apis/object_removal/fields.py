"""The stages that train a radiance field, and what they render with it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.apis.object_removal.chain import Job
from sparsevision.apis.views import RenderedView, ViewInferencer
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.colmap import find_model
from sparsevision.datasets.views.disparities import write_disparities
from sparsevision.datasets.views.labels import write_masks
from sparsevision.engine import call_tool
from sparsevision.engine.hooks.checkpoint import find_latest
from sparsevision.engine.overrides import option_word

RUN = "run"


def train_field(job: Job, field: str, folder: Path, *, begin: Path | None = None, **of_rays: object) -> None:
    """Train a field of the scene below `folder`, or go on with it where it was interrupted.

    Args:
        job: with the scene.
        field: "masks", "scene" or "final".
        folder: of its run.
        begin: checkpoint to start from.
        of_rays: settings of `SceneRays` that differ from the config's: labels, images, disparities.
    """
    settings = job.settings
    options = {f"+{kind}_dataloader.dataset.{name}": value for kind in ("train", "test") for name, value in
               scene_options(job).items()}  # fmt: skip
    options |= {f"+train_dataloader.dataset.{name}": value for name, value in of_rays.items()}
    if find_model(job.scene.root) is None:
        options["+train_dataloader.dataset.groups.keypoints"] = None
    options |= {"randomness.seed": settings.seed} | ({} if begin is None else {"load_from": begin.resolve()})
    words = [*settings.words_for(field), *(option_word(name, value) for name, value in options.items())]
    config = getattr(settings, f"{field}_config")
    call_tool("train.py", config, "--work-dir", folder / RUN, "--resume", "--cfg-options", *words)


def scene_options(job: Job) -> dict[str, object]:
    """Which scene a data set of the configs is to load."""
    settings = job.settings
    return {"data_root": settings.scene.resolve(), "factor": settings.factor, "layout": settings.layout}


def trained(job: Job, field: str, folder: Path) -> ViewInferencer:
    """The field that `train_field` trained."""
    return ViewInferencer(job.settings.config_of(field), find_latest(folder / RUN), device=job.settings.device)


def train_masks(job: Job) -> None:
    """The field of masks, once or several times, each time from the masks that the one before shows."""
    labels = job.folder("propagate") / "label"
    for number in range(1, job.settings.rounds + 1):
        folder = job.folder("masks") / f"round_{number}"
        train_field(job, "masks", folder, labels=labels.resolve())
        masks = [view.mask for view in trained(job, "masks", folder)(job.scene, job.scene.train)]
        labels = folder / "label" if number < job.settings.rounds else masks_of(job)
        save_masks(job, masks, labels)


def masks_of(job: Job) -> Path:
    """The folder of masks that the later stages work with."""
    return job.folder("masks") / "label"


def train_scene(job: Job) -> None:
    """The field of all but the object: it sees nothing of the holes but what other views see behind them."""
    folder = job.folder("scene")
    train_field(job, "scene", folder, labels=masks_of(job).resolve())
    save_renderings(job, trained(job, "scene", folder)(job.scene, job.scene.train), folder)


def train_final(job: Job) -> None:
    """The field of the inpainted views, which starts from the field of all but the object."""
    folder, made = job.folder("final"), job.folder("inpaint")
    train_field(
        job,
        "final",
        folder,
        begin=find_latest(job.folder("scene") / RUN),
        images=(made / "images").resolve(),
        labels=(made / "label").resolve(),
        disparities=(made / "depth").resolve(),
    )
    save_renderings(job, trained(job, "final", folder)(job.scene, job.scene.train), folder)


def save_masks(job: Job, masks: Sequence[NDArray], folder: Path) -> None:
    """Masks of the views with the object, in their order, as files by name."""
    scene = job.scene
    every = np.full((len(scene), *masks[0].shape), -1, np.int8)
    every[list(scene.train)] = np.stack(masks)
    write_masks(scene, every, str(folder.resolve()))


def save_renderings(job: Job, views: Iterator[RenderedView], folder: Path) -> None:
    """Colours and disparities of the views with the object."""
    scene = job.scene
    camera = scene.camera(0)
    disparities = np.full((len(scene), camera.height, camera.width), np.nan, np.float32)
    for index, view in zip(scene.train, views, strict=True):
        write_png(folder / "images" / f"{scene.image_names[index]}.png", view.image)
        disparities[index] = view.disparity
    write_disparities(scene, disparities, str((folder / "depth").resolve()))
