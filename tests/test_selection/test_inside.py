"""Which pixels of an image and points of a cloud: candidates, features, places."""

import numpy as np
import pytest

from sparsevision.annotation import AnnotationError
from sparsevision.selection import IDEAL, KCenter, Random, VoteK, select_pixels, select_points
from sparsevision.selection.inside import _joined
from sparsevision.selection.neighbours import nearest, unit_rows


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Everything:
    """Keeps the features that it is given and takes them in their order."""

    def select(self, features, budget, *, labelled=None, rng=None):
        self.features = features
        return np.arange(budget)


def test_candidates_are_the_middles_of_cells_and_see_their_means(rng):
    image = rng.integers(0, 256, (10, 13, 3))
    seen = Everything()
    xy = select_pixels(image, 12, selector=seen, rng=seeded(), spacing=4, place_weight=0)
    # Cells begin at 0, 4, 8 (3 rows, the last 2 high) and 0, 4, 8, 12 (4 columns, the last 1 wide).
    assert xy.tolist() == [[x, y] for y in (1, 5, 8) for x in (1, 5, 9, 12)]
    means = np.array([image[y : y + 4, x : x + 4].mean((0, 1)) for y in (0, 4, 8) for x in (0, 4, 8, 12)])
    centred = means - means.mean(0)
    assert np.allclose(seen.features[:, :3], centred / np.sqrt((centred**2).sum(1).mean()))
    assert (seen.features[:, 3:5] == 0).all()


def test_a_feature_map_takes_the_place_of_colours():
    coarse = np.array([[[0.0], [1.0]], [[2.0], [3.0]]])
    seen = Everything()
    xy = select_pixels(np.zeros((8, 12), np.uint8), 6, selector=seen, rng=seeded(), spacing=4, feature_map=coarse)
    assert xy.tolist() == [[1, 1], [5, 1], [9, 1], [1, 5], [5, 5], [9, 5]]
    order = np.unique(seen.features[:, 0], return_inverse=True)[1]
    assert order.tolist() == [0, 0, 1, 2, 2, 3]


def test_a_small_object_of_its_own_colour_is_found():
    image = np.zeros((96, 96, 3), np.uint8)
    image[40:56, 8:24] = (255, 0, 0)
    for selector in (KCenter(), IDEAL()):
        xy = select_pixels(image, 12, selector=selector, rng=seeded(), spacing=8, place_weight=0.3)
        assert image[xy[:, 1], xy[:, 0], 0].max() == 255, type(selector).__name__
        assert len({tuple(place) for place in xy.tolist()}) == 12


def test_cosines_tell_places_apart():
    rows, columns = np.mgrid[:12, :12]
    place = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(float)
    neighbours = nearest(unit_rows(_joined(np.zeros((144, 0)), place, 1.0)), 4)
    away = np.abs(place[neighbours] - place[:, None]).max(-1)
    assert away.max() <= 3


def test_smaller_budgets_are_beginnings(rng):
    image = rng.integers(0, 256, (64, 64), np.uint8)
    for selector in (Random(), VoteK(k=5), KCenter(), IDEAL()):
        few, many = (select_pixels(image, budget, selector=selector, rng=seeded()) for budget in (5, 20))
        assert few.tolist() == many[:5].tolist()


def test_one_point_a_voxel_the_one_nearest_to_the_mean():
    cloud = np.array([[0, 0, 0], [0.2, 0, 0], [0.9, 0, 0], [5, 5, 5], [5.5, 5, 5], [5.2, 5, 5.0]])
    chosen = select_points(cloud, 2, selector=KCenter(), rng=seeded(), voxel=1.0)
    # Means: x = 0.367 (point 1 at 0.2 is nearest) and 5.233 (point 5).
    assert sorted(chosen.tolist()) == [1, 5]


def test_colours_of_a_cloud_count(rng):
    cloud = np.hstack([rng.random((3000, 3)), np.zeros((3000, 3))])
    cloud[:, 3] = (cloud[:, 0] < 0.15) & (cloud[:, 1] < 0.15)
    chosen = select_points(cloud, 6, selector=KCenter(), rng=seeded(), voxel=0.05, place_weight=0.3)
    assert cloud[chosen, 3].max() == 1
    assert len(select_points(cloud[:, :3], 6, selector=VoteK(k=9), rng=seeded(), place_weight=0)) == 6


def test_a_cloud_of_one_place():
    assert select_points(np.ones((5, 3)), 1, selector=Random(), rng=seeded()).tolist() == [0]


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros((4, 4, 3, 1)), {}, r"image: expected \(H, W\)"),
        (np.zeros((0, 4)), {}, "image: expected"),
        (np.full((16, 16), np.nan), {}, "appearance: 4 of 4 rows hold NaN"),
        (np.zeros((16, 16)), {"spacing": 0}, "spacing: expected at least 1 pixel"),
        (np.zeros((16, 16)), {"feature_map": np.zeros((4, 4))}, r"feature_map: expected \(h, w, F\)"),
        (np.zeros((16, 16)), {"budget": 5}, "5 is more than the 4 cells to choose from; take a spacing below 8"),
        (np.zeros((16, 16)), {"budget": 0}, "budget: expected a whole number"),
    ],
)
def test_wrong_images(image, options, message):
    options = {"budget": 2, "selector": KCenter(), "rng": seeded(), **options}
    with pytest.raises(AnnotationError, match=message):
        select_pixels(image, **options)


@pytest.mark.parametrize(
    ("cloud", "options", "message"),
    [
        (np.zeros((4, 2)), {}, "cloud: expected .N, 3 or more."),
        (np.full((4, 3), np.inf), {}, "cloud: 4 of 4 rows hold NaN or infinity"),
        (np.zeros((4, 3)), {"voxel": 0}, "voxel: expected a length above 0"),
        (np.zeros((4, 3)), {"voxel": float("nan")}, "voxel: expected a length above 0"),
        (np.eye(3) * 1e9, {"voxel": 0.1}, "voxel: the cloud is over 2147483648 voxels of 0.1 wide"),
        (np.zeros((4, 3)), {"budget": 2}, "2 is more than the 1 voxels to choose from; take a smaller voxel"),
    ],
)
def test_wrong_clouds(cloud, options, message):
    options = {"budget": 1, "selector": KCenter(), "rng": seeded(), **options}
    with pytest.raises(AnnotationError, match=message):
        select_points(cloud, **options)
