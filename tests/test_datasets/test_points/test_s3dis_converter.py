"""S3DIS from raw text to a prepared set: every point where it belongs, whatever the disk and the processes do."""

import json
import os
import random
import re
import shutil

import numpy as np
import pytest
from raw_clouds import S3DIS_ROOM, S3DIS_ROOMS, content, write_s3dis_room
from tool_runner import run_tool

from sparsevision.datasets.points.classes import S3DIS13
from sparsevision.datasets.points.prepare import thin
from sparsevision.datasets.points.prepare.command_line import run_prepare
from sparsevision.datasets.points.prepare.s3dis import S3DIS
from sparsevision.datasets.points.prepare.thin import keep_rows, mixed_cells, thin_rows
from sparsevision.datasets.points.scene import read_scene, scene_keys
from sparsevision.datasets.points.voxelise import voxelize

ALPHABETIC = {"ceiling_1": 4, "chair_1": 5, "chair_10": 5, "chair_2": 5, "floor_1": 8, "stairs_1": 10, "wall_1": 12}


def s3dis(*arguments):
    return run_tool("dataset_converters/s3dis.py", *arguments)


def test_every_point_arrives_in_the_order_of_the_names(tmp_path):
    points = write_s3dis_room(tmp_path / "raw", "Area_5/office_19")
    made = s3dis(tmp_path / "raw", "--out", tmp_path / "out", "--thin", 0)
    assert (made.code, made.err) == (0, "")
    scene = read_scene(tmp_path / "out/Area_5/office_19")
    everything = np.concatenate(list(points.values()))
    raw_ids = np.repeat([ALPHABETIC[name] for name in points], [len(rows) for rows in points.values()])
    np.testing.assert_array_equal(scene.coord, everything[:, :3].astype(np.float32))
    np.testing.assert_array_equal(scene.color, everything[:, 3:])
    np.testing.assert_array_equal(scene.segment_raw, raw_ids)
    names = np.array([*S3DIS13.classes, *["none"] * 243])[scene.segment]
    assert list(dict.fromkeys(names)) == ["ceiling", "chair", "floor", "none", "wall"]  # stairs are not learnt
    np.testing.assert_array_equal(scene.instance, np.repeat(np.arange(1, 8), [len(rows) for rows in points.values()]))
    assert scene.original_to_point is None


def test_thinning_keeps_the_truth_of_the_original_room(tmp_path):
    points = np.concatenate(list(write_s3dis_room(tmp_path / "raw", "Area_5/lobby_1", size=0.1).values()))
    assert s3dis(tmp_path / "raw", "--out", tmp_path / "out").code == 0
    scene = read_scene(tmp_path / "out/Area_5/lobby_1")
    raw_ids = np.repeat([ALPHABETIC[name] for name in sorted(S3DIS_ROOM)], [S3DIS_ROOM[n] for n in sorted(S3DIS_ROOM)])
    np.testing.assert_array_equal(scene.original_segment, S3DIS13.to_train(raw_ids))
    voxels = voxelize(points[:, :3].astype(np.float32), voxel_size=0.01)
    assert len(voxels) < len(points)
    np.testing.assert_array_equal(scene.original_to_point, voxels.inverse)
    np.testing.assert_array_equal(scene.color, points[voxels.representative, 3:])
    for row in range(len(scene)):
        found = set(raw_ids[scene.original_to_point == row])
        assert scene.segment_raw[row] == (found.pop() if len(found) == 1 else 255)
    assert (scene.instance[scene.segment_raw == 255] == 0).all()
    assert (scene.segment_raw == 255).any()


def test_thinning_takes_the_cells_of_the_voxeliser(cloud):
    for size in (0.01, 0.05, 0.5, 10):
        first, inverse = thin_rows(cloud.points, size)
        voxels = voxelize(cloud.points, voxel_size=size)
        np.testing.assert_array_equal(first, voxels.representative)
        np.testing.assert_array_equal(inverse, voxels.inverse)
    assert (first.tolist(), inverse.dtype) == ([0], np.int32)
    assert mixed_cells(np.arange(5000), first, inverse).tolist() == [True]
    assert mixed_cells(np.zeros(5000), first, inverse).tolist() == [False]


def test_rows_are_kept_in_place(monkeypatch):
    monkeypatch.setattr(thin, "MOVED", 3)
    array, rows = np.arange(40).reshape(20, 2), np.array([0, 1, 4, 5, 9, 10, 11, 19])
    expected = array[rows]
    kept = keep_rows(array, rows)
    np.testing.assert_array_equal(kept, expected)
    assert np.shares_memory(kept, array)


def test_splits_follow_the_test_area(tmp_path, raw):
    for area, val in ((5, ["Area_5/office_19"]), (1, ["Area_1/hallway_2", "Area_1/office_1"])):
        made = s3dis(
            raw.parent if area == 5 else raw, "--out", tmp_path / "out", "--test-area", area, "--rewrite-splits"
        )
        assert made.code == 0
        assert scene_keys(tmp_path / "out", "val") == val
        assert scene_keys(tmp_path / "out", "train") == [key for key in sorted(S3DIS_ROOMS) if key not in val]
        assert scene_keys(tmp_path / "out", "area_6") == ["Area_6/copyRoom_1"]
    assert "0 scenes written, 4 already there" in made.out
    assert "warning: areas 1 to 6 have 2, 0, 0, 0, 1, 1 rooms; published are 44, 40, 23, 49, 68, 48" in made.out
    card = json.loads((tmp_path / "out/dataset.json").read_text())
    assert (card["set"], card["classes"], card["settings"]) == ("S3DIS", list(S3DIS13.classes), {"thin": 0.01})
    without = s3dis(raw, "--out", tmp_path / "out", "--test-area", 3, "--rewrite-splits")
    assert "the test area 3 has no room" in without.out
    assert not (tmp_path / "out/splits/val.txt").exists()


def test_the_same_bytes_with_two_processes_and_in_any_order_of_the_disk(tmp_path, raw, monkeypatch):
    (raw / "Area_1/office_1/Annotations/chair_1.txt").write_bytes(
        b"1.0 2.0 3.0 103.0\x100000 1 2\n1 2 3\n" + b"1 2 3 4 5 6\n" * 3
    )
    (raw / "Area_1/office_1/Annotations/zebra_1.txt").write_bytes(b"1.0 2.0 3.0 103 1 2\n")
    one = s3dis(raw, "--out", tmp_path / "one")
    two = s3dis(raw, "--out", tmp_path / "two", "--workers", 2)
    assert (one.code, two.code) == (0, 0)
    assert two.out == one.out.replace(str(tmp_path / "one"), str(tmp_path / "two"))
    listdir, scandir = os.listdir, os.scandir

    class Shuffled(list):
        def __enter__(self):
            return iter(self)

        def __exit__(self, *error):
            pass

        close = __exit__

    def shuffled(entries):
        return Shuffled(random.Random(3).sample(entries, len(entries)))

    monkeypatch.setattr(os, "listdir", lambda *path: shuffled(listdir(*path)))
    monkeypatch.setattr(os, "scandir", lambda *path: shuffled(list(scandir(*path))))
    assert s3dis(raw, "--out", tmp_path / "three").code == 0
    monkeypatch.undo()
    assert content(tmp_path / "one") == content(tmp_path / "two") == content(tmp_path / "three")
    assert len(content(tmp_path / "one")) > 4 * 7


def test_damaged_lines_and_stray_files_are_told(tmp_path, raw):
    room = raw / "Area_5/office_19/Annotations"
    before = (room / "ceiling_1.txt").read_bytes().splitlines()
    before[3:5] = [b"1.5 2.5 3.5 185\x00187 186", b"1.5 2.5 3.5 185"]
    (room / "ceiling_1.txt").write_bytes(b"\n".join(before))
    (room / "sofabed_1.txt").write_bytes(b"1 2 3 4 5 6\n")
    (room / "table_1.txt").write_bytes(b"")
    for stray in (".DS_Store", "Icon\r", "._chair_1.txt"):
        (room / stray).write_bytes(b"\0\1\2")
    (raw / "Area_5/.DS_Store").write_bytes(b"\0")
    (raw / "Area_5/lounge_1").mkdir()
    made = s3dis(raw, "--out", tmp_path / "out", "--thin", 0)
    assert made.code == 0
    where = "Area_5/office_19/Annotations"
    for line in (
        rf"repaired: {where}/ceiling_1.txt:4: '1.5 2.5 3.5 185\x00187 186' read as '1.5 2.5 3.5 185 187 186'",
        f"left out: {where}/ceiling_1.txt:5: '1.5 2.5 3.5 185' left out (4 columns)",
        f"left out: {where}/'.DS_Store': no annotation file",
        "repaired: 1 in all",
        "left out: 4 in all",
        f"taken for clutter: {where}/sofabed_1.txt: no class of this name",
        f"empty: {where}/table_1.txt: holds no point",
        "warning: Area_5/lounge_1 has no folder Annotations and is left out",
    ):
        assert line in made.out
    scene = read_scene(tmp_path / "out" / "Area_5/office_19")
    assert len(scene) == sum(S3DIS_ROOM.values()) - 1 + 1
    assert (scene.segment_raw == 0).sum() == 1
    again = s3dis(raw, "--out", tmp_path / "out", "--thin", 0)
    assert "repaired: 1 in all" in again.out
    assert "0 scenes written, 4 already there" in again.out


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (b"1 2 3 4 5 6\nnan 2 3 4 5 6\n", r"chair_1\.txt, line 2: the coordinates are \(nan"),
        (b"1 2 3\n" * 9, r"chair_1\.txt: 9 of the first 9 lines .*'1 2 3' \(3 columns\).*colours included"),
    ],
)
def test_a_room_that_cannot_be_read_does_not_stop_the_others(tmp_path, raw, damage, said):
    (raw / "Area_1/office_1/Annotations/chair_1.txt").write_bytes(damage)
    made = s3dis(raw, "--out", tmp_path / "out")
    assert made.code == 2
    assert "3 scenes written, 0 already there" in made.out
    assert made.err.count("error: ") == 1
    assert re.search(said, made.err)
    assert not (tmp_path / "out/Area_1/office_1").exists()
    assert "Area_1/office_1" not in scene_keys(tmp_path / "out", "train")
    write = raw / "Area_1/office_1/Annotations/chair_1.txt"
    write.write_bytes(b"1 2 3 4 5 6\n")
    assert "1 scenes written, 3 already there" in s3dis(raw, "--out", tmp_path / "out").out


def test_one_voxel_and_no_point(tmp_path, raw):
    for path in (raw / "Area_1/office_1/Annotations").iterdir():
        path.write_bytes(b"1.001 1.001 1.001 9 9 9\n" if path.name == "chair_2.txt" else b"")
    assert s3dis(raw, "--out", tmp_path / "out").code == 0
    scene = read_scene(tmp_path / "out/Area_1/office_1")
    assert (len(scene), scene.segment.tolist(), scene.original_to_point.tolist()) == (1, [5], [0])
    (raw / "Area_1/office_1/Annotations/chair_2.txt").write_bytes(b"\n")
    made = s3dis(raw, "--out", tmp_path / "out", "--scenes", "Area_1/office_1")
    assert made.code == 2
    assert "none of its 7 annotation files holds a point" in made.err


def test_what_is_complete_is_kept_and_what_changed_is_made_again(tmp_path, raw):
    out = tmp_path / "out"
    assert "1 scenes written" in s3dis(raw, "--out", out, "--scenes", "Area_6/*").out
    assert not (out / "splits/train.txt").exists() or scene_keys(out, "train") == ["Area_6/copyRoom_1"]
    assert "3 scenes written, 1 already there" in s3dis(raw, "--out", out).out
    (out / "Area_1/office_1/color.npy").unlink()
    (out / "Area_5/.office_19.abc").mkdir()
    (out / "Area_5/office_19/source.json").unlink()
    path = raw / "Area_6/copyRoom_1/Annotations/wall_1.txt"
    path.write_bytes(path.read_bytes() + b"1 2 3 4 5 6\n")
    os.utime(path, (1e9, 1e9))  # as unpacked from an archive
    assert "3 scenes written, 1 already there" in s3dis(raw, "--out", out).out
    assert not (out / "Area_5/.office_19.abc").exists()
    (raw / "Area_6/copyRoom_1/Annotations/floor_1.txt").touch()
    assert "1 scenes written, 3 already there" in s3dis(raw, "--out", out).out
    other = s3dis(raw, "--out", out, "--thin", 0.05)
    assert (other.code, "holds S3DIS (format 1, thin 0.01); asked for is S3DIS (format 1, thin 0.05)" in other.err) == (
        2,
        True,
    )
    s3dis(raw, "--out", out, "--thin", 0.05, "--overwrite", "--scenes", "Area_1/*")
    assert scene_keys(out, "train") == ["Area_1/hallway_2", "Area_1/office_1"]  # the others are thinned otherwise
    assert "2 scenes written, 2 already there" in s3dis(raw, "--out", out, "--thin", 0.05).out
    assert len(scene_keys(out, "train")) == 3


def test_verify_finds_what_differs(tmp_path, raw):
    out = tmp_path / "out"
    s3dis(raw, "--out", out)
    sound = s3dis(raw, "--out", out, "--verify")
    assert (sound.code, "everything is in order" in sound.out) == (0, True)
    coord = np.load(out / "Area_1/office_1/coord.npy")
    coord[7, 1] += 1.25
    np.save(out / "Area_1/office_1/coord.npy", coord)
    shutil.rmtree(out / "Area_6")
    path = raw / "Area_5/office_19/Annotations/wall_1.txt"
    path.write_bytes(path.read_bytes() + b"1 2 3 4 5 6\n")
    before = content(out)
    found = s3dis(raw, "--out", out, "--verify")
    assert found.code == 1
    assert "problem: Area_1/office_1: coord.npy differs in 1 of" in found.out
    assert re.search(r"problem: Area_1/office_1: a point stands for one that is 1\.2[45]\d+ m away", found.out)
    assert "problem: Area_6/copyRoom_1: is not prepared, or not wholly" in found.out
    assert "problem: Area_5/office_19: coord.npy is float32 " in found.out
    assert "count differs: Area_5/office_19: its own file has 240 lines, its annotations 241 points" in found.out
    assert content(out) == before
    assert "splits/val.txt names 1 scenes; expected are 2 in the set's order" in (
        s3dis(raw, "--out", out, "--verify", "--test-area", 1).out
    )
    found = s3dis(raw, "--out", tmp_path / "none", "--verify")
    assert (found.code, "has no dataset.json, so it is no prepared set" in found.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", 0), "--workers 0"),
        (("--scenes", "Area_9/*"), r"no scene of this name; there are Area_1/hallway_2 to"),
        (("--thin", "nan"), "--thin nan"),
    ],
)
def test_bad_options_are_refused(tmp_path, raw, options, said):
    made = s3dis(raw, "--out", tmp_path / "out", *options)
    assert (made.code, said in made.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_raw_files_are_never_replaced(tmp_path, raw):
    before = content(raw)
    same = s3dis(raw, "--out", raw, "--overwrite")
    assert (same.code, content(raw)) == (2, before)
    assert same.err == f"error: --out {raw}: is the folder of the raw files; choose another one.\n"
    (tmp_path / "copy").symlink_to(raw)
    assert s3dis(raw, "--out", tmp_path / "copy").code == 2
    nested = tmp_path / "outer/Stanford3dDataset_v1.2_Aligned_Version"
    shutil.copytree(raw, nested)
    s3dis(raw, "--out", nested)
    made = content(nested)
    assert {name: made[name] for name in before} == before


def test_a_folder_with_other_files_is_no_scene_to_replace(tmp_path, raw):
    foreign = tmp_path / "out" / S3DIS_ROOMS[0] / "mine.txt"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("keep", encoding="utf-8")
    made = s3dis(raw, "--out", tmp_path / "out")
    assert made.code == 2
    assert "holds mine.txt, which is no part of a prepared scene" in made.err
    assert foreign.read_text(encoding="utf-8") == "keep"
    assert "3 scenes written" in made.out


def test_folders_that_are_not_the_set_are_refused(tmp_path):
    assert "there is no such folder" in s3dis(tmp_path / "none", "--out", tmp_path / "out").err
    assert "no room found; expected Area_1/<room>/Annotations" in s3dis(tmp_path, "--out", tmp_path / "out").err


def test_ctrl_c_leaves_nothing_half_written(tmp_path, raw, monkeypatch, capsys):
    read, seen = S3DIS.read, []

    def interrupted(self, key):
        if seen:
            raise KeyboardInterrupt
        seen.append(key)
        return read(self, key)

    monkeypatch.setattr(S3DIS, "read", interrupted)
    out = tmp_path / "out"
    code = run_prepare([str(raw), "--out", str(out)], description="", make=lambda args: S3DIS(raw))
    assert (code, "goes on from here" in capsys.readouterr().err) == (130, True)
    assert {path.name for path in out.rglob("*") if path.is_dir()} == {seen[0].split("/")[0], seen[0].split("/")[1]}
    monkeypatch.undo()
    assert "3 scenes written, 1 already there" in s3dis(raw, "--out", out).out


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """A few small synthetic rooms in both raw layouts."""
    out = tmp_path_factory.mktemp("rooms") / "small"
    assert run_tool("make_synthetic.py", "rooms", "--small", "--out", out).code == 0
    return out


@pytest.mark.parametrize("name", ["s3dis", "scannet"])
def test_synthetic_rooms_come_in_through_the_converters(tmp_path, rooms, name):
    tool, out = f"dataset_converters/{name}.py", tmp_path / "out"
    made = run_tool(tool, rooms / name, "--out", out)
    assert (made.code, made.err) == (0, "")
    assert run_tool(tool, rooms / name, "--out", out, "--verify").code == 0
    scene = read_scene(out / scene_keys(out, "train")[0])
    assert len(set(np.asarray(scene.segment)) - {255}) > 3
    assert (scene.original_segment is not None) == (name == "s3dis")
