"""The stages between masks and the final field: what other views show of a hole, and what has to be invented."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from sparsevision.apis.object_removal.chain import Job
from sparsevision.apis.object_removal.fields import masks_of
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.disparities import read_disparities, write_disparities
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.labels import OBJECT, UNKNOWN, read_labels, write_masks
from sparsevision.methods.spin_nerf.inpaint import (
    Inpainter,
    LaMaInpainter,
    OpenCVInpainter,
    PatchMatchInpainter,
    PrecomputedInpainter,
)
from sparsevision.methods.spin_nerf.mask_refinement import refine_masks


def holes_of(job: Job) -> NDArray[np.int8]:
    """(V,H,W) the masks as wide as the field of all but the object took them; -1 for views without the object."""
    dilation = job.settings.config_of("scene").train_dataloader.dataset.get("dilate", 0)
    return read_labels(job.scene, str(masks_of(job).resolve()), dilate=dilation)


def refine(job: Job) -> None:
    """Images, disparities and holes with all that other views show behind the object, as far as that is wanted."""
    scene, views = job.scene, list(job.scene.train)
    images, labels = read_images(scene), holes_of(job)
    disparities = read_disparities(scene, str((job.folder("scene") / "depth").resolve()))
    if job.settings.refine:
        found = refine_masks(
            images[views], labels[views] == OBJECT, disparities[views], scene=scene.only(views), preset="fixed"
        )
        images[views], disparities[views] = found.images, found.disparities
        if found.masks.any():  # else the priors of the final field are all that was copied
            labels[views] = found.masks
    save_views(job, job.folder("refine"), images, disparities, labels)


def inpaint(job: Job) -> None:
    """Images and disparities whose holes are filled, view by view."""
    scene, source = job.scene, job.folder("refine").resolve()
    images, disparities = read_images(scene, str(source / "images")), read_disparities(scene, str(source / "depth"))
    labels = read_labels(scene, str(source / "label"), required=False)
    kinds = job.settings.inpainter, job.settings.disparity_inpainter
    colours, depths = (build_inpainter(job, kind) for kind in kinds)
    for view in track(scene.train, description="inpainting"):
        hole, name = labels[view] == OBJECT, scene.image_names[view]
        images[view] = colours(images[view], hole, name=name)
        disparities[view] = depths(disparities[view], hole, name=name)
    save_views(job, job.folder("inpaint"), images, disparities, labels)


def build_inpainter(job: Job, kind: str) -> Inpainter:
    """What fills holes: one of `INPAINTERS`, or a folder of results."""
    match kind:
        case "patchmatch":
            return PatchMatchInpainter(seed=job.settings.seed)
        case "opencv":
            return OpenCVInpainter()
        case "lama":
            return LaMaInpainter(checkpoint=job.settings.lama_weights, device=job.settings.device or "cpu")
    return PrecomputedInpainter(kind)


def save_views(job: Job, folder: Path, images: NDArray, disparities: NDArray, labels: NDArray) -> None:
    """Write images/, depth/ and label/ of a stage; views without the object have no disparity and no label."""
    scene = job.scene
    for name, image in zip(scene.image_names, images, strict=True):
        write_png(folder / "images" / f"{name}.png", image)
    labels[list(scene.test)] = UNKNOWN
    write_disparities(scene, disparities, str((folder / "depth").resolve()))
    write_masks(scene, labels, str((folder / "label").resolve()))
