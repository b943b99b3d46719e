"""Which image of a COLMAP model is which view: by names, and checked by the cameras' places."""

from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from sparsevision.datasets.views.colmap import Image, Model
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

TOLERANCE = 1e-2  # of the cameras' spread


def pair_cameras(scene: ViewScene, model: Model) -> list[Image | None]:
    """The image of the model for each view; None where COLMAP has none.

    By the names without folder and suffix. Where not one name is the same (smaller copies were numbered anew) and
    the counts are equal, in the order of names, and the log says so. Ids play no part: the published code pairs by
    them, which is wrong where they have gaps or another order.

    Raises:
        UserError: names do not fit, or the two sets of cameras do not stand at the same places.
    """
    own = {Path(image.name).stem: image for image in model.by_name()}
    if len(own) != len(model.images):
        raise UserError(f"{scene.root}: images of the COLMAP model have the same name in several folders.")
    if not set(own) & set(scene.image_names):
        if len(own) != len(scene):
            raise UserError(
                f"{scene.root}: no image of the COLMAP model ({', '.join(list(own)[:2])} ...) is called like a view "
                f"({', '.join(scene.image_names[:2])} ...), and there are {len(own)} for {len(scene)} views. Give the "
                "images the names that COLMAP knew."
            )
        print_log(f"{scene.root}: no name of COLMAP is a view's; they are paired in order", logger="current")
        own = dict(zip(scene.image_names, own.values(), strict=True))
    images = [own.get(name) for name in scene.image_names]
    _check_places(scene, images)
    return images


def _check_places(scene: ViewScene, images: list[Image | None]) -> None:
    centres = scene.poses[:, :, 3]
    allowed = TOLERANCE * max(np.linalg.norm(centres - centres.mean(0), axis=1).max(), 1e-9)
    for view, image in enumerate(images):
        if image is None:
            continue
        place = scene.world_to_scene[:, :3] @ image.pose[:, 3] + scene.world_to_scene[:, 3]
        if not np.linalg.norm(place - centres[view]) <= allowed:
            raise UserError(
                f"{scene.root}: view '{scene.image_names[view]}' and COLMAP's image '{image.name}' are not at the same "
                "place, so the poses are of another model or in another order. Make poses_bounds.npy again from this "
                "model (tools/dataset_converters/spin_nerf.py), or remove the model."
            )
