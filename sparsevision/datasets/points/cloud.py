"""One raw point cloud, checked once where it enters."""

from dataclasses import dataclass, replace

import numpy as np

from sparsevision.utils import UserError


def checked_points(points: np.ndarray, *, field: str = "points") -> np.ndarray:
    """Coordinates (n,3) as they are, once it is sure that they are finite numbers of at least one point.

    Raises:
        UserError: another shape, no numbers, no point at all, or a coordinate that is NaN or infinite.
    """
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype.kind not in "iuf":
        raise UserError(f"{field}: expected numbers of shape (n, 3), got {points.dtype} of shape {points.shape}.")
    if not len(points):
        raise UserError(f"{field}: the cloud has no point; leave this scene out of the list, or get its file again.")
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise UserError(
            f"{field}: {len(bad)} of {len(points)} points have coordinates that are NaN or infinite, the first is "
            f"point {bad[0]} at {points[bad[0]].tolist()}. Remove these points from the file (and draw its sparse "
            "labels again: point numbers move)."
        )
    return points


@dataclass(frozen=True, kw_only=True)
class PointCloud:
    """A raw cloud of n points.

    Args:
        points: (n,3) metres.
        colours: (n,3) red, green, blue in 0..255.
        labels: (n,) class of each point; `ignore_index` where there is none.
        ignore_index: the label that stands for "no label".

    Raises:
        UserError: from the constructor, when a field is missing, empty, of another length or not finite.
    """

    points: np.ndarray
    colours: np.ndarray
    labels: np.ndarray
    ignore_index: int = 255

    def __post_init__(self):
        count = len(checked_points(self.points))
        if self.colours is None:
            raise UserError("colours: this cloud has none; expected (n, 3) values in 0..255. Write a mid-grey (127.5).")
        colours, labels = np.asarray(self.colours), np.asarray(self.labels)
        if colours.shape != (count, 3) or colours.dtype.kind not in "iuf":
            raise UserError(f"colours: expected ({count}, 3) values, got {colours.dtype} of shape {colours.shape}.")
        outside = ~((colours >= 0) & (colours <= 255)).all(axis=1)
        if outside.any():
            worst = np.flatnonzero(outside)[0]
            raise UserError(f"colours: point {worst} has {colours[worst].tolist()}; expected values in 0..255.")
        if labels.shape != (count,) or labels.dtype.kind not in "iu":
            raise UserError(
                f"labels: expected {count} whole numbers, one a point, got {labels.dtype} of shape {labels.shape}."
            )

    def __len__(self) -> int:
        return len(self.points)

    @property
    def labelled(self) -> np.ndarray:
        """(n,) bool: the points that have a label."""
        return np.asarray(self.labels) != self.ignore_index

    def with_only_labels_at(
        self, indices: np.ndarray, *, given: np.ndarray | None = None, scene: str = "this scene"
    ) -> "PointCloud":
        """The same cloud with all labels removed but those of the points `indices` (k,). Spec of CPCM: weak labels.

        Args:
            indices: the labelled points.
            given: (k,) what the annotator said of them, right or wrong; None: the cloud's own labels.
            scene: named in errors.

        Raises:
            UserError: an index that the cloud does not have: the file of indices belongs to another cloud.
        """
        indices = np.asarray(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise UserError(
                f"indices of {scene}: expected whole numbers of shape (k,), got {indices.dtype} of {indices.shape}."
            )
        indices = indices.astype(np.int64)
        wrong = indices[(indices < 0) | (indices >= len(self))]
        if wrong.size:
            raise UserError(
                f"indices of {scene}: point {wrong[0]} does not exist, the cloud has {len(self)} points. "
                "The index file was made for another scene or another copy of it; draw the labels again."
            )
        labels = np.full(len(self), self.ignore_index, dtype=np.int64)
        labels[indices] = np.asarray(self.labels)[indices] if given is None else given
        return replace(self, labels=labels)
