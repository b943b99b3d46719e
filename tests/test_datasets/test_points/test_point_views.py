"""The data path of a training item: settings, order of the steps, labels, correspondence, errors."""

from dataclasses import replace

import numpy as np
import pytest

from sparsevision.datasets.points.cloud import PointCloud
from sparsevision.datasets.points.settings import KITTI, S3DIS, SCANNET, ElasticSettings, ViewSettings
from sparsevision.datasets.points.view import evaluation_view, label_survival, training_item, training_view
from sparsevision.utils import UserError

ALL = {"scannet": SCANNET, "s3dis": S3DIS, "kitti": KITTI}
STILL = ViewSettings(
    voxel_size=0.05,
    largest_angles=(0, 0, 0),
    scale=(1, 1),
    dropout_probability=0,
    flip_probability=0,
    contrast_probability=0,
    translation_probability=0,
    shift_limit=1,
)


@pytest.mark.parametrize("settings", ALL.values(), ids=ALL)
def test_rows_belong_to_their_raw_points(cloud, settings):
    item = training_item(cloud, settings, np.random.default_rng(0))
    for view in (item.view1, item.view2):
        raw = view.voxels.representative
        assert len(view) == len(view.colours) == len(view.labels) == len(raw)
        np.testing.assert_array_equal(view.labels, cloud.labels[raw])
        assert view.colours.dtype == np.float32
        assert view.colours.min() >= 0
        assert view.colours.max() <= 255
        assert view.coords.dtype == np.int32
        assert view.coords.min() >= 0
        assert len(np.unique(view.coords, axis=0)) == len(view)
    np.testing.assert_array_equal(
        item.view1.voxels.representative[item.rows1], item.view2.voxels.representative[item.rows2]
    )
    assert len(item.rows1) > 0


@pytest.mark.parametrize("settings", ALL.values(), ids=ALL)
def test_same_seed_same_item(cloud, settings):
    first, again, other = (training_item(cloud, settings, np.random.default_rng(seed)) for seed in (1, 1, 2))
    for a, b in ((first.view1, again.view1), (first.view2, again.view2)):
        np.testing.assert_array_equal(a.coords, b.coords)
        np.testing.assert_array_equal(a.colours, b.colours)
    np.testing.assert_array_equal(first.rows1, again.rows1)
    assert not np.array_equal(first.view1.coords, first.view2.coords)
    assert not np.array_equal(first.view1.coords, other.view1.coords)


def test_published_values():
    assert [step.granularity for step in SCANNET.elastic] == [0.2, 0.8]
    assert [step.magnitude for step in SCANNET.elastic] == [0.4, 1.6]
    assert (S3DIS.elastic, KITTI.elastic) == ((), ())
    assert [settings.voxel_size for settings in ALL.values()] == [0.02, 0.05, 0.02]
    assert [settings.crop_half_side for settings in ALL.values()] == [None, 4.0, None]
    assert [round(np.pi / settings.largest_angles[0]) for settings in ALL.values()] == [64, 32, 64]
    assert [settings.jitter_probability for settings in ALL.values()] == [0, 0, 0.95]
    assert not any(settings.labelled_represent or settings.any_shared_point for settings in ALL.values())


def test_steps_that_are_off_change_nothing(cloud):
    still, plain = (
        training_view(cloud, STILL, np.random.default_rng(0)),
        evaluation_view(cloud, voxel_size=0.05),
    )
    np.testing.assert_array_equal(still.coords, plain.coords)
    np.testing.assert_array_equal(still.colours, plain.colours)
    np.testing.assert_array_equal(still.labels, plain.labels)


@pytest.mark.parametrize(
    "change",
    [
        {"elastic": (ElasticSettings(0.2, 0.4),), "elastic_probability": 1},
        {"largest_angles": (0, 0, np.pi)},
        {"scale": (0.9, 0.95)},
        {"flip_probability": 1},
        {"shift_limit": 100},
        {"dropout_probability": 1},
        {"crop_half_side": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_step_moves_voxels_when_it_is_on(cloud, change):
    views = [training_view(cloud, replace(STILL, **change), np.random.default_rng(seed)) for seed in range(6)]
    still = evaluation_view(cloud, voxel_size=0.05)
    assert any(not np.array_equal(view.coords, still.coords) for view in views)
    assert all(np.isin(view.colours, still.colours).all() for view in views)


@pytest.mark.parametrize("step", ["contrast_probability", "translation_probability", "jitter_probability"])
def test_every_colour_step_changes_colours_only(cloud, step):
    dull = replace(cloud, colours=cloud.colours // 2 + 50)
    view = training_view(dull, replace(STILL, **{step: 1}), np.random.default_rng(0))
    still = evaluation_view(dull, voxel_size=0.05)
    np.testing.assert_array_equal(view.coords, still.coords)
    assert not np.array_equal(view.colours, still.colours)


def test_dropout_happens_as_often_as_published(cloud):
    settings = replace(STILL, dropout_probability=0.2)
    whole = len(evaluation_view(cloud, voxel_size=0.05))
    sizes = [len(training_view(cloud, settings, np.random.default_rng(seed))) for seed in range(150)]
    assert set(sizes) == {whole, int(whole * 0.8)}
    assert 0.1 < sizes.count(int(whole * 0.8)) / 150 < 0.3


def test_inverse_map_of_evaluation_reaches_every_point(cloud):
    view = evaluation_view(cloud, voxel_size=0.3)
    cells = np.floor(cloud.points.astype(np.float64) * (1 / 0.3))
    np.testing.assert_array_equal(view.coords[view.voxels.inverse], cells - cells.min(axis=0))


def test_labels_survive_with_the_label_preserving_options(cloud):
    coarse = replace(S3DIS, voxel_size=0.3, crop_half_side=None, dropout_probability=1.0, dropout_ratio=0.5)
    for seed in range(5):
        published, fixed = (
            training_view(cloud, settings, np.random.default_rng(seed)) for settings in (coarse, coarse.fixed())
        )
        assert label_survival(cloud, published) < 0.5
        labelled_voxels = np.unique(fixed.voxels.inverse[cloud.labelled])
        assert labelled_voxels.min() >= 0
        assert (fixed.labels[labelled_voxels] != 255).all()
        assert label_survival(cloud, fixed) == len(labelled_voxels) / cloud.labelled.sum()


def test_crop_can_leave_labelled_points(cloud):
    cropping = replace(STILL, crop_half_side=0.5, labelled_represent=True)
    cut, spared = (
        training_view(cloud, replace(cropping, labelled_escape_crop=spare), np.random.default_rng(0))
        for spare in (False, True)
    )
    assert label_survival(cloud, cut) < 0.5
    assert (spared.voxels.inverse[cloud.labelled] >= 0).all()


def test_any_shared_point_matches_more(cloud):
    settings = replace(S3DIS, voxel_size=0.3, dropout_probability=0, crop_half_side=None)
    published, wide = (
        training_item(cloud, replace(settings, any_shared_point=option), np.random.default_rng(0))
        for option in (False, True)
    )
    assert len(np.unique(published.rows2)) < len(published.view2)
    assert len(np.unique(wide.rows2)) == len(wide.view2)


def test_survival_without_labels_is_not_a_number(cloud):
    unlabelled = cloud.with_only_labels_at(np.array([], dtype=np.int64))
    assert not unlabelled.labelled.any()
    assert np.isnan(label_survival(unlabelled, evaluation_view(unlabelled, voxel_size=0.1)))


def test_one_point_goes_the_whole_way():
    cloud = PointCloud(points=np.ones((1, 3)), colours=np.full((1, 3), 9), labels=np.array([2]))
    for settings in ALL.values():
        item = training_item(cloud, settings.fixed(), np.random.default_rng(0))
        assert (item.rows1.tolist(), item.rows2.tolist()) == ([0], [0])
        assert item.view1.labels.tolist() == [2]


def test_only_the_given_labels_stay(cloud):
    sparse = cloud.with_only_labels_at(np.array([53, 3]))
    assert np.flatnonzero(sparse.labelled).tolist() == [3, 53]
    assert sparse.labels[53] == cloud.labels[53]
    assert cloud.labelled.sum() == 100


@pytest.mark.parametrize("indices", [[-1], [5000], [[1, 2]], [0.5]])
def test_indices_of_another_scene_are_explained(cloud, indices):
    with pytest.raises(UserError, match="indices of scene0000_00: "):
        cloud.with_only_labels_at(np.array(indices), scene="scene0000_00")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("points", np.zeros((0, 3)), "no point"),
        ("points", np.full((2, 3), np.nan), "NaN or infinite"),
        ("colours", None, "has none"),
        ("colours", np.zeros((3, 3)), r"\(2, 3\)"),
        ("colours", np.array([[0, 0, 0], [0, 256, 0]]), "point 1"),
        ("colours", np.full((2, 3), np.nan), "point 0"),
        ("labels", np.zeros(3, dtype=int), "2 whole numbers"),
        ("labels", np.zeros(2), "float64"),
    ],
)
def test_bad_clouds_are_explained(field, value, message):
    good = {"points": np.zeros((2, 3)), "colours": np.zeros((2, 3)), "labels": np.zeros(2, dtype=int)}
    with pytest.raises(UserError, match=message):
        PointCloud(**{**good, field: value})


@pytest.mark.parametrize(
    "wrong",
    [
        {"voxel_size": 0},
        {"dropout_ratio": 1.0},
        {"flip_probability": 1.5},
        {"scale": (1.1, 0.9)},
        {"crop_half_side": 0},
        {"shift_limit": 0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_bad_settings_are_explained(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        replace(SCANNET, **wrong)


def test_bad_granularity_is_explained():
    with pytest.raises(UserError, match="granularity"):
        ElasticSettings(0, 1)
