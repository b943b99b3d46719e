"""Pictures of a selection: the chosen images in their order, and where they lie among all."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsevision.utils import UserError
from sparsevision.visualization.canvas import as_rgb

PALE = (190, 196, 204)
INK = (30, 30, 30)
MARK = (214, 60, 40)
TITLE = 16


def contact_sheet(images: Iterable[ArrayLike], titles: Iterable[str], *, columns: int = 10, side: int = 96) -> NDArray:
    """Images in reading order, each fitted into a square cell on white, with its title below.

    Args:
        images: uint8 (H,W,3), (H,W) or RGBA; may be a generator, one is held at a time.
        titles: as many; cut to the cell's width, characters outside ASCII become "?".
        columns: cells in a row.
        side: of a cell in pixels.

    Returns:
        uint8 RGB.

    Raises:
        UserError: no images.
    """
    cells = [_cell(image, title, side) for image, title in zip(images, titles, strict=True)]
    if not cells:
        raise UserError("there are no images for a contact sheet.")
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % min(columns, len(cells)))
    columns = min(columns, len(cells))
    return np.vstack([np.hstack(cells[first : first + columns]) for first in range(0, len(cells), columns)])


def _cell(image: ArrayLike, title: str, side: int) -> NDArray:
    picture = as_rgb(image)
    scale = (side - 4) / max(picture.shape[:2])
    size = tuple(max(1, round(length * scale)) for length in picture.shape[1::-1])
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    cell = np.full((side + TITLE, side, 3), 255, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    text = title.encode("ascii", "replace").decode()
    cv2.putText(cell, text, (2, side + TITLE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.33, INK, 1, cv2.LINE_AA)
    return cell


def principal_plane(features: ArrayLike) -> tuple[NDArray, NDArray]:
    """First two principal components (N, 2) float64 of features (N, D), and the shares of the variance (2,) they hold.

    The largest loading of each component is positive, so that the picture does not flip; constant features give zeros.
    """
    centred = np.asarray(features, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    plane = np.zeros((len(centred), 2))
    plane[:, : axes.shape[1]] = centred @ axes
    shares = np.zeros(2)
    shares[: axes.shape[1]] = values[::-1][:2] / max(values.sum(), np.finfo(float).tiny)
    return plane, shares.clip(0, 1)


def feature_scatter(
    features: ArrayLike, chosen: ArrayLike, *, labelled: ArrayLike = (), size: tuple[int, int] = (480, 480)
) -> NDArray:
    """All samples in the plane of their first two principal components; the chosen ones red with their rank.

    Args:
        features: (N, D) finite.
        chosen: indices in order; the first 30 are numbered.
        labelled: indices of what was labelled before, drawn as dark rings.
        size: (height, width) of the picture in pixels.

    Returns:
        uint8 RGB (height, width, 3). How much of the variance the plane holds is written in it: little means that
        neighbours in the picture need not be neighbours.
    """
    plane, shares = principal_plane(features)
    low, high = plane.min(axis=0), plane.max(axis=0)
    spread = np.where(high > low, high - low, 1)
    height, width = size
    place = np.rint(24 + (plane - low) / spread * (width - 48, height - 48)).astype(int)
    place[:, 1] = height - place[:, 1]
    canvas = np.full((height, width, 3), 255, np.uint8)
    for x, y in place.tolist():
        cv2.circle(canvas, (x, y), 2, PALE, -1, cv2.LINE_AA)
    for index in np.asarray(labelled, dtype=int):
        cv2.circle(canvas, tuple(place[index].tolist()), 5, INK, 1, cv2.LINE_AA)
    for rank, index in enumerate(np.asarray(chosen, dtype=int), 1):
        x, y = place[index].tolist()
        cv2.circle(canvas, (x, y), 4, MARK, -1, cv2.LINE_AA)
        if rank <= 30:
            cv2.putText(canvas, str(rank), (x + 5, y - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.35, INK, 1, cv2.LINE_AA)
    text = f"PCA: {100 * shares.sum():.0f} % of the variance; red = chosen"
    cv2.putText(canvas, text, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return canvas
