"""Which rays of a scene a training step sees: one group of them for each thing to learn from.

A group is asked with a random generator and answers with a dict of tensors. Pixels are drawn with replacement, all of
the chosen kind alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparsevision.datasets.views.patches import PatchRange, patch_range
from sparsevision.datasets.views.rays import rays_at
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

KINDS = ("all", "background", "reference", "hole", "labelled")


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """All pixels of the V views that training sees.

    Attributes:
        scene: with the cameras.
        views: (V,) indices in the scene.
        images: (V,H,W,3) uint8.
        labels: (V,H,W) int8, 1 for the hole, 0 for the background, -1 for no label.
        disparities: (V,H,W) float32, or None.
        reference: which of the V views shows how the hole is to look; None where nothing asks for it.
        pixel_centre: where in a pixel its ray goes through: 0.0 as published, or 0.5.
        undistort: follow the lens.
    """

    scene: ViewScene
    views: tuple[int, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int8]
    disparities: NDArray[np.float32] | None
    reference: int | None
    pixel_centre: float = 0.0
    undistort: bool = False

    def rays(self, view: NDArray, xy: NDArray) -> Tensor:
        """(n,6) origins and directions, for views (n,) of V and positions (n,2)."""
        xy, rays = torch.from_numpy(np.asarray(xy, dtype=np.float32)), torch.empty(len(view), 6)
        poses = torch.from_numpy(self.scene.poses[list(self.views)].astype(np.float32))
        single = not isinstance(self.scene.intrinsics, tuple)
        for one in [slice(None)] if single else np.unique(view):
            rows = one if single else np.flatnonzero(view == one)
            camera = self.scene.camera(self.views[0] if single else self.views[one])
            origins, directions = rays_at(
                xy[rows], camera, poses[view[rows]], pixel_centre=self.pixel_centre, undistort=self.undistort
            )
            rays[rows] = torch.cat([origins.expand_as(directions), directions], dim=-1)
        return rays

    def of_kind(self, kind: str) -> NDArray[np.bool_]:
        """(V,H,W) the pixels of a kind.

        Raises:
            UserError: no such kind.
        """
        match kind:
            case "all":
                return np.ones(self.labels.shape, dtype=bool)
            case "background":
                return self.labels == 0
            case "hole":
                return self.labels != 0
            case "labelled":
                return self.labels > -1
            case "reference":
                chosen = np.zeros(self.labels.shape, dtype=bool)
                chosen[self.reference] = self.labels[self.reference] == 1
                return chosen
        raise UserError(f"where={kind!r}; expected one of {', '.join(KINDS)}.")


class RayGroup(Protocol):
    """Something to learn from."""

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """The rays of one step and what is known of them."""


class PixelRays:
    """Rays of single pixels of one kind: rays (n,6), colour (n,3) in [0,1], label (n,) and, if known, disparity (n,).

    Args:
        pixels: of the scene.
        rays: number of rays a step.
        where: kind of the pixels.

    Raises:
        UserError: no pixel is of this kind.
    """

    def __init__(self, pixels: Pixels, *, rays: int, where: str) -> None:
        self.pixels, self.count = pixels, rays
        self.places = np.flatnonzero(pixels.of_kind(where)).astype(np.int64)
        if not len(self.places):
            raise UserError(
                f"{pixels.scene.image_folder}: no pixel of the training views is of the kind '{where}'. "
                "Look at the masks in its label folder: they may be missing, empty, or cover everything."
            )

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """See the class."""
        place = self.places[rng.integers(len(self.places), size=self.count)]
        view, y, x = np.unravel_index(place, self.pixels.labels.shape)
        found = {
            "rays": self.pixels.rays(view, np.stack([x, y], axis=-1)),
            "colour": torch.from_numpy(self.pixels.images.reshape(-1, 3)[place].astype(np.float32) / 255),
            "label": torch.from_numpy(self.pixels.labels.reshape(-1)[place].astype(np.float32)),
        }
        if self.pixels.disparities is not None:
            found["disparity"] = torch.from_numpy(self.pixels.disparities.reshape(-1)[place])
        return found


class KeypointRays:
    """Rays through key points of known depth: rays (n,6), depth (n,), weight (n,).

    Args:
        pixels: of the scene.
        rays: number of rays a step.
        key_points: per view of V: positions (k,2) in the image, whatever the centre of a pixel is, depths (k,), weights
            (k,).
        background_only: leave out key points in the hole.
    """

    def __init__(self, pixels: Pixels, *, rays: int, key_points: list, background_only: bool = True) -> None:
        self.pixels, self.count = pixels, rays
        kept = [self._kept(view, points, background_only) for view, points in enumerate(key_points)]
        counts = [int(mask.sum()) for mask in kept]
        if not sum(counts):
            raise UserError(
                f"{pixels.scene.root}: no key point lies in the background of a training view; leave the group "
                "'keypoints' out of the config."
            )
        self.view = np.repeat(np.arange(len(kept)), counts)
        self.xy, self.depth, self.weight = (
            np.concatenate([getattr(points, name)[mask] for points, mask in zip(key_points, kept, strict=True)])
            for name in ("xy", "depth", "weight")
        )

    def _kept(self, view: int, points, background_only: bool) -> NDArray[np.bool_]:
        height, width = self.pixels.labels.shape[1:]
        column, row = np.floor(points.xy).astype(np.int64).T.reshape(2, -1)
        label = self.pixels.labels[view, row.clip(0, height - 1), column.clip(0, width - 1)]
        return (label == 0) if background_only else np.ones(len(label), dtype=bool)

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """See the class."""
        rows = rng.integers(len(self.depth), size=self.count)
        return {
            "rays": self.pixels.rays(self.view[rows], self.xy[rows] - self.pixels.pixel_centre),
            "depth": torch.from_numpy(self.depth[rows].astype(np.float32)),
            "weight": torch.from_numpy(self.weight[rows].astype(np.float32)),
        }


class PatchRays:
    """Patches of small renderings around the hole: rays (B,h,w,6), colour (B,h,w,3), place (B,3) of view, row, column.

    A view is rendered at every `stride`-th pixel; a patch is 1 / `divisor` of that in height and width.

    Args:
        pixels: of the scene.
        count: patches a step, each of another view.
        stride: pixels between two rays.
        divisor: of height and width.
        aligned: rays go through the middle of what a target pixel averages; published: through its first corner.
        raster: first rows and columns are multiples of this; few places can be remembered, see `SPInNeRF`.
    """

    def __init__(
        self,
        pixels: Pixels,
        *,
        count: int = 4,
        stride: int = 2,
        divisor: int = 8,
        aligned: bool = True,
        raster: int = 1,
    ) -> None:
        self.pixels, self.stride, self.raster = pixels, stride, raster
        self.shift = (stride - 1) / 2 if aligned else 0.0
        found = [patch_range(label, stride=stride, patch_factor=divisor, inside=True) for label in pixels.labels]
        self.ranges = {view: one for view, one in enumerate(found) if one is not None}
        if not self.ranges:
            raise UserError(f"{pixels.scene.image_folder}: no training view has a hole to put patches around.")
        height, width = (side // stride for side in pixels.labels.shape[1:])
        self.count = min(count, len(self.ranges))
        self.small = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in pixels.images]

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """See the class."""
        views = rng.choice(list(self.ranges), size=self.count, replace=False)
        places = [(int(view), *self._corner(self.ranges[view], rng)) for view in views]
        rays, colours = (torch.stack(parts) for parts in zip(*map(self._patch, places), strict=True))
        return {"rays": rays, "colour": colours, "place": torch.tensor(places)}

    def _corner(self, span: PatchRange, rng: np.random.Generator) -> tuple[int, int]:
        drawn = (int(rng.integers(first, last + 1)) for first, last in (span.rows, span.columns))
        return tuple(place // self.raster * self.raster for place in drawn)

    def _patch(self, place: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
        view, top, left = place
        height, width = self.ranges[view].height, self.ranges[view].width
        y, x = np.mgrid[top : top + height, left : left + width]
        xy = np.stack([x, y], axis=-1).reshape(-1, 2) * self.stride + self.shift
        rays = self.pixels.rays(np.full(len(xy), view), xy).view(height, width, 6)
        colours = self.small[view][top : top + height, left : left + width]
        return rays, torch.from_numpy(colours.astype(np.float32) / 255)


def make_groups(pixels: Pixels, settings: Mapping[str, Mapping], *, key_points: list | None) -> dict[str, RayGroup]:
    """Groups by name, from a config's dicts: "keypoints" and "patches" are of their kind, others are of pixels.

    Raises:
        UserError: a setting that the group does not have.
    """
    groups: dict[str, RayGroup] = {}
    for name, options in settings.items():
        try:
            if name == "keypoints":
                groups[name] = KeypointRays(pixels, key_points=key_points, **options)
            else:
                groups[name] = (PatchRays if name == "patches" else PixelRays)(pixels, **options)
        except TypeError as error:
            raise UserError(f"groups: {name}={dict(options)} does not fit: {error}.") from error
    return groups
