"""An object leaves a scene: from clicks in one view to a field without it, a video and a page (SPIn-NeRF)."""

from pathlib import Path

from sparsevision.apis.object_removal.chain import Job, Stage, run_stages
from sparsevision.apis.object_removal.fields import train_final, train_masks, train_scene
from sparsevision.apis.object_removal.inpainting import inpaint, refine
from sparsevision.apis.object_removal.results import measure, present
from sparsevision.apis.object_removal.segmentation import propagate, segment
from sparsevision.apis.object_removal.settings import RemovalSettings

__all__ = ["STAGES", "RemovalSettings", "remove_object"]

SCENE = ("scene", "factor", "layout")
TRAINING = ("options", "seed")

STAGES = (
    Stage(
        "segment",
        "the object's mask in the view that was clicked in",
        segment,
        (*SCENE, "clicks", "segmenter", "segmenter_side"),
    ),
    Stage("propagate", "masks in all views", propagate, ("propagation",)),
    Stage("masks", "a field of masks, and the masks that it shows", train_masks, ("masks_config", "rounds", *TRAINING)),
    Stage("scene", "a field of all but the object", train_scene, ("scene_config",)),
    Stage("refine", "what other views show behind the object", refine, ("refine",)),
    Stage("inpaint", "the rest, in each view", inpaint, ("inpainter", "disparity_inpainter", "lama_weights")),
    Stage("final", "a field of the inpainted views", train_final, ("final_config",)),
    Stage("measure", "numbers, where the truth is known", measure),
    Stage("present", "a video and a page", present),
)


def remove_object(settings: RemovalSettings, *, redo_from: str | None = None, until: str | None = None) -> Path:
    """Run the chain, or what is left of it; returns the page.

    Args:
        settings: see `RemovalSettings`.
        redo_from: run this stage and those after it in any case.
        until: the last stage to run.

    Raises:
        UserError: a stage cannot be done; what was done before is kept.
    """
    job = Job(settings)
    run_stages(job, STAGES, redo_from=redo_from, until=until)
    return job.folder("present") / "index.html"
