"""Write a removal room as files, in the layout of the SPIn-NeRF benchmark, with the truth that real scenes lack."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sparsevision.annotation import save_annotations
from sparsevision.annotation.simulate import simulate_clicks
from sparsevision.annotation.types import Clicks
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.colmap.files import write_model
from sparsevision.datasets.views.poses import look_at
from sparsevision.synthetic.removal_room import make_removal_room
from sparsevision.synthetic.removal_room_points import colmap_model, find_points
from sparsevision.synthetic.removal_room_render import Pictures, Studio, View
from sparsevision.synthetic.room_materials import load_room_photos
from sparsevision.synthetic.set_folder import write_set
from sparsevision.utils import UserError

NAME = "TinyRemovalRoom"
FORMAT = 3  # raise when the same settings would give other files
FOCAL = 0.9  # of the width
LOOKED_AT = (0.0, 0.06, 0.17)
MIDDLE, REACH = (0.0, -1.0, 0.48), (0.12, 0.02, 0.06)  # of the cameras, metres
TEST_REACH = 0.75  # test cameras stay within this share of the training cameras' reach
LLFF_NEAR = 0.75  # the smallest bound becomes 1 / 0.75 when LLFF's loader scales the scene
MARGIN = 0.25  # of the target's box, within which the click off the target falls


@dataclass(frozen=True)
class RemovalRoomSettings:
    """What the files depend on.

    Attributes:
        seed: of everything.
        train: views with the target, the last ones by name.
        test: views without it from other places, the first ones by name.
        height, width: of the small images in pixels.
        factor: how much larger the images in `images` are.
        samples: rays across a pixel of the large images; squared a pixel.
        points: of the COLMAP model, tried in each view.
        target_shadow: the target throws a shadow, as in a photograph. No mask covers it and no method here removes it,
            so numbers against the empty room are then those of the shadow.
        things_behind: other things stand behind the target, which hides parts of them that no method can know. Without
            this, what it hides is what goes on around it: the table, and the wall at its end.
    """

    seed: int = 0
    train: int = 24
    test: int = 12
    height: int = 94
    width: int = 126
    factor: int = 2
    samples: int = 1
    points: int = 50
    target_shadow: bool = False
    things_behind: bool = False

    def __post_init__(self) -> None:
        if (
            min(self.train, self.test) < 1
            or self.train + self.test < 3
            or min(self.height, self.width) < 24
            or not 1 <= self.factor <= 8
            or not 1 <= self.samples <= 8
            or not 1 <= self.points <= self.height * self.width
        ):
            raise UserError(
                "Expected train, test >= 1 and 3 views or more, height, width >= 24, factor, samples from 1 to 8 and "
                f"1 point a view or more, got {self}."
            )


SMALL = RemovalRoomSettings(train=6, test=3, height=47, width=63, points=30)


@dataclass(frozen=True)
class NamedView:
    """A camera of the large images, the stem of its files, and whether the target is there."""

    name: str
    view: View
    target: bool


def write_removal_room(
    out: str | Path,
    settings: RemovalRoomSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Write the folder whole, or not at all.

    As in the benchmark, f being the factor: `images/NAME.png`, `images_f/NAME.png`, `images_f/label/NAME.png` of the
    views with the target (0 and 1), `images_f/test_label/out_00001.png` ... of those without it in their order (where
    the target would be), `poses_bounds.npy`, `sparse/0`.

    Besides: `clicks.json`, two clicks on and one off the target in the first view that has it, in pixels of images_f;
    `truth/mask/NAME.png` (0 and 255); `truth/disparity/NAME.npy` of what the picture shows; and, of the views with the
    target, `truth/empty/NAME.png` and `truth/empty_disparity/NAME.npy` without it. Disparities (H,W) float32 are
    1 / depth at the centres of the pixels, in the frame that LLFF's loader scales the scene to. The bounds in
    `poses_bounds.npy` are the nearest and the farthest of these depths.

    Args:
        out: folder to make.
        settings: see `RemovalRoomSettings`.
        overwrite: replace another synthetic set.
        progress: called with (views done, views in all).

    Returns:
        False if `out` already holds exactly this set, so that nothing was done.

    Raises:
        UserError: `out` holds another set and `overwrite` is not set, or something that is no set.
    """
    card = {"set": NAME, "format": FORMAT, "settings": asdict(settings)}
    return write_set(out, card, lambda root: _write_all(root, settings, progress), overwrite=overwrite)


def make_views(settings: RemovalRoomSettings, rng: np.random.Generator) -> list[NamedView]:
    """The cameras in the order of their names: they look at the target from a figure of eight before it.

    Those for testing go round a smaller and shifted one, so none of them stands where one for training does.
    """
    counts = {False: settings.test, True: settings.train}
    views = []
    for target, count in counts.items():
        angles = 2 * np.pi * (np.arange(count) + (0.0 if target else 0.37)) / count
        eight = np.stack([np.sin(angles), np.cos(3 * angles), np.sin(2 * angles)], axis=1)
        reach = np.array(REACH) * (1.0 if target else TEST_REACH)
        for centre in MIDDLE + reach * eight + rng.uniform(-0.01, 0.01, (count, 3)):
            name = f"image{len(views):03d}"
            views.append(NamedView(name, _camera(settings, centre, rng), target))
    return views


def _camera(settings: RemovalRoomSettings, centre: NDArray, rng: np.random.Generator) -> View:
    back = centre - LOOKED_AT - rng.uniform(-0.01, 0.01, 3)
    height, width = settings.height * settings.factor, settings.width * settings.factor
    return View(height, width, FOCAL * width, look_at(back, np.array([0.0, 0.0, 1.0]), centre))


def _write_all(root: Path, settings: RemovalRoomSettings, progress: Callable[[int, int], None]) -> None:
    room_rng, view_rng, point_rng = (np.random.default_rng([settings.seed, key]) for key in range(3))
    room = make_removal_room(load_room_photos(), rng=room_rng, things_behind=settings.things_behind)
    studio = Studio.of(room, target_shadow=settings.target_shadow)
    named = make_views(settings, view_rng)
    views = [one.view for one in named]
    depths = [studio.depths(_small(one.view, settings), target=one.target) for one in named]
    bounds = np.array([[depth.min(), depth.max()] for depth in depths])
    np.save(root / "poses_bounds.npy", llff_rows(views, bounds))
    scale = 1 / (LLFF_NEAR * bounds.min())
    pictures = []
    for number, (one, depth) in enumerate(zip(named, depths, strict=True)):
        taken = studio.photograph(one.view, samples=settings.samples)
        pictures.append(taken.full if one.target else taken.empty)
        mask = _write_view(root, settings, one, taken, number)
        _write_disparity(root / "truth" / "disparity" / f"{one.name}.npy", depth, scale)
        if one.target:
            empty = studio.depths(_small(one.view, settings), target=False)
            _write_disparity(root / "truth" / "empty_disparity" / f"{one.name}.npy", empty, scale)
        if number == settings.test:
            save_annotations(root / "clicks.json", {one.name: clicks_on(mask)})
        progress(number + 1, len(named))
    found = find_points(studio.room, views, [one.target for one in named], points=settings.points, rng=point_rng)
    model = colmap_model(views, pictures, [f"{one.name}.png" for one in named], found, point_rng)
    write_model(model, root / "sparse" / "0")


def _write_view(root: Path, settings: RemovalRoomSettings, one: NamedView, taken: Pictures, number: int) -> NDArray:
    """The images and masks of one view; returns the small mask (H,W) bool."""
    small = root / f"images_{settings.factor}"
    mask = _shrunk(taken.coverage, settings) >= 0.5
    picture = taken.full if one.target else taken.empty
    write_png(root / "images" / f"{one.name}.png", picture)
    write_png(small / f"{one.name}.png", np.rint(_shrunk(picture, settings)))
    label = f"label/{one.name}.png" if one.target else f"test_label/out_{number + 1:05d}.png"
    write_png(small / label, mask)
    write_png(root / "truth" / "mask" / f"{one.name}.png", mask * np.uint8(255))
    if one.target:
        write_png(root / "truth" / "empty" / f"{one.name}.png", np.rint(_shrunk(taken.empty, settings)))
    return mask


def _write_disparity(path: Path, depth: NDArray, scale: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, (1 / (scale * depth)).astype(np.float32))


def _small(view: View, settings: RemovalRoomSettings) -> View:
    """The camera of the small image."""
    return View(settings.height, settings.width, view.focal / settings.factor, view.pose)


def llff_rows(views: list[View], bounds: NDArray) -> NDArray:
    """`poses_bounds.npy` (V,17): columns down, right, back, centre, and height, width, focal; then the bounds."""
    rows = []
    for view, (near, far) in zip(views, bounds, strict=True):
        right, up, back, centre = view.pose.T
        size = (view.height, view.width, view.focal)
        rows.append([*np.stack([-up, right, back, centre, size], axis=1).ravel(), near, far])
    return np.array(rows)


def clicks_on(mask: NDArray) -> Clicks:
    """Two clicks on the target, mask (H,W) bool, and one off it but near it."""
    rows, columns = np.nonzero(mask)
    y, x = (int(MARGIN * (places.max() - places.min())) for places in (rows, columns))
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * y + 1, 2 * x + 1), np.uint8)).astype(bool)
    return simulate_clicks(mask, near, previous=simulate_clicks(mask, n=2))


def _shrunk(values: NDArray, settings: RemovalRoomSettings) -> NDArray:
    """Means over the pixels of the large image that a pixel of the small one covers."""
    factor = settings.factor
    cells = (settings.height, factor, settings.width, factor, *values.shape[2:])
    return values.reshape(cells).mean((1, 3))
