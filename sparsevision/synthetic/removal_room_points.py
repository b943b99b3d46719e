"""The COLMAP model of a removal room: true points of its surfaces, and where the views see them.

Views without the target see what is behind it, those with it see it: all of them are in one model, as in the benchmark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.views.colmap.model import OPENGL_AXES, Camera, Image, Model, Points, quaternion_of
from sparsevision.synthetic.removal_room import RemovalRoom
from sparsevision.synthetic.removal_room_render import View
from sparsevision.synthetic.room_shapes import cast_rays

FEWEST_VIEWS = 3  # a point that fewer see is left out
PIXEL_NOISE = 0.3  # standard deviation of a key point, pixels of the large images
SAME_PLACE = 2e-3  # metres


@dataclass(frozen=True)
class SurfacePoints:
    """P points and which of the V views see them.

    Attributes:
        xyz: (P,3) metres.
        seen: (V,P) bool.
    """

    xyz: NDArray
    seen: NDArray


def find_points(
    room: RemovalRoom, views: Sequence[View], with_target: Sequence[bool], *, points: int, rng: np.random.Generator
) -> SurfacePoints:
    """Points behind random pixels of each view, those of them that three views or more see.

    Args:
        room: the room.
        views: V cameras.
        with_target: for each whether the target is there.
        points: to try in each view.
        rng: chooses the pixels.
    """
    scenes = [room.everything if there else room.things for there in with_target]
    found = []
    for view, things in zip(views, scenes, strict=True):
        rays = rng.choice(view.height * view.width, points, replace=False)
        directions = view.directions()[np.sort(rays)]
        distance = cast_rays(things, view.pose[:, 3], directions).distance
        found.append(view.pose[:, 3] + distance[:, None] * directions)
    xyz = np.concatenate(found)
    xyz = xyz[np.isfinite(xyz).all(1)]
    seen = np.stack([_sees(view, things, xyz) for view, things in zip(views, scenes, strict=True)])
    enough = seen.sum(0) >= FEWEST_VIEWS
    return SurfacePoints(xyz[enough], seen[:, enough])


def colmap_model(
    views: Sequence[View],
    pictures: Sequence[NDArray],
    names: Sequence[str],
    found: SurfacePoints,
    rng: np.random.Generator,
) -> Model:
    """Cameras, images and points. Image ids are in no order, as COLMAP's often are: only names tell which is which.

    Args:
        views: V cameras.
        pictures: V images uint8 (H,W,3), for the colours of the points.
        names: V file names.
        found: the points.
        rng: of the ids and of the noise of the key points.
    """
    height, width = views[0].height, views[0].width
    camera = Camera(1, "SIMPLE_PINHOLE", width, height, (views[0].focal, width / 2, height / 2))
    ids = rng.permutation(len(views)) + 1
    points = [np.flatnonzero(seen) for seen in found.seen]
    noise = [rng.normal(0, PIXEL_NOISE, (len(rows), 2)) for rows in points]
    xy = [
        np.clip(view.project(found.xyz[rows]) + off, 0, (width - 1e-3, height - 1e-3))
        for view, rows, off in zip(views, points, noise, strict=True)
    ]
    images = {
        int(number): _image(int(number), name, view, where, rows + 1)
        for number, name, view, where, rows in zip(ids, names, views, xy, points, strict=True)
    }
    return Model({1: camera}, dict(sorted(images.items())), _points(found, ids, points, noise, xy, pictures))


def _sees(view: View, things: Sequence, xyz: NDArray) -> NDArray:
    """Which of the points (P,3) lie in the image and behind nothing, (P,)."""
    way = xyz - view.pose[:, 3]
    distance = np.linalg.norm(way, axis=1)
    first = cast_rays(things, view.pose[:, 3], way / distance[:, None]).distance
    inside = ((view.project(xyz) > 0.5) & (view.project(xyz) < np.array([view.width, view.height]) - 0.5)).all(1)
    return inside & (view.depths(xyz) > 0) & (np.abs(first - distance) < SAME_PLACE)


def _image(number: int, name: str, view: View, xy: NDArray, point_ids: NDArray) -> Image:
    rotation = (view.pose[:, :3] * OPENGL_AXES).T
    return Image(number, name, 1, quaternion_of(rotation), -rotation @ view.pose[:, 3], xy, point_ids)


def _points(
    found: SurfacePoints, ids: NDArray, points: list[NDArray], noise: list[NDArray], xy: list[NDArray], pictures
) -> Points:
    """The points with their tracks, their mean errors in pixels, and the colours that the views see, averaged."""
    rows = np.concatenate(points)
    order = np.argsort(rows, kind="stable")
    images = np.concatenate([np.full(len(seen), number) for seen, number in zip(points, ids, strict=True)])
    places = np.concatenate([np.arange(len(seen)) for seen in points])
    lengths = found.seen.sum(0)
    colours = np.concatenate(
        [picture[where[:, 1].astype(int), where[:, 0].astype(int)] for picture, where in zip(pictures, xy, strict=True)]
    )
    away = np.linalg.norm(np.concatenate(noise), axis=1)
    rgb = np.stack([np.bincount(rows, colours[:, channel]) / lengths for channel in range(3)], axis=1)
    return Points(
        ids=np.arange(1, len(found.xyz) + 1),
        xyz=found.xyz,
        rgb=np.rint(rgb).astype(np.uint8),
        errors=np.bincount(rows, away) / lengths,
        track_images=images[order],
        track_places=places[order],
        track_lengths=lengths,
    )
