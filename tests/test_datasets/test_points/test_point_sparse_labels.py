"""Sparse labels of a prepared set: by seed and scene alone, from index files, refused where they do not fit."""

import numpy as np
import pytest
import torch

from sparsevision.annotation import POINT_PROTOCOLS, PointLabels, save_annotations
from sparsevision.datasets.points.scene import Scene, write_scene
from sparsevision.datasets.points.sparse_labels import (
    label_indices,
    load_point_labels,
    official_indices,
    simulate_scene,
)
from sparsevision.selection import KCenter
from sparsevision.utils import UserError

BUDGETS = {"official": 0.01, "class_even": 0.01, "uniform": 0.01, "points_k": 20, "otoc": 1}


def a_scene(count=3000, **without):
    """Classes 0, 1 and void (raw 1, 5, 9), instances and superpoints, at random places."""
    rng = np.random.default_rng(count)
    raw = rng.choice([1, 5, 9], count, p=[0.7, 0.2, 0.1]).astype(np.uint8)
    arrays = {
        "segment": np.array([255, 0, 255, 255, 255, 1, 255, 255, 255, 255], np.uint8)[raw],
        "segment_raw": raw,
        "instance": rng.integers(0, 9, count).astype(np.int32),
        "superpoint": rng.integers(0, 100, count).astype(np.int32),
    }
    places = {"coord": rng.random((count, 3), dtype=np.float32), "color": np.zeros((count, 3), np.uint8)}
    return Scene(**places, **(arrays | without))


def simulate(key="room", scene=None, protocol="class_even", seed=0, **options):
    budget = options.pop("budget", BUDGETS.get(protocol, 1))
    return simulate_scene(scene or a_scene(), key, protocol=protocol, budget=budget, seed=seed, **options)


@pytest.mark.parametrize("protocol", POINT_PROTOCOLS)
def test_labels_are_true_train_ids_that_depend_on_seed_and_key(protocol):
    points = simulate(protocol=protocol)
    assert np.array_equal(points.labels, a_scene().segment[points.indices])
    assert set(points.labels.tolist()) == {0, 1}
    assert points == simulate(protocol=protocol)
    assert points != simulate(protocol=protocol, seed=1)
    assert points != simulate("hall", protocol=protocol)
    assert points.meta["seed"] == 0


def test_raw_classes_without_a_train_id_are_drawn_for_and_dropped():
    raw = a_scene().segment_raw
    points = simulate(protocol="class_even")
    drawn = {label: max(int((raw == label).sum() * 0.01), 1) for label in (1, 5, 9)}
    assert len(points) == drawn[1] + drawn[5]
    assert points.meta["dropped"] == drawn[9]
    assert points.meta["drawn"] == sum(drawn.values())
    assert len(simulate(protocol="class_even", classes=(5,))) == drawn[5]
    assert simulate(protocol="uniform", budget=500).meta["dropped"] == 0


def test_points_that_official_draws_twice_are_labelled_once():
    points = simulate(protocol="official", budget=0.5)
    assert points.meta["repeated"] > 0
    assert len(np.unique(points.indices)) == len(points)
    assert len(points) == points.meta["drawn"] - points.meta["repeated"] - points.meta["dropped"]


def test_a_click_is_spread_over_its_superpoint_even_where_that_is_wrong():
    points = simulate(protocol="otoc", spread=True)
    clicks = simulate(protocol="otoc")
    assert len(points) > 10 * len(clicks)
    assert (points.labels != a_scene().segment[points.indices]).any()


def test_active_points_lie_apart():
    points = simulate(protocol="points_k", selector=KCenter(), budget=20)
    chance = simulate(protocol="points_k", budget=20)
    assert len(points) + points.meta["dropped"] == 20
    assert _closest_pair(points) > 2 * _closest_pair(chance)


def _closest_pair(points):
    places = a_scene().coord[points.indices]
    return (np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places))).min()


@pytest.mark.parametrize(
    ("scene", "options", "said"),
    [
        (a_scene(segment=None), {}, "scene room: has no ground truth"),
        (a_scene(instance=None), {"protocol": "otoc"}, r"scene room: otoc needs instances.*instance\.npy"),
        (a_scene(superpoint=None), {"protocol": "otoc", "spread": True}, "otoc needs superpoints"),
        (a_scene(), {"budget": 20}, "scene room: budget of 'class_even': expected a share"),
        (a_scene(), {"selector": KCenter()}, "active selection is for points_k"),
        (a_scene(), {"protocol": "uniform", "classes": (1,)}, "'uniform' does not draw by class"),
    ],
)
def test_what_does_not_fit_is_refused(scene, options, said):
    with pytest.raises(UserError, match=said):
        simulate(scene=scene, **options)


def test_published_indices_are_read_in_every_form():
    content = {
        "scene0000_00": np.array([3, 1], np.int32),
        "Area_1/office_10.pth": torch.tensor([5]),
        "scene0000_01": [2, 2],
        "scene0000_02": [],
    }
    found = official_indices(content, path="a.pth")
    assert {key: indices.tolist() for key, indices in found.items()} == {
        "scene0000_00": [3, 1],
        "Area_1/office_10": [5],
        "scene0000_01": [2, 2],
        "scene0000_02": [],
    }
    assert {indices.dtype for indices in found.values()} == {np.dtype(np.int64)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1, 2], "holds list; expected a dict"),
        ({}, "expected a dict"),
        ({"a": np.zeros(2)}, r"scene a: expected point indices \(k,\), got float64"),
        ({"a": np.zeros((2, 2), int)}, r"shape \(2, 2\)"),
        ({"a": {"b": 1}}, "scene a: expected point indices"),
        ({"a": [[1], [2, 3]]}, "scene a: expected a list of point indices"),
        ({"a": [1], "a.pth": [2]}, "names the scene a twice"),
    ],
)
def test_other_content_is_refused(content, said):
    with pytest.raises(UserError, match=said):
        official_indices(content, path="a.pth")


def test_published_indices_get_their_true_labels():
    scene = a_scene()
    wanted = np.array([7, 3, 7, *np.flatnonzero(scene.segment == 255)[:2]])
    points = label_indices(scene, "room", wanted, path="a.pth")
    kept = [index for index in (7, 3) if scene.segment[index] != 255]
    assert points.indices.tolist() == kept
    assert np.array_equal(points.labels, scene.segment[kept])
    assert points.meta["repeated"] == 1
    assert points.meta["drawn"] == 5


@pytest.mark.parametrize("index", [3000, -1])
def test_indices_of_another_scene_are_refused(index):
    with pytest.raises(UserError, match=rf"scene room: entry 1 is point {index}, but the scene has 3000 points"):
        label_indices(a_scene(), "room", np.array([5, index]), path="a.pth")


def test_labels_are_loaded_for_the_named_scenes(tmp_path):
    for key, count in (("a/room", 3000), ("hall", 40)):
        write_scene(tmp_path / key, a_scene(count))
    labels = {key: simulate(key, a_scene(count)) for key, count in (("a/room", 3000), ("hall", 40))}
    save_annotations(tmp_path / "labels.npz", labels)
    assert load_point_labels(tmp_path / "labels.npz", root=tmp_path, keys=["hall"]) == {"hall": labels["hall"]}
    with pytest.raises(UserError, match=r"labels\.npz: has no labels for scene a/rom.*Did you mean 'a/room'"):
        load_point_labels(tmp_path / "labels.npz", root=tmp_path, keys=["a/rom"])
    write_scene(tmp_path / "hall", a_scene(41))
    with pytest.raises(UserError, match="scene hall has 41 points, its labels were made for 40"):
        load_point_labels(tmp_path / "labels.npz", root=tmp_path, keys=["a/room", "hall"])


def test_other_annotations_are_no_point_labels(tmp_path):
    write_scene(tmp_path / "hall", a_scene(40))
    save_annotations(tmp_path / "one.npz", simulate())
    with pytest.raises(UserError, match="expected point labels by scene"):
        load_point_labels(tmp_path / "one.npz", root=tmp_path, keys=["hall"])
    save_annotations(tmp_path / "image.npz", {"hall": PointLabels(xy=[[0, 0]], labels=[1], size=(4, 10))})
    with pytest.raises(UserError, match="scene hall is not point labels with indices"):
        load_point_labels(tmp_path / "image.npz", root=tmp_path, keys=["hall"])
    save_annotations(tmp_path / "two.npz", {"nowhere": simulate()})
    with pytest.raises(UserError, match=r"nowhere: no readable coord\.npy"):
        load_point_labels(tmp_path / "two.npz", root=tmp_path, keys=["nowhere"])
