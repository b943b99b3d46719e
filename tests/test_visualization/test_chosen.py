"""Contact sheets and the plane of features."""

import numpy as np
import pytest

from sparsevision.utils import UserError
from sparsevision.visualization.chosen import MARK, contact_sheet, feature_scatter, principal_plane


def test_a_contact_sheet_has_rows_of_cells():
    images = (np.full((20, 10 + index, 3), 10 * index, np.uint8) for index in range(7))
    sheet = contact_sheet(images, [f"{index} ñ" for index in range(7)], columns=3, side=40)
    assert sheet.shape == (3 * 56, 120, 3)
    middles = sheet[20::56, 20::40, 0]
    assert middles.tolist() == [[0, 10, 20], [30, 40, 50], [60, 255, 255]]
    with pytest.raises(UserError, match="no images"):
        contact_sheet([], [])


def test_the_plane_is_that_of_the_singular_vectors():
    points = np.random.default_rng(0).standard_normal((50, 6)) * [5, 1, 3, 1, 1, 1]
    plane, shares = principal_plane(points)
    centred = points - points.mean(0)
    values = np.linalg.svd(centred)[1]
    assert np.allclose(np.linalg.norm(plane, axis=0), values[:2])
    assert np.allclose(shares, values[:2] ** 2 / (values**2).sum())
    assert np.allclose(principal_plane(points[:, ::-1])[0], plane)


@pytest.mark.parametrize("points", [np.ones((4, 3)), np.arange(4.0)[:, None], np.zeros((1, 2))])
def test_flat_data_can_be_drawn(points):
    assert feature_scatter(points, [0], size=(60, 90)).shape == (60, 90, 3)


def test_chosen_points_are_marked_where_they_lie():
    points = np.array([[0.0, 0], [10, 0], [0, 1], [10, 1]])
    drawn = feature_scatter(points, [3], labelled=[0], size=(200, 200))
    rows, columns = np.nonzero((drawn == MARK).all(-1))
    assert abs(columns.mean() - 176) < 3
    assert abs(rows.mean() - 24) < 3
