"""DSEC Night-Point: clicks and dense labels of the same drives, by number of the frame, in 11, 18 or 19 classes."""

import numpy as np
import pytest
from event_sets import CROP, SENSOR, T_OFFSET, frame_times, label_map, write_night_sequence, write_png

from sparsevision.datasets import DSECNightPointDataset
from sparsevision.datasets.events.dsec_classes import TO_11, TO_18, TRUCK
from sparsevision.datasets.events.night import SEQUENCES, frame_number
from sparsevision.datasets.transforms import LoadEventGrids, LoadEventLabels
from sparsevision.utils import UserError

SMALL = {"sensor_size": SENSOR, "crop_bottom": CROP}


def samples(root, **options):
    dataset = DSECNightPointDataset(data_root=str(root), **{"sequences": ["night"], **SMALL, **options})
    return [dataset.get_data_info(index) for index in range(len(dataset))]


@pytest.fixture
def folder(tmp_path):
    write_night_sequence(tmp_path, "night")
    return tmp_path


def test_training_frames_have_clicks_and_test_frames_dense_labels(folder):
    train, test = samples(folder), samples(folder, split="test")
    assert [sample["sample_id"] for sample in train] == ["night_000000", "night_000002", "night_000004"]
    assert [sample["sample_id"] for sample in test] == ["night_000001", "night_000003", "night_000005"]
    assert [sample["time_us"] for sample in train] == frame_times(6)[::2].tolist()
    assert [sample["time_us"] for sample in test] == frame_times(6)[1::2].tolist()
    assert {sample["mask_path"] for sample in train} == {sample["sparse_path"] for sample in test} == {None}
    assert train[1]["sparse_path"] == str(folder / "night/labels/000002.png")
    assert test[0]["rectify_path"] == str(folder / "night/events/left/rectify_map.h5")


@pytest.mark.parametrize("home", ["DSEC_Night", "train", "train_events"])
def test_events_and_labels_may_lie_in_different_folders(folder, home):
    (folder / home / "night").mkdir(parents=True)
    (folder / "night/events").rename(folder / home / "night/events")
    (folder / "night/timestamps.txt").rename(folder / "night/night_image_timestamps.txt")
    assert samples(folder)[0]["events_path"] == str(folder / home / "night/events/left/events.h5")


def test_the_official_five_are_the_default(folder):
    for sequence in SEQUENCES:
        write_night_sequence(folder, sequence, frames=2)
    assert [sample["sequence"] for sample in samples(folder, sequences=None)] == list(SEQUENCES)
    assert {sample["sequence"] for sample in samples(folder, sequences="all")} == {"night", *SEQUENCES}
    assert {sample["sequence"] for sample in samples(folder, sequences="night")} == {"night"}
    assert SEQUENCES[0] == "zurich_city_09_a"
    assert len(SEQUENCES) == 5


def test_another_folder_of_labels_can_be_named(folder):
    write_png(folder / "night/labels_dense/000004.png", label_map(4, classes=19, size=SENSOR))
    (only,) = samples(folder, labels="labels_dense")
    assert only["sparse_path"] == str(folder / "night/labels_dense/000004.png")
    with pytest.raises(UserError, match=r"holds no night/labels_weak_10point_per_class"):
        samples(folder, labels="labels_weak_10point_per_class")


def test_ids_are_mapped_to_11_18_or_19_classes_and_lowest_rows_cut_off(folder):
    train_ids = np.tile(np.delete(np.arange(19), TRUCK), 24 * 32)[: 24 * 32].reshape(SENSOR)
    path = folder / "night/labels_test/night_000001_grey_gtFine_labelTrainIds.png"
    write_png(path, train_ids)
    load = LoadEventLabels(fields=("gt_sem_seg",))
    for classes, table in {11: TO_11, 18: TO_18, 19: {label: label for label in range(19)}}.items():
        (first, *_) = samples(folder, split="test", classes=classes)
        expected = np.vectorize(table.get)(train_ids[: SENSOR[0] - CROP])
        np.testing.assert_array_equal(load(first)["gt_sem_seg"], expected)
        dataset = DSECNightPointDataset(data_root=str(folder), sequences=["night"], classes=classes, **SMALL)
        assert len(dataset.metainfo["classes"]) == len(dataset.metainfo["palette"]) == classes
    write_png(path, np.full(SENSOR, TRUCK))
    (first, *_) = samples(folder, split="test", classes=18)
    with pytest.raises(UserError, match=r"labelTrainIds\.png: holds the unknown id 14"):
        load(first)
    write_png(path, train_ids[:20])
    with pytest.raises(UserError, match="a label map of 20 rows and 32 columns"):
        load(first)


def test_both_protocols_use_every_label(folder):
    assert samples(folder, protocol="ess") == samples(folder, protocol="full")
    with pytest.raises(UserError, match="protocol='half'"):
        samples(folder, protocol="half")


def test_numbers_of_frames():
    assert frame_number("000012") == 12
    assert frame_number("zurich_city_09_a_000012_grey_gtFine_labelTrainIds") == 12
    assert frame_number("zurich_city_09_a") is None


def test_missing_rectify_map(folder):
    (folder / "night/events/left/rectify_map.h5").unlink()
    with pytest.raises(UserError, match=r"rectify_map\.h5: the rectify map is missing"):
        samples(folder)


def test_times_backwards_too_few_or_outside_of_the_recording(folder):
    path = folder / "night/timestamps.txt"
    times = frame_times(6)
    path.write_text("\n".join(map(str, times[[0, 2, 1, 3, 4, 5]])))
    with pytest.raises(UserError, match=r"timestamps\.txt: timestamps go backwards: line 2"):
        samples(folder)
    path.write_text("\n".join(map(str, times[:3])))
    with pytest.raises(UserError, match=r"holds 3 times; no time for 000004"):
        samples(folder)
    path.write_text("\n".join(map(str, [T_OFFSET - 5, *times[1:]])))
    with pytest.raises(UserError, match=r"events\.h5: label night/000000 at 999995 us lies outside"):
        samples(folder)
    with pytest.warns(UserWarning, match="left out 1 labels"):
        assert len(samples(folder, outside="skip")) == 2


def test_an_empty_window_and_another_sensor(folder):
    (sample, *_) = samples(folder)
    load = LoadEventGrids(num_grids=2, events_per_grid=20)
    with pytest.raises(UserError, match=r"events\.h5: 0 events in the past of night_000000"):
        load({**sample, "time_us": T_OFFSET})
    with pytest.raises(UserError, match="the rectify map is for a sensor of 24 rows and 32 columns, but sensor_size"):
        load({**sample, "sensor_size": (480, 640)})


def test_options_that_make_no_sense(folder):
    with pytest.raises(UserError, match=r"does not exist\. See docs/prepare_data\.md"):
        samples(folder / "nowhere")
    with pytest.raises(UserError, match=r"holds no day/events/left/events\.h5"):
        samples(folder, sequences=["day"])
    with pytest.raises(UserError, match="has no labelled moment"):
        samples(folder / "night", sequences="all")
    with pytest.raises(UserError, match="split='val'"):
        samples(folder, split="val")
    with pytest.raises(UserError, match="classes=12"):
        samples(folder, classes=12)
