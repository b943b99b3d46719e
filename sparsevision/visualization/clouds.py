"""Pictures of point clouds and meshes: seen from above at a slant, without the ceiling, colours beside classes."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from sparsevision.utils import UserError
from sparsevision.visualization.drawing import draw_points
from sparsevision.visualization.events import draw_legend
from sparsevision.visualization.panels import side_by_side
from sparsevision.visualization.splatting import Camera, Pixels, camera_around, look, without_gaps

LARGEST_GAP = 12  # pixels before smoothing that are filled between points
SMOOTHING = 2  # pixels drawn for each pixel of the picture, along a side
MOST_POINTS = 600_000  # of a cloud without faces that are drawn; others are left out evenly
UNLABELLED = (205, 205, 205)
FADED = 0.55  # share of white in a cloud on which labels are marked
OUTLIERS = (0.2, 99.8)  # percentiles between which the picture's bounds lie
TALL = 1.5  # metres: lower clouds have no ceiling
CEILING_FROM = 0.7  # share of the height above which a surface may be a ceiling
CEILING_SHARE = 0.25  # of the ground below it
CELLS = 48  # into which the longer side of the ground is divided
WALL_DEPTH = 0.35  # metres from the first point of a strip
BANDS = ((0.3, 0.55), (0.55, 0.8), (0.8, 1.0))  # shares of the height; a wall has points in all of them
WALL_SHARE = 0.6  # of the strips
SKIRTING = 0.08  # share of the height of a wall that stays
DISC = 1.25  # diameters of discs in distances to that neighbour
NEIGHBOUR = 4  # whose distance is the diameter of a point's disc
INWARD_SHARE = 0.6  # of a mesh's area


def draw_cloud(
    points: ArrayLike,
    colours: ArrayLike,
    *,
    faces: ArrayLike | None = None,
    size: tuple[int, int] = (540, 720),
    azimuth: float | None = None,
    elevation: float = 52.0,
    cut_above: float | None = None,
) -> NDArray[np.uint8]:
    """A cloud with z upward in perspective, on white.

    Args:
        points: (n,3) metres; what is not finite is left out.
        colours: (n,3) in 0..255.
        faces: (m,3) rows of points, of a mesh.
        size: (height, width) of the picture in pixels; empty borders are cut away.
        azimuth: degrees from x towards y, where the camera stands; None: where the longer side of the cloud is seen.
        elevation: degrees of the camera above the horizon.
        cut_above: what is higher than this z is left out; None finds the ceiling, infinity leaves out nothing.

    Returns:
        uint8 RGB of at most `size`.

    Raises:
        UserError: shapes that do not fit together, or no finite point.
    """
    view = _View(points, faces, size=size, azimuth=azimuth, elevation=elevation, cut_above=cut_above)
    return view.paint(_per_point(colours, len(view.points), "colours"), blend=True)


def draw_segmented_cloud(
    points: ArrayLike,
    colours: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    names: Sequence[str],
    palette: ArrayLike,
    ignore_index: int = 255,
    **options,
) -> NDArray[np.uint8]:
    """A cloud's colours beside its classes, above a legend of the classes that are seen.

    Args:
        points: (n,3) metres.
        colours: (n,3) in 0..255.
        labels: {title of a panel: (n,) class ids}.
        names: of the classes.
        palette: (C,3) RGB of the classes.
        ignore_index: label of what is drawn in light grey.
        options: `faces`, `size` and the rest of `draw_cloud`; the size is that of one panel.

    Raises:
        UserError: shapes that do not fit together, or a class without a colour.
    """
    view = _View(points, **{"faces": None, **options})
    panels = {"colours": view.paint(_per_point(colours, len(view.points), "colours"), blend=True)}
    palette, present = np.asarray(palette, dtype=np.uint8).reshape(-1, 3), set()
    for title, ids in labels.items():
        ids = np.asarray(ids).reshape(-1)
        if len(ids) != len(view.points):
            raise UserError(f"{title}: {len(ids)} labels for {len(view.points)} points.")
        panels[title] = view.paint(label_colours(ids, palette, ignore_index=ignore_index), blend=False)
        present |= set(np.unique(ids[view.seen]).tolist()) - {ignore_index}
    row = side_by_side(list(panels.values()), list(panels))
    shown = sorted(present)
    legend = draw_legend([names[index] for index in shown], palette[shown], width=row.shape[1])
    return np.vstack([row, legend])


def draw_marked_cloud(
    points: ArrayLike,
    colours: ArrayLike,
    labels: ArrayLike,
    *,
    palette: ArrayLike,
    ignore_index: int = 255,
    size: tuple[int, int] = (540, 720),
) -> NDArray[np.uint8]:
    """A cloud in faded colours with a dot on each labelled point, also where a wall or the ceiling hides it.

    Args:
        points: (n,3) metres.
        colours: (n,3) in 0..255.
        labels: (n,) class ids.
        palette: (C,3) RGB of the classes.
        ignore_index: label of what gets no dot.
        size: (height, width) of the picture in pixels.

    Raises:
        UserError: shapes that do not fit together, or a class without a colour.
    """
    points, labels = np.asarray(points, dtype=np.float64), np.asarray(labels).reshape(-1)
    if len(labels) != len(points):
        raise UserError(f"labels: {len(labels)} for {len(points)} points.")
    palette = np.asarray(palette, dtype=np.uint8).reshape(-1, 3)
    marked = np.flatnonzero((labels != ignore_index) & np.isfinite(points).all(axis=1))
    view = _View(points, None, size=size, marked=marked)
    faded = _per_point(colours, len(points), "colours") * (1 - FADED) + 255 * FADED
    return draw_points(view.paint(faded, blend=True), view.places(marked), labels[marked], colours=palette)


def label_colours(labels: ArrayLike, palette: ArrayLike, *, ignore_index: int) -> NDArray[np.uint8]:
    """Colours (n,3) of class ids (n,); light grey for `ignore_index`.

    Raises:
        UserError: an id that the palette (C,3) does not have.
    """
    labels, palette = np.asarray(labels), np.asarray(palette, dtype=np.uint8).reshape(-1, 3)
    known = labels != ignore_index
    if known.any() and not 0 <= labels[known].min() <= labels[known].max() < len(palette):
        raise UserError(
            f"class ids reach from {labels[known].min()} to {labels[known].max()}; the palette has {len(palette)}."
        )
    colours = np.full((len(labels), 3), UNLABELLED, dtype=np.uint8)
    colours[known] = palette[labels[known]]
    return colours


def ceiling_height(points: NDArray) -> float:
    """The height from which on a cloud (n,3) is left out so that one looks into it; infinity if nothing is above.

    There is a ceiling if over much of the ground the highest point is far up. Walls alone are too thin for that.
    """
    low, high = np.percentile(points[:, 2], OUTLIERS)
    extent = np.ptp(points[:, :2], axis=0)
    if high - low < TALL or not extent.max() > 0:
        return np.inf
    cells = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / (extent.max() * 1.0001) * CELLS).astype(np.int64)
    number = cells[:, 0] * CELLS + cells[:, 1]
    highest = np.full(CELLS * CELLS, -np.inf)
    np.maximum.at(highest, number, points[:, 2])
    highest = highest[np.isfinite(highest)]
    tops = highest[highest > low + CEILING_FROM * (high - low)]
    if len(tops) < CEILING_SHARE * len(highest):
        return np.inf
    return float(np.percentile(tops, 10) - 0.04 * (high - low))


def front_walls(points: NDArray, azimuth: float) -> NDArray[np.bool_]:
    """(n,) the points of walls between the camera and the inside of a room; none where no walls stand there.

    Seen from above, the cloud is cut into strips that lead to the camera. What comes first in a strip is a wall if it
    reaches up to the top of the cloud, and there are walls if that is so in most strips.
    """
    low, high = np.percentile(points[:, 2], OUTLIERS)
    if high - low < TALL:
        return np.zeros(len(points), dtype=bool)
    angle = np.radians(azimuth)
    towards, across = (points[:, :2] @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])).T
    strip = np.floor((across - across.min()) / max(np.ptp(across), 1e-6) * (CELLS - 1)).astype(np.int64)
    inside = (points[:, 2] >= low) & (points[:, 2] <= high)
    first = np.full(CELLS, -np.inf)
    np.maximum.at(first, strip[inside], towards[inside])
    near = towards > first[strip] - WALL_DEPTH
    height = (points[:, 2] - low) / (high - low)
    walls = [
        np.bincount(strip[near & (height > least) & (height <= most)], minlength=CELLS) > 0 for least, most in BANDS
    ]
    tall = np.logical_and.reduce(walls)
    if tall.sum() < WALL_SHARE * np.isfinite(first).sum():
        return np.zeros(len(points), dtype=bool)
    return near & (height > SKIRTING)


def point_spacing(points: NDArray) -> NDArray[np.float64]:
    """(n,) how far the fourth neighbour of each point is, but never much more than usual."""
    if len(points) <= NEIGHBOUR:
        return np.full(len(points), max(float(np.ptp(points, axis=0).max()), 1e-3) / 10)
    distance = cKDTree(points).query(points, k=NEIGHBOUR + 1)[0][:, NEIGHBOUR]
    return np.minimum(distance, 2.5 * np.median(distance))


def faces_inward(points: NDArray, faces: NDArray) -> bool:
    """Whether a mesh (n,3), (m,3) is the inside of something, as scans of rooms are: most of its area looks inward."""
    corners = points[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])  # as long as twice the area
    inward = np.median(points, axis=0) - corners.mean(axis=1)
    total = np.linalg.norm(normals, axis=1)
    return bool(total[(normals * inward).sum(axis=1) > 0].sum() > INWARD_SHARE * total.sum())


class _View:
    """One camera on one cloud, from which several pictures are painted; the `marked` rows lie inside of them."""

    def __init__(
        self,
        points: ArrayLike,
        faces: ArrayLike | None,
        *,
        size: tuple[int, int] = (540, 720),
        azimuth: float | None = None,
        elevation: float = 52.0,
        cut_above: float | None = None,
        marked: Sequence[int] = (),
    ) -> None:
        self.points = np.asarray(points, dtype=np.float64)
        if self.points.ndim != 2 or self.points.shape[1] != 3:
            raise UserError(f"points: expected (n, 3), got shape {self.points.shape}.")
        finite = np.isfinite(self.points).all(axis=1)
        if not finite.any():
            raise UserError("points: there is no finite point to draw.")
        cut = ceiling_height(self.points[finite]) if cut_above is None else cut_above
        kept = finite & (np.nan_to_num(self.points[:, 2]) <= cut)
        kept = kept if kept.any() else finite
        bounds = _without_outliers(self.points[kept])
        azimuth = side_azimuth(bounds) if azimuth is None else azimuth
        large = (size[0] * SMOOTHING, size[1] * SMOOTHING)
        self.marked = np.asarray(marked, dtype=np.int64)
        bounds = np.concatenate([bounds, self.points[self.marked]])
        self.camera = camera = camera_around(bounds, azimuth=azimuth, elevation=elevation, size=large)
        hidden = np.zeros_like(kept)
        hidden[kept] = front_walls(self.points[kept], azimuth)
        if faces is None:
            self.pixels = _pixels_of_points(self.points, np.flatnonzero(kept & ~hidden), camera)
        else:
            self.pixels = _pixels_of_mesh(self.points, kept, faces, camera, hidden=hidden)

    @property
    def seen(self) -> NDArray[np.int64]:
        """The points that are in the picture."""
        return np.unique(self.pixels.rows[self.pixels.covered])

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the large picture without its empty borders."""
        shown = self.pixels.covered.copy()
        columns, rows = self.camera.project(self.points[self.marked])[0].astype(np.int64).T
        shown[rows.clip(0, shown.shape[0] - 1), columns.clip(0, shown.shape[1] - 1)] = True
        margin = 8 * SMOOTHING
        lines = (np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0)))
        return tuple(
            slice(max(0, own[0] - margin), min(length, own[-1] + margin))
            for own, length in zip(lines, shown.shape, strict=True)
        )

    def paint(self, colours: NDArray, *, blend: bool) -> NDArray[np.uint8]:
        """Colours (n,3) as a picture without empty borders."""
        picture = np.ascontiguousarray(self.pixels.paint(colours, blend=blend)[self.window])
        shape = (max(1, picture.shape[1] // SMOOTHING), max(1, picture.shape[0] // SMOOTHING))
        return cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)

    def places(self, rows: NDArray) -> NDArray[np.float64]:
        """Where the points of these rows (k,) are in what `paint` gives: (k,2) columns and rows in pixels."""
        down, across = self.window
        return (self.camera.project(self.points[rows])[0] - (across.start, down.start)) / SMOOTHING


def _pixels_of_points(points: NDArray, rows: NDArray, camera: Camera) -> Pixels:
    rows = rows[:: -(-len(rows) // MOST_POINTS)]
    pixels = without_gaps(look(points[rows], camera, spacing=DISC * point_spacing(points[rows])), LARGEST_GAP // 2)
    return Pixels(rows[pixels.rows], pixels.weights, pixels.depth)


def _pixels_of_mesh(points: NDArray, kept: NDArray, faces: ArrayLike, camera: Camera, *, hidden: NDArray) -> Pixels:
    """Faces with all corners kept, and points without a face; where one looks into a room, none of the `hidden`."""
    faces = np.asarray(faces, dtype=np.int64).reshape(-1, 3)
    rows = np.flatnonzero(kept)
    place = np.cumsum(kept) - 1
    own = place[faces[kept[faces].all(axis=1)]]
    inward = faces_inward(points[rows], own)
    loose = np.setdiff1d(np.arange(len(rows)), own)
    if inward:
        loose = loose[~hidden[rows[loose]]]
    pixels = look(points[rows], camera, spacing=point_spacing(points[rows]), faces=own, loose=loose, one_sided=inward)
    return Pixels(rows[pixels.rows], pixels.weights, pixels.depth)


def _without_outliers(points: NDArray) -> NDArray:
    low, high = np.percentile(points, OUTLIERS, axis=0)
    inside = ((points >= low) & (points <= high)).all(axis=1)
    return points[inside] if inside.any() else points


def side_azimuth(points: NDArray) -> float:
    """Degrees from which the longer side of a cloud (n,3) is seen, turned a little towards its corner."""
    plane = points[:, :2] - points[:, :2].mean(axis=0)
    _, axes = np.linalg.eigh(plane.T @ plane)
    short = axes[:, 0] * (1 if axes[:, 0] @ (-0.3, -1) >= 0 else -1)
    return float(np.degrees(np.arctan2(short[1], short[0]))) + 20.0


def _per_point(values: ArrayLike, count: int, name: str) -> NDArray:
    values = np.asarray(values)
    if values.shape != (count, 3):
        raise UserError(f"{name}: expected ({count}, 3) values in 0..255, got shape {values.shape}.")
    return values
