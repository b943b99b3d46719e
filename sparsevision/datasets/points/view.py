"""The data path of one training item: two random views of a cloud and the rows that they share (CPCM, ICCV 2023).

Both views start again from the raw cloud. The order of the steps is the published one and matters: distort, crop,
rotate and scale, voxelise, drop voxels, flip, colours, shift.
"""

from dataclasses import dataclass, replace

import numpy as np

from sparsevision.datasets.points import augment
from sparsevision.datasets.points.cloud import PointCloud
from sparsevision.datasets.points.correspond import match_views
from sparsevision.datasets.points.settings import ViewSettings
from sparsevision.datasets.points.voxelise import Voxels, voxelize


@dataclass(frozen=True, kw_only=True)
class View:
    """One voxelised view of m voxels.

    Args:
        coords: (m,3) int32, flipped and shifted.
        colours: (m,3) float32 in 0..255; `augment.centre_colours` makes the network's input of them.
        labels: (m,) int64; the cloud's ignore index where there is none.
        voxels: which raw points stand for the rows, and the row of every raw point; its coords are those of the view.
    """

    coords: np.ndarray
    colours: np.ndarray
    labels: np.ndarray
    voxels: Voxels

    def __len__(self) -> int:
        return len(self.coords)


@dataclass(frozen=True, kw_only=True)
class TrainingItem:
    """Two views of one cloud; rows1 (k,) of the first and rows2 (k,) of the second show the same place."""

    view1: View
    view2: View
    rows1: np.ndarray
    rows2: np.ndarray


def training_item(cloud: PointCloud, settings: ViewSettings, rng: np.random.Generator) -> TrainingItem:
    """Two independent views of a cloud, first then second from the same generator, and their correspondence."""
    view1, view2 = (training_view(cloud, settings, rng) for _ in range(2))
    rows1, rows2 = match_views(view1.voxels, view2.voxels, any_shared_point=settings.any_shared_point)
    return TrainingItem(view1=view1, view2=view2, rows1=rows1, rows2=rows2)


def training_view(cloud: PointCloud, settings: ViewSettings, rng: np.random.Generator) -> View:
    """One random view of a cloud."""
    voxels = _dropped(_voxels(cloud, settings, rng), cloud.labelled, settings, rng)
    coords = voxels.coords
    if rng.random() < settings.flip_probability:
        coords = augment.random_flip(coords, axes=settings.flip_axes, rng=rng)
    colours = _changed_colours(np.asarray(cloud.colours)[voxels.representative], settings, rng)
    coords = augment.random_shift(coords, limit=settings.shift_limit, rng=rng)
    return _view(cloud, replace(voxels, coords=coords), colours)


def evaluation_view(cloud: PointCloud, *, voxel_size: float) -> View:
    """A cloud as it is evaluated: nothing random; `voxels.inverse` (n,) leads every raw point to its row."""
    voxels = voxelize(cloud.points, voxel_size=voxel_size)
    return _view(cloud, voxels, np.asarray(cloud.colours)[voxels.representative])


def label_survival(cloud: PointCloud, view: View) -> float:
    """Share of the labelled raw points whose label the view still holds; NaN for a cloud without labels."""
    labelled = np.count_nonzero(cloud.labelled)
    kept = np.count_nonzero(cloud.labelled[view.voxels.representative])
    return kept / labelled if labelled else float("nan")


def _voxels(cloud: PointCloud, settings: ViewSettings, rng: np.random.Generator) -> Voxels:
    points = np.asarray(cloud.points)
    if settings.elastic and rng.random() < settings.elastic_probability:
        for step in settings.elastic:
            noise = augment.draw_elastic_noise(points, granularity=step.granularity, rng=rng)
            points = augment.elastic_distortion(points, noise, granularity=step.granularity, magnitude=step.magnitude)
    inside = None
    if settings.crop_half_side is not None:
        inside = augment.crop_around_centre(
            points, half_side=settings.crop_half_side, shift=settings.crop_shift, rng=rng
        )
        if settings.labelled_escape_crop:
            inside = inside | cloud.labelled
    matrix = augment.random_affine(
        voxel_size=settings.voxel_size, largest_angles=settings.largest_angles, scale=settings.scale, rng=rng
    )
    labelled = cloud.labelled if settings.labelled_represent else None
    return voxelize(points, matrix=matrix, inside=inside, labelled=labelled)


def _dropped(voxels: Voxels, labelled: np.ndarray, settings: ViewSettings, rng: np.random.Generator) -> Voxels:
    if rng.random() >= settings.dropout_probability:
        return voxels
    spared = labelled[voxels.representative] if settings.labelled_escape_dropout else None
    return voxels.keep(augment.dropout_rows(len(voxels), ratio=settings.dropout_ratio, rng=rng, spared=spared))


def _changed_colours(colours: np.ndarray, settings: ViewSettings, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < settings.contrast_probability:
        colours = augment.auto_contrast(colours, blend=rng.random())
    if rng.random() < settings.translation_probability:
        colours = augment.translate_colours(colours, ratio=settings.translation_ratio, rng=rng)
    if rng.random() < settings.jitter_probability:
        colours = augment.jitter_colours(colours, std=settings.jitter_std, rng=rng)
    return colours


def _view(cloud: PointCloud, voxels: Voxels, colours: np.ndarray) -> View:
    labels = np.asarray(cloud.labels)[voxels.representative].astype(np.int64)
    return View(coords=voxels.coords, colours=colours.astype(np.float32), labels=labels, voxels=voxels)
