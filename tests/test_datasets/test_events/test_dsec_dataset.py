"""DSEC-Semantic: three conventions of folders, protocols, class maps, and an error for each thing that can be wrong."""

import numpy as np
import pytest
from event_sets import (
    EVENTS,
    SENSOR,
    STEP,
    T_OFFSET,
    frame_times,
    label_map,
    write_dsec_events,
    write_dsec_sequence,
    write_png,
    write_rectify_map,
)

from sparsevision.datasets import DSECSemanticDataset
from sparsevision.datasets.events.dsec_classes import CLASSES, PALETTES, TO_11, TO_18
from sparsevision.datasets.transforms import LoadEventGrids, LoadEventLabels
from sparsevision.utils import UserError

SMALL = {"sensor_size": SENSOR, "crop_bottom": 8}


def samples(root, **options):
    dataset = DSECSemanticDataset(data_root=str(root), **{"sequences": ["street"], **SMALL, **options})
    return [dataset.get_data_info(index) for index in range(len(dataset))]


@pytest.mark.parametrize("convention", ["official", "ess", "ev_wsss", "archives"])
def test_every_convention_gives_the_same_samples(tmp_path, convention):
    paths = write_dsec_sequence(tmp_path, "street", convention=convention, points=(1,))
    found = samples(tmp_path, points=1, protocol="full")
    assert [sample["sample_id"] for sample in found] == [f"street_{number:06d}" for number in range(10)]
    assert [sample["time_us"] for sample in found] == frame_times(10).tolist()
    assert {sample["events_path"] for sample in found} == {str(paths["events"] / "events.h5")}
    assert found[3]["rectify_path"] == str(paths["events"] / "rectify_map.h5")
    assert found[3]["mask_path"] == str(paths["labels"] / "000003.png")
    assert "weak_1point" in found[3]["sparse_path"]
    assert found[3]["sparse_path"].endswith("000003.png")


def test_protocol_of_ess_drops_six_labels_and_takes_every_second(tmp_path):
    write_dsec_sequence(tmp_path, "street", frames=13)
    assert [sample["sample_id"][-2:] for sample in samples(tmp_path)] == ["06", "08", "10", "12"]
    with pytest.raises(UserError, match="protocol='half'; expected one of ess, full"):
        samples(tmp_path, protocol="half")


def test_official_sequences_are_the_default_and_all_takes_what_there_is(tmp_path):
    write_dsec_sequence(tmp_path, "b")
    write_dsec_sequence(tmp_path, "a")
    assert {sample["sequence"] for sample in samples(tmp_path, sequences="all")} == {"a", "b"}
    assert {sample["sequence"] for sample in samples(tmp_path, sequences="b")} == {"b"}
    with pytest.raises(UserError, match=r"No events\.h5 of sequence 'zurich_city_00_a'"):
        samples(tmp_path, sequences=None)
    with pytest.raises(UserError, match=r"no sequence of the split 'test'"):
        samples(tmp_path, sequences="all", split="test")


def test_every_third_label(tmp_path):
    write_dsec_sequence(tmp_path, "street", frames=8)
    names = [sample["sample_id"] for sample in samples(tmp_path, protocol="full", every=3)]
    assert names == ["street_000000", "street_000003", "street_000006"]


def test_nineteen_classes_are_mapped_to_eleven(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street", classes=19)
    (first, *_) = samples(tmp_path, protocol="full")
    write_png(paths["labels"] / "000000.png", np.arange(16 * 32).reshape(16, 32) % 19)
    classes = LoadEventLabels(fields=("gt_sem_seg",))(first)["gt_sem_seg"]
    assert classes.ravel()[:19].tolist() == [5, 6, 1, 9, 2, 4, 10, 10, 7, 7, 0, 3, 3, 8, 8, 8, 8, 8, 8]
    (first, *_) = samples(tmp_path, protocol="full", classes=19)
    assert LoadEventLabels(fields=("gt_sem_seg",))(first)["gt_sem_seg"].ravel()[:19].tolist() == list(range(19))


def test_clicks_decide_the_coding(tmp_path):
    """Published clicks are in 11 classes, the dense labels that somebody has may be in 19."""
    paths = write_dsec_sequence(tmp_path, "street", points=(1,))
    paths["labels"].rename(paths["labels"].with_name("19classes"))
    (first, *_) = samples(tmp_path, points=1)
    assert (first["mask_path"], first["label_ids"][10]) == (None, 10)


def test_class_tables_agree_with_one_another():
    """Names that both codings know must be mapped onto each other, colours with them."""
    shared = {"fence", "person", "pole", "road", "sidewalk", "vegetation", "car", "wall", "building", "traffic sign"}
    for label, name in enumerate(CLASSES[19]):
        if name in shared:
            assert CLASSES[11][TO_11[label]] == name
            assert PALETTES[11][TO_11[label]] == PALETTES[19][label]
    assert sorted(TO_18.values()) == list(range(18))
    assert "truck" not in CLASSES[18]
    assert {count: len(names) for count, names in CLASSES.items()} == {11: 11, 18: 18, 19: 19}
    assert {count: len(colours) for count, colours in PALETTES.items()} == {11: 11, 18: 18, 19: 19}


def test_metainfo_follows_the_number_of_classes(tmp_path):
    write_dsec_sequence(tmp_path, "street", classes=19)
    for count in (11, 19):
        dataset = DSECSemanticDataset(data_root=str(tmp_path), sequences=["street"], classes=count, **SMALL)
        assert len(dataset.metainfo["classes"]) == len(dataset.metainfo["palette"]) == count


def test_clicks_without_dense_labels_are_enough(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street", points=(10,))
    for path in paths["labels"].iterdir():
        path.unlink()
    paths["labels"].rmdir()
    (first, *_) = samples(tmp_path, points=10)
    assert first["mask_path"] is None
    with pytest.raises(UserError, match=r"has no mask_path"):
        LoadEventLabels(fields=("gt_sem_seg",))(first)
    with pytest.raises(UserError, match=r"No folder '11classes_weak_1point_per_class'.*--points"):
        samples(tmp_path, points=1)


def test_a_label_outside_of_the_recording_is_an_error_or_left_out(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street", frames=4)
    last = T_OFFSET + (EVENTS - 1) * STEP
    times = [T_OFFSET, T_OFFSET + 1, last, last + 1]  # nothing before the first; nothing after the last
    paths["times"].write_text("\n".join(map(str, times)))
    with pytest.raises(UserError, match=rf"label street/000000 at {T_OFFSET} us lies outside.*So it is with 2 labels"):
        samples(tmp_path, protocol="full")
    with pytest.warns(UserWarning, match="left out 2 labels outside of their recordings: street/000000, street/000003"):
        kept = samples(tmp_path, protocol="full", outside="skip")
    assert [sample["time_us"] for sample in kept] == times[1:3]
    paths["times"].write_text("\n".join(["5", "6", "7", "8"]))
    with pytest.warns(UserWarning, match="left out 4"), pytest.raises(UserError, match="not one of 4 labels"):
        samples(tmp_path, protocol="full", outside="skip")


def test_labels_with_fewer_events_than_a_pipeline_needs_are_found_at_the_start(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street", frames=4)
    last = T_OFFSET + (EVENTS - 1) * STEP
    times = [T_OFFSET + 2 * STEP, T_OFFSET + 2 * STEP + 1, last - 4 * STEP, last - 4 * STEP + 1]  # 2, 3; 5, 4 events
    paths["times"].write_text("\n".join(map(str, times)))
    assert len(samples(tmp_path, protocol="full")) == 4
    few = rf"label street/000000 at {times[0]} us has fewer than 3 events before it or fewer than 5 after it"
    with pytest.raises(UserError, match=rf"{few}.*So it is with 2 labels.*outside='skip'"):
        samples(tmp_path, protocol="full", min_events=(3, 5))
    with pytest.warns(UserWarning, match="left out 2 labels"):
        kept = samples(tmp_path, protocol="full", min_events=(3, 5), outside="skip")
    assert [sample["time_us"] for sample in kept] == times[1:3]
    for stream, number in (("past", 3), ("future", 5)):
        load = LoadEventGrids(num_grids=number, events_per_grid=1, streams=(stream,))
        assert all(load(sample)["num_grids"] == number for sample in kept)
    with pytest.warns(UserWarning, match="left out 4"), pytest.raises(UserError, match="not one of 4 labels"):
        samples(tmp_path, protocol="full", min_events=(EVENTS + 1, 1), outside="skip")
    with pytest.raises(UserError, match=r"min_events=\(0, 1\); expected two numbers, at least 1 event"):
        samples(tmp_path, min_events=(0, 1))


def test_missing_rectify_map(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street")
    (paths["events"] / "rectify_map.h5").unlink()
    with pytest.raises(UserError, match=r"rectify_map\.h5: the rectify map is missing"):
        samples(tmp_path)


def test_times_that_go_backwards(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street", frames=3)
    paths["times"].write_text("1005000\n1009000\n1007000\n")
    with pytest.raises(UserError, match=r"go backwards: line 2 says 1009000 us and line 3 1007000"):
        samples(tmp_path)
    paths["times"].write_text("1005000\nlater\n1007000\n")
    with pytest.raises(UserError, match=r"street_semantic_timestamps\.txt: expected one time in whole microseconds"):
        samples(tmp_path)


def test_labels_and_times_of_different_number(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street", frames=4)
    (paths["labels"] / "000001.png").unlink()
    found = samples(tmp_path, protocol="full")
    assert [sample["time_us"] for sample in found] == frame_times(4)[[0, 2, 3]].tolist()
    paths["times"].write_text("1005000\n1007000\n")
    with pytest.raises(UserError, match=r"3 labels, but .* holds 2 times; no time for 000002, 000003"):
        samples(tmp_path)


def test_options_that_make_no_sense(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        samples(tmp_path / "nowhere")
    with pytest.raises(UserError, match="split='val'"):
        samples(tmp_path, split="val")
    with pytest.raises(UserError, match="classes=12"):
        samples(tmp_path, classes=12)
    with pytest.raises(UserError, match="every=0; expected 1 or more"):
        samples(tmp_path, every=0)
    with pytest.raises(UserError, match="outside='ignore'"):
        samples(tmp_path, outside="ignore")
    with pytest.raises(UserError, match="crop_bottom=24 of 24 rows leaves none"):
        samples(tmp_path, crop_bottom=24)


def test_unknown_id_and_wrong_size_name_the_file(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street")
    (sample, *_) = samples(tmp_path, protocol="full")
    load = LoadEventLabels(fields=("gt_sem_seg",))
    labels = label_map(0)
    labels[3, 3] = 17
    write_png(paths["labels"] / "000000.png", labels)
    with pytest.raises(UserError, match=r"000000\.png: holds the unknown id 17; this data set's files hold 0 to 10"):
        load(sample)
    write_png(paths["labels"] / "000000.png", label_map(0, size=(15, 32)))
    with pytest.raises(UserError, match=r"000000\.png: a label map of 15 rows and 32 columns; expected \(16, 32\)"):
        load(sample)


def test_empty_recording_and_a_map_of_another_sensor(tmp_path):
    paths = write_dsec_sequence(tmp_path, "street")
    write_rectify_map(paths["events"] / "rectify_map.h5", sensor=(8, 8))
    assert samples(tmp_path)  # found when it is read: see test_event_transforms.py
    write_dsec_events(paths["events"] / "events.h5", count=1)
    with pytest.raises(UserError, match="outside of the recording"):
        samples(tmp_path)
