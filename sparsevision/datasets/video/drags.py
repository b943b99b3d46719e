"""Drags: those of a person on an image, and those that a person would ask for, from a clip whose motion is known."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from sparsevision.datasets.image_io import read_image
from sparsevision.datasets.video.brush import brush_from_painting, read_painting
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

MOVING = 1.0  # pixels


@TRANSFORMS.register_module()
class LoadDrags(BaseTransform):
    """An entry of TrajectoryJson -> `img` uint8 RGB (H,W,3), `clicks`, and `brush` bool (H,W) if it has one.

    `clicks` are the tracks as they are, (x,y) in pixels of the file, turned upright; `brush` (height, width) is true
    where nothing may move. A brush file in which nothing is painted freezes nothing, as in the released demo.

    Args:
        size: (height, width) that image and brush are resized to, without keeping the shape; None leaves them.

    Raises:
        UserError: an image that cannot be read.
    """

    def __init__(self, *, size: tuple[int, int] | None = None) -> None:
        self.size = None if size is None else tuple(size)

    def transform(self, results: dict) -> dict:
        """See the class."""
        image = read_image(results["img_path"], upright=True)
        size = self.size or image.shape[:2]
        tracks = [np.asarray(track, np.float64) for track in results["tracks"]]
        loaded = {"img": cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), "clicks": tracks}
        loaded["ori_shape"] = image.shape[:2]
        if results.get("brush_path"):
            loaded["brush"] = brush_from_painting(read_painting(results["brush_path"]), size=size)
        return {key: value for key, value in results.items() if key != "tracks"} | loaded


@TRANSFORMS.register_module()
class DragsFromTruth(BaseTransform):
    """`flow`, and `objects` if known -> `starts` float32 (n,2) and `tracks` float32 (F,n,2), places (x,y) in pixels.

    Each thing that moves is dragged by the pixel nearest to the middle of what the first frame shows of it, and goes
    where the truth takes that pixel. Without `objects` things are connected places that move by more than a pixel.
    Nothing is drawn at random.

    Args:
        most: drags of a clip; larger things first.

    Raises:
        UserError: the clip lacks its flow.
    """

    def __init__(self, *, most: int = 4) -> None:
        self.most = most

    def transform(self, results: dict) -> dict:
        """See the class."""
        if "flow" not in results:
            raise UserError(
                f"{results.get('video_path')}: drags need `flow`: LoadClipTruth goes before DragsFromTruth."
            )
        flow = results["flow"]
        objects = results["objects"] if "objects" in results else _moving_places(flow)
        numbers, areas = np.unique(objects[objects > 0], return_counts=True)
        chosen = numbers[np.argsort(-areas, kind="stable")][: self.most]
        starts = np.array([_middle(objects == number) for number in chosen], np.int64).reshape(-1, 2)
        moved = flow[:, :, starts[:, 1], starts[:, 0]].transpose(0, 2, 1)
        return results | {"starts": starts.astype(np.float32), "tracks": (starts + moved).astype(np.float32)}


def _moving_places(flow: NDArray) -> NDArray[np.int32]:
    """(H,W), 1, 2, ... for connected pixels that move by more than MOVING somewhen, 0 elsewhere."""
    moving = (np.linalg.norm(flow, axis=1) > MOVING).any(axis=0)
    return cv2.connectedComponents(moving.astype(np.uint8))[1]


def _middle(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The pixel (x,y) of a mask that lies nearest to its mean."""
    places = np.argwhere(mask)[:, ::-1]
    return places[np.square(places - places.mean(axis=0)).sum(axis=1).argmin()]
