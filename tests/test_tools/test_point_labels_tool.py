"""point_labels.py: every protocol over a prepared set, published index files, and hostile ones."""

import json
import pickle

import numpy as np
import pytest
import torch
from pickle_bomb import Bomb
from tool_runner import run_tool

from sparsevision.annotation import load_annotations
from sparsevision.datasets.points.scene import Scene, write_scene, write_split

TOOL = "annotation/point_labels.py"
KEYS = ["Area_1/hall_1", "Area_1/office_10", "Area_2/lobby"]


def write_room(root, key, count):
    rng = np.random.default_rng(count)
    segment = rng.choice([0, 1, 2, 255], count, p=[0.6, 0.3, 0.05, 0.05]).astype(np.uint8)
    scene = Scene(
        coord=rng.random((count, 3), dtype=np.float32),
        color=rng.integers(0, 256, (count, 3), dtype=np.uint8),
        segment=segment,
        segment_raw=np.where(segment == 255, 9, segment),
        instance=(segment.astype(np.int32) + 1) % 256,
        superpoint=np.arange(count, dtype=np.int32) // 50,
    )
    write_scene(root / key, scene)
    return segment


@pytest.fixture
def root(tmp_path):
    """A prepared set of three rooms, two of them for training."""
    for index, key in enumerate(KEYS):
        write_room(tmp_path / "set", key, 2000 + 500 * index)
    write_split(tmp_path / "set", "train", KEYS[:2])
    write_split(tmp_path / "set", "val", KEYS[2:])
    (tmp_path / "set" / "dataset.json").write_text(json.dumps({"classes": ["wall", "floor", "chair", "sofa"]}))
    return tmp_path / "set"


def label(*arguments):
    """Exit code, and words with the line breaks taken out."""
    finished = run_tool(TOOL, *arguments)
    return finished.code, " ".join((finished.out + finished.err).split())


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--protocol", "official", "--budget", "0.01"), "official_0.01_seed0"),
        (("--protocol", "class_even", "--budget", "0.01", "--seed", "4"), "class_even_0.01_seed4"),
        (("--protocol", "uniform", "--budget", "30"), "uniform_30_seed0"),
        (("--protocol", "points_k", "--budget", "20"), "points_k_20_seed0"),
        (("--protocol", "points_k", "--budget", "20", "--active"), "points_k_active_20_seed0"),
        (("--protocol", "otoc", "--budget", "1"), "otoc_1_seed0"),
        (("--protocol", "otoc", "--budget", "1", "--spread"), "otoc_spread_1_seed0"),
    ],
)
def test_every_protocol_writes_labels_of_its_split(root, options, name):
    code, words = label(root, *options)
    assert code == 0, words
    labels = load_annotations(root / "sparse" / f"{name}.npz")
    assert list(labels) == KEYS[:2]
    counts = [len(points) for points in labels.values()]
    assert f"labels a scene mean {np.mean(counts):.2f}, min {min(counts)}, max {max(counts)}" in words
    assert "classes never labelled" in words
    assert "sofa" in words
    assert all(points.labels.max() < 3 for points in labels.values())


def test_the_table_counts_classes_and_what_was_left_out(root):
    _, words = label(root, "--protocol", "class_even", "--budget", "0.01")
    assert "scenes 2" in words
    assert "classes labelled a scene mean 3.00 of 3.00" in words
    assert "classes never labelled sofa left out" in words
    labels = load_annotations(root / "sparse" / "class_even_0.01_seed0.npz")
    dropped = sum(points.meta["dropped"] for points in labels.values())
    assert dropped > 0
    assert f"left out {dropped} points without a class to learn, 0 drawn twice" in words


def test_a_scene_has_the_same_labels_whatever_the_other_scenes(root):
    label(root, "--protocol", "uniform", "--budget", "30", "--out", root / "train.npz")
    label(root, "--protocol", "uniform", "--budget", "30", "--split", "val+train", "--out", root / "both.npz")
    some, both = load_annotations(root / "train.npz"), load_annotations(root / "both.npz")
    assert list(both) == [KEYS[2], *KEYS[:2]]
    assert all(both[key] == some[key] for key in some)


def test_other_labels_are_replaced_only_when_told(root):
    options = (root, "--protocol", "uniform", "--out", root / "sparse" / "labels.npz", "--budget")
    assert "written" in label(*options, "30")[1]
    assert "kept" in label(*options, "30")[1]
    code, words = label(*options, "31")
    assert code == 2
    assert "is there with other labels" in words
    assert "written" in label(*options, "31", "--overwrite")[1]


@pytest.mark.parametrize("form", ["pickle", "zip", "legacy"])
def test_published_files_are_read(root, tmp_path, form):
    content = {f"{KEYS[0]}.pth": np.arange(0, 1900, 100), "Area_3/store.pth": np.array([1])}
    path = tmp_path / "percentage0.001evenc"
    if form == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    code, words = label(root, "--official", path)
    assert code == 0, words
    assert "1 scenes of train have no entry in the file: Area_1/office_10" in words
    assert "1 scenes of the file are not in train: Area_3/store" in words
    labels = load_annotations(root / "sparse" / "official_percentage0.001evenc.npz")
    assert list(labels) == KEYS[:1]
    assert set(labels[KEYS[0]].indices.tolist()) <= set(range(0, 1900, 100))
    assert len(labels[KEYS[0]]) + labels[KEYS[0]].meta["dropped"] == 19


def test_a_hostile_file_stays_inert(root, tmp_path):
    path, target = tmp_path / "bomb.pth", tmp_path / "it_ran"
    path.write_bytes(pickle.dumps({KEYS[0]: Bomb(target)}))
    code, words = label(root, "--official", path)
    assert code == 2
    assert f"scene {KEYS[0]}: expected point indices" in words
    path.write_bytes(pickle.dumps(Bomb(target)))
    assert label(root, "--official", path)[0] == 2
    assert not target.exists()
    assert not (root / "sparse").exists()


def test_an_index_file_of_another_preparation_is_refused(root, tmp_path):
    path = tmp_path / "indices.pth"
    torch.save({KEYS[0]: np.array([5, 2000])}, path)
    code, words = label(root, "--official", path)
    assert code == 2
    assert f"scene {KEYS[0]}: entry 1 is point 2000, but the scene has 2000 points" in words
    torch.save({"scene0000_00": np.array([5])}, path)
    code, words = label(root, "--official", path)
    assert code == 2
    assert "its first are scene0000_00" in words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--protocol", "class_even", "--budget", "20"), "expected a share above 0"),
        (("--protocol", "points_k", "--budget", "0.1"), "expected a whole number"),
        (("--protocol", "points_k", "--budget", "many"), "--budget 'many'"),
        (("--protocol", "points_k"), "needs --budget"),
        (("--protocol", "uniform", "--budget", "3", "--spread"), "--spread is for --protocol otoc"),
        (("--protocol", "uniform", "--budget", "3", "--seed", "-1"), "--seed must be 0 or more"),
        (("--official", "a.pth", "--budget", "3"), "--official takes the points of the file"),
        (("--official", "a.pth"), "--official a.pth: there is no such file"),
        (("--protocol", "points_k", "--budget", "20", "--split", "tst"), "There are train, val"),
        (("--protocol", "class_even", "--budget", "0.1", "--classes", "99"), "no scene would get any label"),
        (("--protocol", "uniform", "--budget", "3", "--out", "/dev/null/a.npz"), "cannot be written"),
        ((), "one of the arguments --protocol --official is required"),
    ],
)
def test_bad_requests_are_refused(root, options, said):
    code, words = label(root, *options)
    assert code == 2
    assert said in words


def test_a_folder_that_is_no_prepared_set_is_refused(tmp_path):
    code, words = label(tmp_path, "--protocol", "uniform", "--budget", "3")
    assert code == 2
    assert "dataset.json is missing" in words
