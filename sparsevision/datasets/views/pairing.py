"""Which image of a COLMAP model is which view: by names, and by the cameras' places."""

from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from sparsevision.datasets.views.colmap import Image, Model
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

TOLERANCE = 1e-2  # of the cameras' spread


def pair_cameras(scene: ViewScene, model: Model) -> list[Image | None]:
    """The image of the model for each view; None where COLMAP has none.

    By the names without folder and suffix, and the cameras must stand at the same places. Where not one name is the
    same (smaller copies were numbered anew) by the places alone, and the log says so. Ids play no part: the published
    code pairs by them, which is wrong where they have gaps or another order.

    Raises:
        UserError: names do not fit, or the two sets of cameras do not stand at the same places.
    """
    own = {Path(image.name).stem: image for image in model.by_name()}
    if len(own) != len(model.images):
        raise UserError(f"{scene.root}: images of the COLMAP model have the same name in several folders.")
    centres = scene.poses[:, :, 3]
    allowed = TOLERANCE * max(np.linalg.norm(centres - centres.mean(0), axis=1).max(), 1e-9)
    if not set(own) & set(scene.image_names):
        return _pair_by_places(scene, list(own.values()), allowed)
    images = [own.get(name) for name in scene.image_names]
    for view, image in enumerate(images):
        if image is not None and not np.linalg.norm(_places(scene, [image])[0] - centres[view]) <= allowed:
            raise UserError(
                f"{scene.root}: view '{scene.image_names[view]}' and COLMAP's image '{image.name}' are not at the same "
                "place, so the poses are of another model or in another order. Make poses_bounds.npy again from this "
                "model (tools/dataset_converters/spin_nerf.py), or remove the model."
            )
    return images


def _places(scene: ViewScene, images: list[Image]) -> np.ndarray:
    """Centres (K, 3) of COLMAP's cameras in the scene's frame."""
    centres = np.stack([image.pose[:, 3] for image in images])
    return centres @ scene.world_to_scene[:, :3].T + scene.world_to_scene[:, 3]


def _pair_by_places(scene: ViewScene, images: list[Image], allowed: float) -> list[Image | None]:
    away = np.linalg.norm(scene.poses[:, None, :, 3] - _places(scene, images), axis=2)
    nearest = away.argmin(1)
    if away.min(1).max() > allowed or len(set(nearest.tolist())) < len(scene):
        names = ", ".join(image.name for image in images[:2])
        raise UserError(
            f"{scene.root}: no image of the COLMAP model ({names} ...) is called like a view "
            f"({', '.join(scene.image_names[:2])} ...), and their cameras do not stand at the same places "
            "either. Give the images the names that COLMAP knew, or remove the model."
        )
    print_log(f"{scene.root}: no name of COLMAP is a view's; they are paired by the cameras' places", logger="current")
    return [images[place] for place in nearest]
