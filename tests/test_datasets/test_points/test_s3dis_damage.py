"""S3DIS where something is amiss: annotations that were cut, arrays that were damaged, another test area."""

import numpy as np
import pytest
from raw_clouds import content, write_s3dis_room
from tool_runner import run_tool


def s3dis(*arguments):
    return run_tool("dataset_converters/s3dis.py", *arguments)


def test_another_test_area_does_not_change_a_set_without_a_word(tmp_path, raw):
    out = tmp_path / "out"
    s3dis(raw, "--out", out)
    before = content(out)
    for area in (1, 3):
        refused = s3dis(raw, "--out", out, "--test-area", area)
        assert refused.code == 2
        assert "scenes of its split 'train'" in refused.err or "scenes of its split 'val'" in refused.err
        assert "--rewrite-splits" in refused.err
        assert content(out) == before
    again = s3dis(raw, "--out", out)
    assert (again.code, content(out)) == (0, before)
    write_s3dis_room(raw, "Area_5/office_2")
    assert "1 scenes written, 4 already there" in s3dis(raw, "--out", out).out, "a room more moves none"


@pytest.mark.parametrize("damage", ["shorter than its header", "empty", "other length", "no array", "all one shorter"])
def test_a_damaged_array_is_no_scene_that_is_there(tmp_path, raw, damage):
    out = tmp_path / "out"
    s3dis(raw, "--out", out)
    before = content(out)
    path = out / "Area_1/office_1/coord.npy"
    whole = path.read_bytes()
    if damage == "all one shorter":
        for name in ("coord", "color", "segment", "segment_raw", "instance"):
            np.save(path.with_name(f"{name}.npy"), np.load(path.with_name(f"{name}.npy"))[:-1])
    elif damage == "other length":
        np.save(path, np.load(path)[:-3])
    else:
        path.write_bytes({"shorter than its header": whole[:-50], "empty": b"", "no array": b"x" * 999}[damage])
    assert "is not prepared, or not wholly" in s3dis(raw, "--out", out, "--verify").out
    assert "1 scenes written, 3 already there" in s3dis(raw, "--out", out).out
    assert content(out) == before


@pytest.mark.parametrize("end", ["in a number", "after a number", "after a line"])
def test_an_annotation_that_was_cut_is_told_and_fails_verify(tmp_path, raw, end):
    path = raw / "Area_5/office_19/Annotations/wall_1.txt"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join(lines[:25])
        + {"in a number": lines[25][:9], "after a number": lines[25][:-1], "after a line": b""}[end]
    )
    made = s3dis(raw, "--out", tmp_path / "out")
    points = 240 - 25 + (end == "after a number")
    assert made.code == 0
    said = "cut short: Area_5/office_19/Annotations/wall_1.txt: its last line has no end; get the file again"
    assert (said in made.out) == (end != "after a line")
    assert f"count differs: Area_5/office_19: its own file has 240 lines, its annotations {points} points" in made.out
    found = s3dis(raw, "--out", tmp_path / "out", "--verify")
    assert found.code == 1
    assert f"Area_5/office_19: annotations lack {240 - points} of the 240 points of its own file" in found.out


@pytest.mark.parametrize(("lacking", "rest", "code"), [(3, b"", 0), (3, b"1.25 2.5", 1), (9, b"", 1)])
def test_few_points_that_no_object_has_are_a_problem_only_where_a_file_was_cut(tmp_path, lacking, rest, code):
    """In the published set a damaged line may be left out."""
    write_s3dis_room(tmp_path / "raw", "Area_5/office_1", objects={"wall_1": 400, "floor_1": 400})
    path = tmp_path / "raw/Area_5/office_1/Annotations/wall_1.txt"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-lacking]) + rest)
    s3dis(tmp_path / "raw", "--out", tmp_path / "out")
    found = s3dis(tmp_path / "raw", "--out", tmp_path / "out", "--verify")
    assert (found.code, "count differs" in found.out) == (code, True)


def test_files_that_all_lack_their_last_line_end_are_whole(tmp_path, raw):
    for path in raw.rglob("Annotations/*.txt"):
        path.write_bytes(path.read_bytes()[:-1])
    made = s3dis(raw, "--out", tmp_path / "out")
    assert (made.code, "cut short" in made.out) == (0, False)
    assert s3dis(raw, "--out", tmp_path / "out", "--verify").code == 0
    path = raw / "Area_1/office_1/Annotations/wall_1.txt"
    path.write_bytes(path.read_bytes()[:300].rpartition(b"\n")[0] + b"\n1.5 2")
    assert "cut short: Area_1/office_1/Annotations/wall_1.txt: " in s3dis(raw, "--out", tmp_path / "out").out
