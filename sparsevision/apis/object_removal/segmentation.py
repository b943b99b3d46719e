"""The stages from clicks in one view to masks in all of them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.apis.object_removal.chain import Job
from sparsevision.apis.object_removal.fields import save_masks
from sparsevision.datasets.image_io import read_mask, write_png
from sparsevision.datasets.views.colmap import find_model
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.keypoints import keypoint_depths
from sparsevision.layers.promptable import GrabCut, MobileSAM, PromptableSegmenter
from sparsevision.methods.spin_nerf.segment import (
    ClickedView,
    SamEncoder,
    propagate_by_features,
    propagate_by_geometry,
    read_clicks,
    segment_from_clicks,
)
from sparsevision.utils import UserError
from sparsevision.visualization.drawing import draw_mask, draw_points
from sparsevision.visualization.files import write_image


def clicked_view(job: Job) -> ClickedView:
    """The clicks, in pixels of the scene's images."""
    camera = job.scene.camera(0)
    return read_clicks(job.settings.clicks, names=job.scene.image_names, size=(camera.height, camera.width))


def build_segmenter(job: Job) -> PromptableSegmenter:
    """What answers to clicks and regions."""
    if job.settings.segmenter == "grabcut":
        return GrabCut()
    return MobileSAM(checkpoint="mobile_sam", image_size=job.settings.segmenter_side)


def source_mask(job: Job) -> Path:
    """The mask of the view that was clicked in."""
    return job.folder("segment") / "mask.png"


def segment(job: Job) -> None:
    """Mask of the clicked view, and a picture of it."""
    clicked = clicked_view(job)
    if clicked.view not in job.scene.train:
        raise UserError(
            f"{job.settings.clicks}: '{job.scene.image_names[clicked.view]}' is a view without the object, by the "
            "order of the scene; click in one of the others."
        )
    image = read_images(job.scene)[clicked.view]
    mask = segment_from_clicks(image, clicked.clicks, segmenter=build_segmenter(job))
    write_png(source_mask(job), mask.astype(np.uint8) * 255)
    picture = draw_points(draw_mask(image, mask), clicked.clicks.xy, clicked.clicks.labels)
    write_image(job.folder("segment") / "clicks.png", picture)


def propagate(job: Job) -> None:
    """Masks of all views with the object."""
    scene, clicked = job.scene, clicked_view(job)
    views = list(scene.train)
    images, mask, source = read_images(scene)[views], read_mask(source_mask(job)), views.index(clicked.view)
    if job.settings.propagation == "features":
        masks = propagate_by_features(images, mask, source, encoder=SamEncoder(build_segmenter(job)))
    else:
        masks = _by_geometry(job, images, mask, source)
    save_masks(job, list(masks), job.folder("propagate") / "label")


def _by_geometry(job: Job, images: NDArray, mask: NDArray, source: int) -> NDArray:
    """Images, masks and `source` are those of the views with the object."""
    if find_model(job.scene.root) is None:
        raise UserError(
            f"{job.scene.root}: has no COLMAP model (sparse/0), whose points carry the mask into other views. Add it, "
            "or give --propagation features."
        )
    keypoints = keypoint_depths(job.scene, preset="fixed")
    return propagate_by_geometry(
        images,
        mask,
        source,
        scene=job.scene.only(job.scene.train),
        keypoints=[keypoints[view] for view in job.scene.train],
        segmenter=build_segmenter(job),
    )
