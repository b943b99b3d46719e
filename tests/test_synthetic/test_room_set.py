"""Synthetic rooms as files: same files for the same seed, and the raw layouts of S3DIS and ScanNet."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.points.ply import read_ply
from sparsevision.datasets.points.prepare.dirty_lines import parse_line, repair_line
from sparsevision.synthetic.room_classes import KINDS, UNANNOTATED
from sparsevision.synthetic.room_s3dis import text_lines
from sparsevision.synthetic.room_sample import furnish_and_scan
from sparsevision.synthetic.room_scanner import ScanSettings
from sparsevision.synthetic.room_scannet import TSV, segments_of
from sparsevision.synthetic.room_set import (
    SMALL,
    RoomSetSettings,
    s3dis_jobs,
    scannet_jobs,
    write_room_set,
)  # fmt: skip
from sparsevision.utils import UserError

for library in ("skimage", "plyfile"):
    pytest.importorskip(library)

MANY = RoomSetSettings(s3dis_train=40, s3dis_test=20, scannet_train=20, scannet_val=10, scannet_test=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("rooms") / "set"
    assert write_room_set(root, SMALL)
    return root


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes_with_any_workers_and_never_half_a_set(made, tmp_path):
    assert write_room_set(made, SMALL) is False
    write_room_set(tmp_path / "again", SMALL, workers=2)
    assert digest(tmp_path / "again") == digest(made)
    assert json.loads((made / "dataset.json").read_text())["settings"]["s3dis_train"] == 2
    with pytest.raises(UserError, match="holds another set"):
        write_room_set(made, RoomSetSettings(s3dis_train=1))

    def fail(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_room_set(tmp_path / "broken", SMALL, progress=fail)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_a_room_does_not_depend_on_how_many_are_made(made, tmp_path):
    write_room_set(tmp_path / "fewer", replace(SMALL, s3dis_train=1, scannet_train=0, scannet_test=0))
    theirs, own = digest(made), digest(tmp_path / "fewer")
    rooms = {name for name in own if "/Annotations/" in name or "/scene" in name}
    assert len(rooms) > 20
    assert all(own[name] == theirs[name] for name in rooms)


@pytest.mark.parametrize("jobs", [s3dis_jobs, scannet_jobs])
def test_every_room_has_its_own_place_and_randomness(jobs):
    found = jobs(MANY)
    assert len({job.place for job in found}) == len({job.key for job in found}) == len(found)
    assert jobs(RoomSetSettings())[:5] == found[:5]


@pytest.mark.parametrize(
    "wrong", [{"s3dis_train": -1}, {"s3dis_points": 10}, {"positions": 0},
              dict.fromkeys(("s3dis_train", "s3dis_test", "scannet_train", "scannet_val", "scannet_test"), 0)]
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UserError, match="Expected numbers of rooms"):
        RoomSetSettings(**wrong)


def test_s3dis_layout(made):
    rooms = sorted(path.parent for path in made.glob("s3dis/Area_*/*/Annotations"))
    assert [str(room.relative_to(made / "s3dis")) for room in rooms] == [
        "Area_1/office_1", "Area_2/conferenceRoom_1", "Area_5/office_1",
    ]  # fmt: skip
    for room in rooms:
        whole = (room / f"{room.name}.txt").read_text().splitlines()
        files = sorted((room / "Annotations").iterdir())
        parts = [line for path in files for line in path.read_text().splitlines()]
        assert sorted(parts) == sorted(whole)
        assert {path.name.split("_")[0] for path in files} <= {kind.s3dis for kind in KINDS.values()}
        assert 4000 < len(whole) < 6000
        assert f"{room.name} 0" in (room.parent / f"{room.parent.name}_alignmentAngle.txt").read_text()


def test_a_line_has_millimetres_and_whole_colours():
    assert text_lines(np.array([[1.0, -2.34567, 0.0004]]), np.array([[0, 255, 7]], np.uint8)) == [
        b"1.000 -2.346 0.000 0 255 7\n"
    ]


def test_dirty_files_have_the_known_faults_and_nothing_else(made, tmp_path):
    write_room_set(tmp_path / "dirty", replace(SMALL, dirty=True, scannet_train=0, scannet_val=0, scannet_test=0))
    clean, dirty = digest(made / "s3dis"), digest(tmp_path / "dirty/s3dis")
    ceiling = "Area_5/office_1/Annotations/ceiling_1.txt"
    assert {name for name in dirty if dirty[name] != clean.get(name)} == {
        ceiling, "Area_5/office_1/Annotations/.DS_Store",
    }  # fmt: skip
    dirty_lines, clean_lines = (
        (root / ceiling).read_bytes().splitlines() for root in (tmp_path / "dirty/s3dis", made / "s3dis")
    )
    wrong = [pair for pair in zip(dirty_lines, clean_lines, strict=True) if pair[0] != pair[1]]
    assert len(wrong) == 3
    assert all(any(byte < 0x20 for byte in line) for line, _ in wrong)
    assert [repair_line(line) for line, _ in wrong] == [parse_line(line) for _, line in wrong]


def test_scannet_mesh_labels_segments_and_groups_agree(made):
    nyu40 = categories(made)
    for name in ("scene0000_00", "scene0500_00"):
        home = made / "scannet/scans" / name
        mesh, labelled = read_ply(home / f"{name}_vh_clean_2.ply"), read_ply(home / f"{name}_vh_clean_2.labels.ply")
        segments = np.array(json.loads((home / f"{name}_vh_clean_2.0.010000.segs.json").read_text())["segIndices"])
        groups = json.loads((home / f"{name}.aggregation.json").read_text())["segGroups"]
        assert len(mesh) == len(labelled) == len(segments) > 2500
        assert (mesh.points == labelled.points).all()
        assert (mesh.faces == labelled.faces).all()
        assert len(mesh.faces) > len(mesh)
        assert labelled.vertex["label"].dtype == np.uint16
        assert set(mesh.vertex["alpha"].tolist()) == {255}
        labels = np.zeros(len(segments), int)
        for group in groups:
            assert not labels[np.isin(segments, group["segments"])].any()
            labels[np.isin(segments, group["segments"])] = nyu40[group["label"]]
        assert (labels == labelled.vertex["label"]).all()
        assert [group["objectId"] for group in groups] == list(range(len(groups)))


def categories(root: Path) -> dict[str, int]:
    head, *rows = (root / "scannet" / TSV).read_text().splitlines()
    columns = head.split("\t")
    assert (columns[1], columns[4]) == ("raw_category", "nyu40id")
    return {cells[1]: int(cells[4]) for cells in (row.split("\t") for row in rows)}


def test_scannet_lists_and_a_test_scene_without_labels(made):
    lists = {split: (made / f"scannet/scannetv2_{split}.txt").read_text().split() for split in ("train", "val", "test")}
    assert lists == {"train": ["scene0000_00"], "val": ["scene0500_00"], "test": ["scene0707_00"]}
    assert sorted(path.name for path in (made / "scannet/scans_test/scene0707_00").iterdir()) == [
        "scene0707_00.txt", "scene0707_00_vh_clean_2.ply",
    ]  # fmt: skip


def test_axis_alignment_turns_a_scene_back_to_its_walls(made):
    home = made / "scannet/scans/scene0000_00"
    line = (home / "scene0000_00.txt").read_text().splitlines()[0]
    matrix = np.array([float(value) for value in line.removeprefix("axisAlignment = ").split()]).reshape(4, 4)
    mesh = read_ply(home / "scene0000_00_vh_clean_2.ply")
    upright = mesh.points @ matrix[:3, :3].T + matrix[:3, 3]
    tolerance = 0.02
    assert (upright > -0.2 - tolerance).all()
    wall = read_ply(home / "scene0000_00_vh_clean_2.labels.ply").vertex["label"] == 1
    size = np.percentile(upright[wall], 98, axis=0)
    flat = np.abs(upright[wall][:, None, :2] - np.stack([[0, 0], size[:2]])).min((1, 2)) < tolerance
    assert flat.mean() > 0.9
    assert np.abs(np.linalg.det(matrix) - 1) < 1e-5


def test_segments_are_small_and_of_one_thing():
    _, scan = furnish_and_scan("study", split="train", key=(3,), settings=ScanSettings(points=5000, positions=2))
    segments = segments_of(scan)
    assert (segments[segments] == segments).all()
    for number in np.unique(segments)[::20]:
        own = segments == number
        assert len(set(scan.thing[own].tolist())) == 1
        assert (np.ptp(scan.points[own], axis=0) <= 0.6).all()


def test_what_annotators_passed_over_has_a_name_all_the_same():
    assert set(KINDS) >= UNANNOTATED
    assert len({kind.scannet for kind in KINDS.values()}) == len(KINDS)
