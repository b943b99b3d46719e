"""ScanNet from raw meshes and annotations to a prepared set, and back to files for its test server."""

import json
import re
import sys
import zipfile

import numpy as np
import pytest
from raw_clouds import SCANNET_OBJECTS, write_ply, write_scannet_annotations, write_scannet_scene, write_scannet_tables
from tool_runner import run_tool

from sparsevision.datasets.points.classes import SCANNET20
from sparsevision.datasets.points.prepare.scannet import ScanNet
from sparsevision.datasets.points.prepare.scannet_files import Group, object_of_segment, read_category_ids
from sparsevision.datasets.points.scannet_predictions import write_scannet_predictions
from sparsevision.datasets.points.scene import read_scene, scene_keys
from sparsevision.utils import UserError

LISTS = {"train": ["scene0001_00", "scene0000_01"], "val": ["scene0011_00"], "test": ["scene0707_00"]}


@pytest.fixture
def raw(tmp_path):
    """Four scans, of which the last has no labels."""
    root = tmp_path / "scannet"
    write_scannet_tables(root, LISTS)
    for split, keys in LISTS.items():
        for key in keys:
            write_scannet_scene(root, key, labelled=split != "test")
    return root


def scannet(*arguments):
    return run_tool("dataset_converters/scannet.py", *arguments)


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_vertex_arrives_with_class_object_and_segment(tmp_path):
    write_scannet_tables(tmp_path / "raw", {"train": ["scene0000_00"], "test": ["scene0707_00"]})
    truth = write_scannet_scene(tmp_path / "raw", "scene0000_00")
    unlabelled = write_scannet_scene(tmp_path / "raw", "scene0707_00", labelled=False)
    made = scannet(tmp_path / "raw", "--out", tmp_path / "out")
    assert (made.code, made.err) == (0, "")
    scene = read_scene(tmp_path / "out/scene0000_00")
    renamed = {"segment_raw": "nyu40", "superpoint": "segments"}
    for name in ("coord", "color", "segment_raw", "instance", "superpoint"):
        expected = renamed.get(name, name)
        np.testing.assert_array_equal(getattr(scene, name), truth[expected])
    names = {1: "wall", 2: "floor", 5: "chair", 39: "otherfurniture"}
    for nyu40, segment in zip(truth["nyu40"], scene.segment, strict=True):
        assert segment == (SCANNET20.classes.index(names[nyu40]) if nyu40 in names else 255)
    assert {0, 5, 40} <= set(truth["nyu40"])  # nothing, a chair under a monitor, a monitor
    scene = read_scene(tmp_path / "out/scene0707_00")
    assert set(scene.arrays()) == {"coord", "color"}
    np.testing.assert_array_equal(scene.coord, unlabelled["coord"])
    assert scene_keys(tmp_path / "out", "test") == ["scene0707_00"]
    assert not (tmp_path / "out/splits/val.txt").exists()


def test_splits_keep_the_order_of_the_lists_and_verify_finds_all_in_order(tmp_path, raw):
    assert scannet(raw, "--out", tmp_path / "out").code == 0
    assert {split: scene_keys(tmp_path / "out", split) for split in LISTS} == LISTS
    found = scannet(raw, "--out", tmp_path / "out", "--verify")
    assert (found.code, "everything is in order" in found.out) == (0, True)
    assert "warning: the list 'train' has 2 scenes; published are 1201" in found.out
    table = [line.split()[:2] for line in found.out.split("problems")[1].splitlines()[1:5]]
    assert table == [["test", "1"], ["train", "2"], ["val", "1"], ["all", "4"]]


def test_the_same_bytes_with_two_processes(tmp_path, raw):
    assert scannet(raw, "--out", tmp_path / "one").code == 0
    assert scannet(raw, "--out", tmp_path / "two", "--workers", 2).code == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_verify_compares_with_the_published_labels(tmp_path, raw):
    key = "scene0011_00"
    scene = raw / "scans" / key
    assert scannet(raw, "--out", tmp_path / "out").code == 0
    labels = read_scene(tmp_path / "out" / key).segment_raw.astype(np.uint16)
    coord = np.zeros((len(labels), 3), np.float32)
    xyz = {name: coord[:, axis] for axis, name in enumerate("xyz")}
    faces = np.zeros((0, 3), int)
    path = scene / f"{key}_vh_clean_2.labels.ply"
    labels[5] = 50  # as in three of the real scenes
    write_ply(path, {**xyz, "label": labels}, faces)
    found = scannet(raw, "--out", tmp_path / "out", "--verify")
    assert (found.code, f"no nyu40id: {key}: 1 labels of" in found.out) == (0, True)
    was, labels[7] = labels[7], 33
    write_ply(path, {**xyz, "label": labels}, faces)
    found = scannet(raw, "--out", tmp_path / "out", "--verify")
    assert found.code == 1
    assert (
        f"problem: {key}: segment_raw differs from {path.name} in 1 vertices, first in 7: {was} instead of 33"
        in found.out
    )
    write_ply(path, xyz, faces)
    assert "has no label for each vertex" in scannet(raw, "--out", tmp_path / "out", "--verify").out
    path.unlink()
    found = scannet(raw, "--out", tmp_path / "out", "--verify")
    assert (found.code, "not compared" in found.out) == (0, True)
    np.save(tmp_path / "out" / key / "instance.npy", np.zeros(len(labels), np.int32))
    assert "instance.npy differs" in scannet(raw, "--out", tmp_path / "out", "--verify").out


def points_ply(path, count=70, *, colours=True, bad=None):
    coord = np.ones((count, 3), np.float32)
    if bad is not None:
        coord[bad, 1] = np.nan
    columns = {name: coord[:, axis] for axis, name in enumerate("xyz")}
    if colours:
        columns |= {name: np.zeros(count, np.uint8) for name in ("red", "green", "blue", "alpha")}
    write_ply(path, columns, np.zeros((0, 3), int))


def objects(scene, category):
    write_scannet_annotations(scene, [10] * 70, (([10], category),))


KEY = "scene0011_00"
SEGMENTS = f"{KEY}_vh_clean_2.0.010000.segs.json"
OBJECTS = f"{KEY}.aggregation.json"
MESH = f"{KEY}_vh_clean_2.ply"
FAULTS = {
    "no mesh": (lambda scene: (scene / MESH).unlink(), r"_vh_clean_2\.ply: there is no such file"),
    "no segments": (lambda scene: (scene / SEGMENTS).unlink(), r"segs\.json: there is no such file"),
    "no objects": (lambda scene: (scene / OBJECTS).unlink(), r"aggregation\.json: there is no such file"),
    "no table": (lambda scene: (scene.parents[1] / "scannetv2-labels.combined.tsv").unlink(), "combined.tsv: there is"),
    "other count": (lambda scene: write_scannet_annotations(scene, [10] * 69), "has 69 vertices, the mesh has 70"),
    "unknown category": (lambda scene: objects(scene, "ofice chair"), "'ofice chair' is no raw .* Did you mean"),
    "cut off": (lambda scene: (scene / OBJECTS).write_text('{"sceneId": "'), "is no whole JSON file"),
    "a list": (lambda scene: (scene / OBJECTS).write_text("[]"), "expected an object with 'sceneId'"),
    "no groups": (lambda scene: (scene / OBJECTS).write_text("{}"), "'segGroups' holds no labels and segments"),
    "no indices": (lambda scene: (scene / SEGMENTS).write_text('{"segIndices": "x"}'), "'segIndices' is not a list"),
    "another": (lambda scene: (scene / SEGMENTS).write_text('{"sceneId": "scene0000_00"}'), "belongs to scene0000_00"),
    "high resolution": (
        lambda scene: (scene / OBJECTS).write_text(json.dumps({"segmentsFile": f"{KEY}_vh_clean.segs.json"})),
        "is of the mesh of high resolution",
    ),
    "no colours": (lambda scene: points_ply(scene / MESH, colours=False), "its vertices have no red, green, blue"),
    "NaN": (lambda scene: points_ply(scene / MESH, bad=33), r"2\.ply: 1 of 70 points .* the first is point 33"),
    "no point": (lambda scene: points_ply(scene / MESH, 0), "scene0011_00_vh_clean_2.ply"),
    "no folder": (lambda scene: scene.rename(scene.with_name("elsewhere")), "this scene of the lists has no folder"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_and_the_other_scenes_are_prepared(tmp_path, raw, fault):
    break_it, said = FAULTS[fault]
    break_it(raw / "scans" / KEY)
    made = scannet(raw, "--out", tmp_path / "out")
    lines = [line for line in made.err.splitlines() if line.startswith("error: ")]
    assert made.code == 2
    assert len(lines) == (3 if fault == "no table" else 1)
    assert re.search(said, lines[0])
    assert not (tmp_path / "out" / KEY).exists()
    assert (tmp_path / "out/scene0707_00/coord.npy").exists()


def test_scenes_that_were_not_downloaded_may_be_left_out(tmp_path, raw):
    (raw / "scans/scene0011_00").rename(raw / "elsewhere")
    made = scannet(raw, "--out", tmp_path / "out", "--found-only")
    assert (made.code, "3 scenes written" in made.out) == (0, True)
    assert "the list 'val' has 0 scenes; published are 312" in made.out


def test_lists_may_lie_elsewhere_and_are_needed(tmp_path, raw):
    lists = tmp_path / "lists"
    lists.mkdir()
    (raw / "scannetv2_val.txt").rename(lists / "scannetv2_val.txt")
    assert "1 scenes written" in scannet(raw, "--out", tmp_path / "out", "--lists", lists).out
    (lists / "scannetv2_val.txt").write_text("scene0011_00\nbedroom\n")
    assert "'bedroom' is no scene" in scannet(raw, "--out", tmp_path / "out", "--lists", lists).err
    assert "no scannetv2_train.txt" in scannet(raw, "--out", tmp_path / "out", "--lists", tmp_path).err
    assert "none of the scenes" in scannet(lists.parent, "--out", tmp_path / "none", "--lists", raw, "--found-only").err


def test_one_voxel_is_a_scene(tmp_path, raw):
    points_ply(raw / "scans" / KEY / MESH, 1)
    write_scannet_annotations(raw / "scans" / KEY, [10])
    assert scannet(raw, "--out", tmp_path / "out").code == 0
    scene = read_scene(tmp_path / "out" / KEY)
    assert (scene.coord.tolist(), scene.segment.tolist()) == ([[1, 1, 1]], [0])


def test_segments_that_the_mesh_does_not_have_are_noted(tmp_path, raw):
    write_scannet_annotations(raw / "scans" / KEY, [10] * 70, (*SCANNET_OBJECTS, ([10, 999], "chair")))
    made = scannet(raw, "--out", tmp_path / "out")
    assert made.code == 0
    assert f"unknown segments: {KEY}: 7 that objects name" in made.out
    assert set(read_scene(tmp_path / "out" / KEY).instance) == {6}


def test_the_last_object_has_a_segment():
    groups = [Group("a", np.array([3, 5])), Group("b", np.array([5, 8, 2]))]
    found, unknown = object_of_segment(groups, np.array([5, 3, 4, 3]))
    assert (found.tolist(), unknown) == ([2, 1, 0, 1], 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id\tcategory\n", "no column 'nyu40id'"),
        ("raw_category\tnyu40id\nwall\t1\nfloor\tx\n", "line 3: nyu40id is 'x'"),
        ("raw_category\tnyu40id\nwall\t300\n", "line 2: nyu40id is '300'"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, content, said):
    (tmp_path / "table.tsv").write_text(content)
    with pytest.raises(UserError, match=said):
        read_category_ids(tmp_path / "table.tsv")


def test_a_category_without_a_number_is_no_class(tmp_path):
    (tmp_path / "table.tsv").write_text('raw_category\tnyu40id\nwall\t1\n"odd" thing\t\n')
    assert read_category_ids(tmp_path / "table.tsv") == {"wall": 1, '"odd" thing': 0}


def test_the_set_can_be_sent_to_another_process(raw):
    assert ScanNet(raw) == ScanNet(raw)


def test_predictions_for_the_test_server(tmp_path):
    path = write_scannet_predictions(tmp_path / "submission", "scene0707_00", np.arange(20, dtype=np.uint8))
    assert path == tmp_path / "submission/scene0707_00.txt"
    lines = path.read_bytes().decode().split("\n")
    assert list(map(int, lines[:-1])) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39]
    assert lines[-1] == ""


@pytest.mark.parametrize(
    ("scene", "classes", "said"),
    [
        ("room", [1], "'room' is no scene"),
        ("scene0707_00", [0, 255], "vertex 1 has 255"),
        ("scene0707_00", [0, -1], "vertex 1 has -1"),
        ("scene0707_00", [0.5], "expected a whole number for each vertex, got float64"),
        ("scene0707_00", [], "expected a whole number"),
    ],
)
def test_predictions_that_the_server_would_refuse(tmp_path, scene, classes, said):
    with pytest.raises(UserError, match=said):
        write_scannet_predictions(tmp_path, scene, classes)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_for_the_test_server(tmp_path, raw):
    assert scannet(raw, "--out", tmp_path / "set").code == 0
    arguments = ("misc/scannet_submission.py", tmp_path / "pred", "--data", tmp_path / "set", "--out", tmp_path / "up")
    found = run_tool(*arguments)
    assert (found.code, "1 of 1 scenes of 'test' are missing" in found.err) == (2, True)
    (tmp_path / "pred").mkdir()
    for classes, said in ((np.zeros(69, np.uint8), "has shape (69,); expected"), (np.full(70, 20), "vertex 0 has 20")):
        np.save(tmp_path / "pred/scene0707_00.npy", classes)
        found = run_tool(*arguments)
        assert (found.code, said in found.err) == (2, True)
    (tmp_path / "pred/scene0707_00.npy").write_bytes(b"none")
    assert "is no array" in run_tool(*arguments).err
    np.save(tmp_path / "pred/scene0707_00.npy", np.full(70, 19, np.uint8))
    found = run_tool(*arguments)
    assert (found.code, "up.zip: 1 scenes of 'test'" in found.out) == (0, True)
    with zipfile.ZipFile(tmp_path / "up.zip") as archive:
        assert archive.namelist() == ["scene0707_00.txt"]
        assert archive.read("scene0707_00.txt").split() == [b"39"] * 70


def test_without_plyfile_it_is_said_how_to_get_it(tmp_path, raw, monkeypatch):
    monkeypatch.setitem(sys.modules, "plyfile", None)
    made = scannet(raw, "--out", tmp_path / "out")
    assert (made.code, 'pip install "sparsevision[points]"' in made.err) == (2, True)
