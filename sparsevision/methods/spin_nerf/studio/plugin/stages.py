"""What is learnt from a scene: which of the method's groups of rays a stage draws."""

from typing import Any

from sparsevision.datasets.views.colmap import find_model
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

STAGES = ("auto", "scene", "segmentation", "masked", "removal")
KINDS = {
    "scene": {"colours": "all"},
    "segmentation": {"colours": "all", "labels": "labelled"},
    "masked": {"background": "background"},
    "removal": {"background": "background", "hole": "hole", "reference": "reference"},
}


def stage_of(scene: ViewScene, stage: str, *, labels: str, images: str) -> str:
    """The stage itself, or for "auto" the last one that the scene's files allow.

    Args:
        scene: with its folders.
        stage: one of `STAGES`.
        labels, images: folders beside the images, of masks and of inpainted images.

    Raises:
        UserError: no such stage.
    """
    if stage not in STAGES:
        raise UserError(f"stage={stage!r}; expected one of {', '.join(STAGES)}.")
    if stage != "auto":
        return stage
    if not (scene.image_folder / labels).is_dir():
        return "scene"
    return "removal" if (scene.image_folder / images).is_dir() else "masked"


def rays_of_stage(
    scene: ViewScene, stage: str, *, rays: int, patches: bool, labels: str, images: str, disparities: str, dilate: int
) -> dict[str, Any]:
    """Settings of `SceneRays` for a stage.

    Args:
        scene: with its folders.
        stage: one of `STAGES` but "auto".
        rays: of each group in a step.
        patches: with patches around the hole, for the perceptual term.
        labels, images, disparities: folders beside the images.
        dilate: times that masks grow, where the hole is left out.
    """
    groups: dict[str, dict] = {name: {"rays": rays, "where": kind} for name, kind in KINDS[stage].items()}
    inpainted = stage == "removal"
    known_disparities = inpainted and (scene.image_folder / disparities).is_dir()
    if inpainted and not known_disparities:
        del groups["hole"]
    if inpainted and patches:
        groups["patches"] = {}
    if find_model(scene.root) is not None:
        groups["keypoints"] = {"rays": rays}
    return {
        "groups": groups,
        "labels": None if stage == "scene" else labels,
        "images": images if inpainted else None,
        "disparities": disparities if known_disparities else None,
        "dilate": dilate if stage in ("masked", "removal") else 0,
    }
