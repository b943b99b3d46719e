"""SemanticKITTI from raw scans to coloured clouds: what the camera sees, and nothing else."""

import math
import re

import numpy as np
import pytest
from PIL import Image
from raw_clouds import KITTI_CALIBRATION, write_kitti_scan
from tool_runner import run_tool

from sparsevision.datasets.points.classes import KITTI19
from sparsevision.datasets.points.prepare.front_camera import bilinear_colours, is_inside, project, read_calibration
from sparsevision.datasets.points.prepare.semantic_kitti import SemanticKITTI
from sparsevision.datasets.points.scene import read_scene, scene_keys

KEYS = ("00/000000", "00/000001", "10/000000", "08/000000", "11/000000")


@pytest.fixture
def raw(tmp_path):
    """Five scans of four sequences; the last has no labels."""
    for key in KEYS:
        write_kitti_scan(tmp_path / "dataset", key, labelled=key != KEYS[-1])
    return tmp_path / "dataset"


def kitti(*arguments):
    return run_tool("dataset_converters/semantic_kitti.py", *arguments)


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def seen_by_hand(x, y, z):
    """Column, row and depth with the numbers of KITTI_CALIBRATION."""
    right, down, ahead = -y - 0.02, -z - 0.06, x - 0.33
    depth = ahead + 0.0027
    return (70 * right + 40 * ahead + 4.5) / depth, (70 * down + 15 * ahead + 0.2) / depth, depth


def test_the_points_in_the_picture_arrive_with_its_colours(tmp_path):
    truth = write_kitti_scan(tmp_path / "raw", "08/000123")
    made = kitti(tmp_path / "raw", "--out", tmp_path / "out")
    assert (made.code, made.err) == (0, "")
    scene = read_scene(tmp_path / "out/08/000123")
    seen = []
    for row, (x, y, z) in enumerate(truth["points"][:, :3].tolist()):
        column, line, depth = seen_by_hand(x, y, z)
        if depth > 0 and 0 <= column <= 79 and 0 <= line <= 31:
            seen.append((row, column * 3, line * 7, (column + line) * 2))
    rows = [row for row, *_ in seen]
    assert 20 < len(rows) < 200
    np.testing.assert_array_equal(scene.coord, truth["points"][rows, :3])
    np.testing.assert_allclose(scene.color, [colour for _, *colour in seen], atol=0.5 + 1e-4)  # the picture is linear
    np.testing.assert_array_equal(scene.segment_raw, truth["labels"][rows] & 0xFFFF)
    np.testing.assert_array_equal(scene.instance, truth["labels"][rows] >> 16)
    names = {
        10: "car", 252: "car", 13: "other-vehicle", 259: "other-vehicle", 40: "road", 60: "road", 50: "building",
        70: "vegetation", 255: "motorcyclist",
    }  # fmt: skip
    for raw_id, segment in zip(scene.segment_raw, scene.segment, strict=True):
        assert segment == (KITTI19.classes.index(names[raw_id]) if raw_id in names else 255)
    assert {0, 252} <= set(scene.segment_raw.tolist())


def test_sequence_08_is_for_validation(tmp_path, raw):
    (raw / "sequences/08/velodyne/._000000.bin").write_bytes(b"stray")
    made = kitti(raw.parent, "--out", tmp_path / "out")
    assert made.code == 0
    assert {split: scene_keys(tmp_path / "out", split) for split in ("train", "val", "test")} == {
        "train": ["00/000000", "00/000001", "10/000000"],
        "val": ["08/000000"],
        "test": ["11/000000"],
    }
    assert set(read_scene(tmp_path / "out/11/000000").arrays()) == {"coord", "color"}
    assert "warning: sequence 08 has 1 scans; published are 4071" in made.out


def test_the_same_bytes_with_two_processes_and_verify(tmp_path, raw):
    assert kitti(raw, "--out", tmp_path / "one").code == 0
    assert kitti(raw, "--out", tmp_path / "two", "--workers", 2).code == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert "5 already there" in kitti(raw, "--out", tmp_path / "one").out
    found = kitti(raw, "--out", tmp_path / "one", "--verify")
    assert (found.code, "everything is in order" in found.out) == (0, True)
    Image.new("RGB", (80, 32)).save(raw / "sequences/10/image_2/000000.png")
    found = kitti(raw, "--out", tmp_path / "one", "--verify")
    assert (found.code, "problem: 10/000000: color.npy differs in" in found.out) == (1, True)


def edit_points(path, row, value):
    points = np.fromfile(path, "<f4").reshape(-1, 4)
    points[row, 1] = value
    path.write_bytes(points.tobytes())


FAULTS = {
    "no picture": (lambda f: (f / "image_2/000000.png").unlink(), r"000000\.png: there is no such file"),
    "no labels": (lambda f: (f / "labels/000000.label").unlink(), r"000000\.label: there is no such file"),
    "no calibration": (lambda f: (f / "calib.txt").unlink(), r"calib\.txt: there is no such file"),
    "half a point": (lambda f: (f / "velodyne/000000.bin").write_bytes(bytes(24)), "24 bytes, which are no whole"),
    "no point": (lambda f: (f / "velodyne/000000.bin").write_bytes(b""), r"000000\.bin: the cloud has no point"),
    "NaN": (lambda f: edit_points(f / "velodyne/000000.bin", 7, np.nan), r"000000\.bin: 1 of 400 .* is point 7"),
    "few labels": (lambda f: (f / "labels/000000.label").write_bytes(bytes(40)), "has 40 bytes; expected 4 for"),
    "strange label": (
        lambda f: (f / "labels/000000.label").write_bytes(np.full(400, 7, "<u4").tobytes()),
        "holds class 7, which SemanticKITTI does not have",
    ),
    "broken picture": (lambda f: (f / "image_2/000000.png").write_bytes(b"png"), r"000000\.png"),
    "no P2": (
        lambda f: (f / "calib.txt").write_text(KITTI_CALIBRATION.replace("P2: 7.0e+01", "P2:")),
        "has no line 'P2:' with 12 numbers",
    ),
    "nothing seen": (
        lambda f: (f / "velodyne/000000.bin").write_bytes(np.full((400, 4), -5, "<f4").tobytes()),
        "none of its 400 points lies in the picture of camera 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_and_the_other_scans_are_prepared(tmp_path, raw, fault):
    break_it, said = FAULTS[fault]
    break_it(raw / "sequences/10")
    made = kitti(raw, "--out", tmp_path / "out")
    assert (made.code, made.err.count("error: "), "4 scenes written" in made.out) == (2, 1, True)
    assert re.search(said, made.err)
    assert not (tmp_path / "out/10/000000").exists()


def test_one_point_is_a_scene(tmp_path, raw):
    (raw / "sequences/10/velodyne/000000.bin").write_bytes(np.array([5, 0, 0, 1], "<f4").tobytes())
    (raw / "sequences/10/labels/000000.label").write_bytes(np.array([10 + (3 << 16)], "<u4").tobytes())
    assert kitti(raw, "--out", tmp_path / "out").code == 0
    scene = read_scene(tmp_path / "out/10/000000")
    assert (scene.coord.tolist(), scene.segment.tolist(), scene.instance.tolist()) == ([[5, 0, 0]], [0], [3])


def test_a_folder_without_scans_is_refused(tmp_path):
    assert "no scan found; expected sequences/00/velodyne" in kitti(tmp_path, "--out", tmp_path / "out").err
    assert SemanticKITTI(tmp_path).warnings()


def test_projection_and_the_edge_of_the_picture(tmp_path):
    (tmp_path / "calib.txt").write_text(KITTI_CALIBRATION)
    calibration = read_calibration(tmp_path / "calib.txt")
    assert sorted(calibration) == ["P0", "P2", "Tr"]
    points = np.array([[5, 0.5, 0.25], [-5, 0.5, 0.25], [0.3273, 1, 1], [12, -3, 1]], dtype=np.float32)
    pixels = project(points, calibration)
    for point, pixel in zip(points.tolist(), pixels.tolist(), strict=True):
        if not math.isclose(point[0], 0.3273, abs_tol=1e-6):
            assert pixel == pytest.approx(seen_by_hand(*point))
    edge = np.array([[0, 0, 1], [79, 31, 1], [79.001, 31, 1], [-0.001, 0, 1], [5, 31.001, 1], [5, 5, 0], [5, 5, -1]])
    assert is_inside(edge, (32, 80)).tolist() == [True, True, False, False, False, False, False]


def test_colours_between_pixels():
    image = np.array([[[0, 0, 0], [100, 0, 0]], [[0, 200, 0], [100, 200, 40]]], dtype=np.uint8)
    pixels = np.array([[0, 0], [1, 1], [0.5, 0], [0.25, 0.5], [1, 0.75]])
    assert bilinear_colours(image, pixels).tolist() == [
        [0, 0, 0],
        [100, 200, 40],
        [50, 0, 0],
        [25, 100, 5],
        [100, 150, 30],
    ]
    assert bilinear_colours(image[:1, :1], np.zeros((1, 2))).tolist() == [[0, 0, 0]]
