"""Converters of the event data sets: from every layout to one, clicks beside it, and --verify for each fault."""

import json
import shutil

import h5py
import numpy as np
import pytest
from event_sets import (
    CROP,
    PLACES,
    SENSOR,
    T_OFFSET,
    frame_times,
    label_map,
    write_ddd17_sequence,
    write_dsec_events,
    write_dsec_sequence,
    write_night_sequence,
    write_png,
    write_rectify_map,
)
from PIL import Image
from tool_runner import run_tool

from sparsevision.datasets import DDD17SegDataset, DSECNightPointDataset, DSECSemanticDataset
from sparsevision.datasets.events.dsec import SEQUENCES
from sparsevision.datasets.events.dsec_classes import TO_11
from sparsevision.datasets.events.prepare import DSECSemantic
from sparsevision.datasets.events.prepare_cli import run_prepare
from sparsevision.datasets.image_io import read_grey

SIZE = {"sensor_size": SENSOR, "crop_bottom": CROP}
SMALL = ("--sensor-size", *SENSOR, "--crop-bottom", CROP)
STREET = ("--splits", "train", "--sequences", "street")


def dsec(*arguments):
    return run_tool("dataset_converters/dsec_semantic.py", *arguments)


def ddd17(*arguments):
    return run_tool("dataset_converters/ddd17_seg.py", *arguments)


def night(*arguments):
    return run_tool("dataset_converters/dsec_night_point.py", *arguments)


@pytest.mark.parametrize("convention", PLACES)
def test_every_layout_becomes_the_official_one(tmp_path, convention):
    paths = write_dsec_sequence(tmp_path / "in", "street", convention=convention, points=(1,), frames=3)
    out = tmp_path / "out"
    made = dsec(tmp_path / "in", "--out", out, *STREET)
    assert (made.code, made.err) == (0, "")
    assert "5 linked, 0 already there" in made.out
    assert "0 linked, 5 already there" in dsec(tmp_path / "in", "--out", out, *STREET).out
    home = out / "train/street"
    assert (home / "events/left/events.h5").resolve() == (paths["events"] / "events.h5").resolve()
    assert (home / "street_semantic_timestamps.txt").read_text() == paths["times"].read_text()
    data = DSECSemanticDataset(data_root=str(out), sequences=["street"], points=1, protocol="full", **SIZE)
    assert len(data) == 3
    assert dsec(out, *STREET, *SMALL, "--verify").code == 0


def test_events_and_labels_of_two_folders_are_copied(tmp_path):
    write_dsec_sequence(tmp_path / "labels", "street", frames=3)
    shutil.move(tmp_path / "labels/train/street/events", tmp_path / "events/train/street/events")
    out = tmp_path / "out"
    assert dsec(tmp_path / "labels", "--out", out, *STREET).code == 2
    assert not out.exists()
    made = dsec(tmp_path / "labels", tmp_path / "events", "--out", out, *STREET, "--copy")
    assert "6 copied, 0 already there" in made.out
    (out / "train/street/11classes/000001.png").unlink()
    assert "1 copied, 5" in dsec(tmp_path / "labels", tmp_path / "events", "--out", out, *STREET, "--copy").out
    assert not any(path.is_symlink() for path in out.rglob("*"))
    shutil.rmtree(tmp_path / "labels")
    shutil.rmtree(tmp_path / "events")
    assert dsec(out, *STREET, *SMALL, "--verify").code == 0


def clicked(folder):
    return {path.stem: read_grey(path) for path in sorted(folder.glob("*.png"))}


@pytest.mark.parametrize("convention", ["official", "ess"])
def test_clicks_are_nested_seeded_and_found_by_the_data_set(tmp_path, convention):
    paths = write_dsec_sequence(tmp_path, "street", convention=convention, frames=3)
    first = dsec(tmp_path, *STREET, "--points", 1, 10)
    assert "clicks on 6 frames written, 0 already up to date" in first.out
    assert "clicks on 0 frames written, 6 already up to date" in dsec(tmp_path, *STREET, "--points", 1, 10).out
    folders = {}
    for points in (1, 10):
        data = DSECSemanticDataset(
            data_root=str(tmp_path), sequences=["street"], points=points, protocol="full", **SIZE
        )
        samples = [data.get_data_info(index) for index in range(3)]
        folders[points] = [read_grey(sample["sparse_path"]) for sample in samples]
        assert samples[0]["mask_path"] == str(paths["labels"] / "000000.png")
    for one, ten in zip(folders[1], folders[10], strict=True):
        assert (one != 255).sum() == 3
        assert (ten != 255).sum() == 30
        np.testing.assert_array_equal(ten[one != 255], one[one != 255])
    other = dsec(tmp_path, *STREET, "--points", 1, "--seed", 1)
    assert (other.code, "points.json: is there already, with other content" in other.err) == (2, True)
    assert dsec(tmp_path, *STREET, "--points", 1, "--seed", 1, "--overwrite").code == 0


def test_options_of_clicks_reach_them(tmp_path):
    write_dsec_sequence(tmp_path, "street", frames=2)
    options = {"seed": 7, "centre_bias": 0.5, "drop": 1.0, "mislabel": 0.25, "per_component": True}
    words = ("--seed", 7, "--centre-bias", 0.5, "--drop", 1.0, "--mislabel", 0.25, "--per-component")
    assert dsec(tmp_path, *STREET, "--points", 1, *words).code == 0
    folder = tmp_path / "train/street/11classes_weak_1point_per_class"
    note = json.loads((folder / "points.json").read_text())
    assert {name: note[name] for name in options} == options
    assert note["key"] == "dsec_semantic/street"
    assert all((labels == 255).all() for labels in clicked(folder).values())


def test_nineteen_classes_are_mapped_before_they_are_clicked(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street", classes=19, frames=2)
    assert dsec(tmp_path, *STREET, "--points", 1).code == 0
    home = tmp_path / "train/street"
    for stem, labels in clicked(home / "11classes").items():
        expected = np.vectorize(lambda label: TO_11.get(label, 255))(read_grey(paths["labels"] / f"{stem}.png"))
        np.testing.assert_array_equal(labels, expected)
        clicks = clicked(home / "11classes_weak_1point_per_class")[stem]
        assert (clicks != 255).sum() == len(np.unique(expected[expected != 255]))
    (home / "11classes/000000.png").unlink()  # as if it had been interrupted
    assert dsec(tmp_path, *STREET, "--points", 1).code == 0
    assert len(clicked(home / "11classes")) == 2
    (home / "11classes/000000.png").unlink()
    write_png(home / "11classes/000001.png", label_map(5))
    other = dsec(tmp_path, *STREET, "--points", 1)
    assert (other.code, "000001.png: holds other labels than" in other.err) == (2, True)


def test_clicks_of_other_people_are_left_alone(tmp_path):
    write_dsec_sequence(tmp_path / "in", "street", points=(1,), frames=2)
    theirs = tmp_path / "in/train/street/11classes_weak_1point_per_class"
    before = clicked(theirs)
    inside = dsec(tmp_path / "in", *STREET, "--points", 1)
    assert (inside.code, "holds labels that were not made here" in inside.err) == (2, True)
    assert not (theirs / "points.json").exists()
    out = tmp_path / "out"
    assert dsec(tmp_path / "in", "--out", out, *STREET, "--points", 1).code == 0
    assert (out / "train/street/11classes_weak_1point_per_class/points.json").is_file()
    assert dsec(tmp_path / "in", "--out", tmp_path / "linked", *STREET).code == 0
    linked = dsec(tmp_path / "linked", *STREET, "--points", 1, "--overwrite")
    assert (linked.code, "is a link to" in linked.err) == (2, True)
    np.testing.assert_equal(clicked(theirs), before)


def cut_events(home):
    path = home / "events/left/events.h5"
    path.write_bytes(path.read_bytes()[:-3000])


def swap_times_of_events(home):
    with h5py.File(home / "events/left/events.h5", "r+") as file:
        file["events/t"][3000:3002] = file["events/t"][3000:3002][::-1]


def cut_table_of_milliseconds(home):
    with h5py.File(home / "events/left/events.h5", "r+") as file:
        file["ms_to_idx"][:] = file["ms_to_idx"][:] // 2


def break_rectify_map(home):
    with h5py.File(home / "events/left/rectify_map.h5", "r+") as file:
        file["rectify_map"][0, 0] = np.nan


def write_times(home, times):
    (home / "street_semantic_timestamps.txt").write_text("\n".join(map(str, times)))


FAULTS = {
    "missing_rectify_map": (
        lambda home: (home / "events/left/rectify_map.h5").unlink(),
        "rectify_map.h5: the rectify map is missing",
    ),
    "rectify_map_of_another_sensor": (
        lambda home: write_rectify_map(home / "events/left/rectify_map.h5", sensor=(8, 9)),
        "rectify_map.h5: of 8 rows and 9 columns; the sensor has 24 and 32",
    ),
    "rectify_map_with_holes": (break_rectify_map, "/rectify_map holds 2 of 1536 values that are not finite"),
    "times_backwards": (
        lambda home: write_times(home, frame_times(3)[[0, 2, 1]]),
        "timestamps.txt: timestamps go backwards: line 2",
    ),
    "label_outside": (
        lambda home: write_times(home, [T_OFFSET - 7, *frame_times(3)[1:]]),
        "dense: 1 labels lie outside of the recording; give the data set outside='skip'",
    ),
    "unknown_id": (
        lambda home: write_png(home / "11classes/000001.png", np.full((16, 32), 11)),
        "000001.png: holds the unknown id 11",
    ),
    "label_of_another_size": (
        lambda home: write_png(home / "11classes/000002.png", label_map(0, size=(16, 30))),
        "000002.png: a label map of 16 rows and 30 columns",
    ),
    "coloured_label": (
        lambda home: Image.new("RGB", (32, 16)).save(home / "11classes/000001.png"),
        "000001.png: a PNG of mode RGB is no map of class ids",
    ),
    "unreadable_label": (lambda home: (home / "11classes/000000.png").write_bytes(b""), "00.png: the file is empty"),
    "empty_recording": (
        lambda home: write_dsec_events(home / "events/left/events.h5", count=1),
        "not one of 3 labels lies inside of its recording",
    ),
    "cut_recording": (cut_events, "events.h5"),
    "events_backwards": (swap_times_of_events, "events.h5: timestamps go backwards: event 3001"),
    "wrong_table_of_milliseconds": (cut_table_of_milliseconds, "events.h5: ms_to_idx does not fit /events/t"),
    "events_of_another_sensor": (
        lambda home: write_dsec_events(home / "events/left/events.h5", sensor=(40, 40)),
        "lies outside of the sensor of 24 rows and 32 columns",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_verify_tells_every_fault_and_goes_on(tmp_path, fault):
    write_dsec_sequence(tmp_path, "street", frames=3)
    write_dsec_sequence(tmp_path, "good", frames=3)
    make, words = FAULTS[fault]
    make(tmp_path / "train/street")
    found = dsec(tmp_path, "--splits", "train", "--sequences", "street", "good", *SMALL, "--verify")
    assert found.code == 1
    problems = [line for line in found.out.splitlines() if line.startswith("problem: ")]
    assert len(problems) == (3 if fault == "wrong_table_of_milliseconds" else 1)
    assert all(problem.startswith("problem: train/street: ") and words in problem for problem in problems)
    assert f"{len(problems)} problems" in found.out
    rows = {words[1]: words for line in found.out.splitlines() if len(words := line.split()) > 5}
    assert rows["good"][2:5] == ["4,000", "0.04", "3"]
    assert rows["good"][-1] == "none"
    assert rows["street"][-1] == rows["all"][-1] == str(len(problems))


def test_verify_writes_nothing_and_many_alike_problems_are_shortened(tmp_path):
    write_dsec_sequence(tmp_path, "street", frames=9)
    for path in (tmp_path / "train/street/11classes").iterdir():
        write_png(path, np.full((16, 32), 12))
    before = sorted(tmp_path.rglob("*"))
    found = dsec(tmp_path, *STREET, *SMALL, "--verify", "--quick")
    assert found.out.count("holds the unknown id 12") == 5
    assert "... and 4 more like these." in found.out
    assert sorted(tmp_path.rglob("*")) == before


def test_counts_are_compared_with_the_published_ones(tmp_path, monkeypatch):
    for sequence in SEQUENCES["test"]:
        write_dsec_sequence(tmp_path, sequence, split="test", frames=2)
    arguments = (tmp_path, "--splits", "test", *SMALL, "--verify", "--quick")
    found = dsec(*arguments)
    assert (found.code, "test: 6 labels in 3 recordings; published are 2809." in found.out) == (1, True)
    monkeypatch.setattr(DSECSemantic, "official", {"full": {"train": 0, "test": 6}})
    assert dsec(*arguments).code == 0


def test_published_numbers_of_the_protocols_agree():
    """The ess protocol's numbers follow from the recordings' numbers of labels."""
    labels = {"train": (939, 681, 235, 701, 1753, 1523, 1463, 787), "test": (379, 1191, 1239)}
    for split, counts in labels.items():
        assert sum(counts) == DSECSemantic.official["full"][split]
        assert sum(len(range(6, count, 2)) for count in counts) == DSECSemantic.official["ess"][split]


def test_ddd17_masks_are_unpacked_and_images_left_behind(tmp_path):
    home = write_ddd17_sequence(tmp_path / "in/data", "dir0", frames=4)
    write_png(home / "imgs/img_00000001.png", label_map(0))
    shutil.make_archive(home / "segmentation_masks", "zip", root_dir=home, base_dir="segmentation_masks")
    shutil.rmtree(home / "segmentation_masks")
    arguments = (tmp_path / "in", "--out", tmp_path / "out", "--sequences", "dir0", "--points", 1, 10)
    made = ddd17(*arguments, *SMALL, "--verify")
    assert made.code == 0, made.err
    assert "6 linked, 0 already there" in made.out
    assert "0 linked, 6 already there" in ddd17(*arguments).out
    assert sorted(path.name for path in (tmp_path / "out/dir0").iterdir()) == [
        "events.dat.t", "events.dat.xyp", "index", "segmentation_masks",
        "weak_10point_per_class", "weak_1point_per_class",
    ]  # fmt: skip
    data = DDD17SegDataset(data_root=str(tmp_path / "out"), sequences=["dir0"], points=10, **SIZE)
    assert len(data) == 3
    np.testing.assert_array_equal(read_grey(data.get_data_info(0)["mask_path"]), label_map(2, classes=6))
    assert not (home / "segmentation_masks").exists()


def test_ddd17_with_a_broken_archive_or_index(tmp_path):
    home = write_ddd17_sequence(tmp_path, "dir0", frames=4)
    rows = np.load(home / "index/index_50ms.npy")
    rows[2, 1] += 500
    rows[3, 1] += 500
    np.save(home / "index/index_50ms.npy", rows)
    found = ddd17(tmp_path, "--sequences", "dir0", *SMALL, "--verify")
    assert found.code == 1
    assert "label dir0/00000003 at 1009000 us is said to fall between events 1399 and 1400" in found.out
    shutil.rmtree(home / "segmentation_masks")
    (home / "segmentation_masks.zip").write_bytes(b"PK half")
    broken = ddd17(tmp_path, "--out", tmp_path / "out", "--sequences", "dir0")
    assert (broken.code, "segmentation_masks.zip: not a whole zip archive" in broken.err) == (2, True)
    (home / "segmentation_masks.zip").unlink()
    missing = ddd17(tmp_path, "--out", tmp_path / "out", "--sequences", "dir0")
    assert "holds no segmentation_masks nor segmentation_masks.zip" in missing.err


def test_ddd17_splits_by_place(tmp_path):
    for number in range(7):
        write_ddd17_sequence(tmp_path, f"dir{number}", frames=2)
    found = ddd17(tmp_path, "--sequences", "all", *SMALL, "--verify")
    assert found.code == 0
    rows = [line.split()[:2] for line in found.out.splitlines() if "dir" in line]
    assert ["valid", "dir1"] in rows
    assert ["test", "dir4"] in rows
    assert len(rows) == 7


def test_night_drives_of_two_folders(tmp_path):
    home = write_night_sequence(tmp_path / "labels/DSEC_Night", "street", frames=4)
    shutil.move(home / "events", tmp_path / "events/train_events/street/events")
    arguments = (tmp_path / "labels", tmp_path / "events", "--out", tmp_path / "out", "--sequences", "street")
    made = night(*arguments)
    assert (made.code, "5 linked" in made.out) == (0, True), made.err
    found = night(tmp_path / "out", "--sequences", "all", *SMALL, "--verify")
    assert found.code == 0
    rows = [line.split()[:5] for line in found.out.splitlines() if " street " in line]
    assert rows == [["train", "street", "4,000", "0.04", "2"], ["test", "street", "4,000", "0.04", "2"]]


def test_night_clicks_need_dense_labels_and_leave_the_published_ones_alone(tmp_path):
    home = write_night_sequence(tmp_path, "street", frames=4)
    published = clicked(home / "labels")
    missing = night(tmp_path, "--sequences", "street", "--points", 1)
    assert (missing.code, "Dense training labels are not part of the published set" in missing.err) == (2, True)
    for number in (0, 2):
        write_png(home / f"mine/{number:06d}.png", label_map(number, classes=19, size=SENSOR))
    assert night(tmp_path, "--sequences", "street", "--points", 1, "--dense", "mine").code == 0
    np.testing.assert_equal(clicked(home / "labels"), published)
    options = {"labels": "labels_weak_1point_per_class", "sequences": ["street"], **SIZE}
    data = DSECNightPointDataset(data_root=str(tmp_path), **options)
    assert [data.get_data_info(index)["sample_id"] for index in range(len(data))] == ["street_000000", "street_000002"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to do: give --out, --points or --verify"),
        (("elsewhere", "--verify"), "several folders need --out"),
        (("--verify", "--splits", "val"), "--splits val: expected some of train, test"),
        (("--verify", "--sequences", "road"), "No recording road of the splits train, test"),
        (("--points", "3"), "invalid choice: 3"),
        (("--verify", "--copy"), "--copy needs --out"),
    ],
)
def test_command_lines_that_make_no_sense(tmp_path, arguments, words):
    refused = dsec(tmp_path, *arguments)
    assert (refused.code, words in refused.err) == (2, True), refused.err


def test_only_the_training_split_is_clicked(tmp_path):
    write_dsec_sequence(tmp_path, "street", split="test", frames=2)
    refused = dsec(tmp_path, "--splits", "test", "--sequences", "street", "--points", 1)
    assert (refused.code, "--points clicks the split 'train'" in refused.err) == (2, True), refused.err


def test_exit_codes(tmp_path, capsys):
    def run(*arguments):
        return run_prepare([*map(str, arguments)], description="d", make=lambda args: DSECSemantic())

    write_dsec_sequence(tmp_path, "street", frames=2)
    assert run(tmp_path, *STREET, *SMALL, "--verify") == 0
    assert capsys.readouterr().out.endswith("everything is in order\n")
    assert run(tmp_path, *STREET, "--verify", "--quick") == 1  # a sensor of 480 x 640 is expected
    assert run(tmp_path / "nowhere", "--verify") == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_ctrl_c_is_no_traceback(tmp_path, capsys, monkeypatch):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sparsevision.datasets.events.prepare_cli.check_sequence", stopped)
    write_dsec_sequence(tmp_path, "street", frames=2)
    arguments = [str(tmp_path), *STREET, "--verify"]
    assert run_prepare(arguments, description="d", make=lambda args: DSECSemantic()) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_missing_folders_and_ingredients(tmp_path):
    assert "there is no such folder" in dsec(tmp_path / "nowhere", "--verify").err
    paths = write_dsec_sequence(tmp_path, "street", frames=2)
    (paths["events"] / "rectify_map.h5").unlink()
    assert "rectify_map.h5: is missing" in dsec(tmp_path, "--out", tmp_path / "out", *STREET).err
    write_rectify_map(paths["events"] / "rectify_map.h5")
    shutil.rmtree(paths["labels"])
    assert "No labels of 'street' (train)" in dsec(tmp_path, "--out", tmp_path / "out", *STREET).err
    assert "no dense labels of 'street' to click on" in dsec(tmp_path, *STREET, "--points", 1).err
    assert not (tmp_path / "out").exists()
