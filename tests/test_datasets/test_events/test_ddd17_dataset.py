"""DDD17-Seg: folders to splits, the index of events, and an error for each thing that can be wrong."""

import shutil

import numpy as np
import pytest
from event_sets import CROP, EVENTS, SENSOR, STEP, T_OFFSET, frame_times, label_map, write_ddd17_sequence, write_png

from sparsevision.datasets import DDD17SegDataset
from sparsevision.datasets.events.ddd17 import click_folder, find_masks, read_index
from sparsevision.datasets.transforms import LoadEventGrids, LoadEventLabels, ResizeEvents
from sparsevision.utils import UserError

SMALL = {"sensor_size": SENSOR, "crop_bottom": CROP}
GRIDS = {"num_grids": 2, "events_per_grid": 50, "bins": 3, "kind": "temporal"}


@pytest.fixture
def folder(tmp_path):
    write_ddd17_sequence(tmp_path, "dir0", points=(1, 10))
    return tmp_path


def samples(root, **options):
    dataset = DDD17SegDataset(data_root=str(root), **{"sequences": ["dir0"], **SMALL, **options})
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def test_masks_are_paired_with_rows_of_the_index(folder):
    found = samples(folder, points=1)
    assert [sample["sample_id"] for sample in found] == [f"dir0_{number:08d}" for number in range(2, 7)]
    assert [sample["time_us"] for sample in found] == frame_times(6)[1:].tolist()
    boundaries = (frame_times(6)[1:] - T_OFFSET) // STEP  # an event falls on each image's time and is not before it
    assert [sample["event_index"] for sample in found] == boundaries.tolist()
    assert found[0]["mask_path"] == str(folder / "dir0/segmentation_masks/segmentation_00000002.png")
    assert found[0]["sparse_path"] == str(folder / "dir0/weak_1point_per_class/segmentation_00000002.png")
    assert found[0]["rectify_path"] is None
    assert samples(folder, points=1, sequences="dir0") == found
    assert [sample["event_index"] for sample in samples(folder, index_ms=250)] == boundaries.tolist()


def test_no_clicks_are_asked_for_without_points(folder):
    assert samples(folder)[0]["sparse_path"] is None
    assert samples(folder, points=10)[0]["sparse_path"].startswith(str(folder / "dir0" / click_folder(10)))
    shutil.rmtree(folder / "dir0/segmentation_masks")
    assert samples(folder, points=1)[0]["mask_path"] is None
    with pytest.raises(UserError, match=r"segmentation_masks: holds no segmentation_00000001\.png.*zip.*--points"):
        samples(folder)


def test_every_label_is_used_in_both_protocols(folder):
    assert samples(folder, protocol="ess") == samples(folder, protocol="full")
    with pytest.raises(UserError, match="protocol='half'"):
        samples(folder, protocol="half")


def test_splits_take_folders_by_their_place(tmp_path):
    for number in (0, 1, 3, 4, 5, 6, 7):  # a gap in the names: places count, not numbers
        write_ddd17_sequence(tmp_path / "data", f"dir{number}", frames=2)
    expected = {"train": ["dir0", "dir3", "dir4", "dir6", "dir7"], "valid": ["dir1"], "test": ["dir5"]}
    for split, names in expected.items():
        assert [sample["sequence"] for sample in samples(tmp_path, sequences=None, split=split)] == names
    shutil.rmtree(tmp_path / "data/dir7")
    for split in expected:  # "valid" too: without dir0 its second folder would be another one
        with pytest.raises(UserError, match=rf"6 folders dir\* \(dir0, .*\), but the split '{split}' takes numbers"):
            samples(tmp_path, sequences=None, split=split)


def test_a_sample_becomes_grids_and_labels_of_one_size(folder):
    (sample, *_) = samples(folder, points=1)
    results = LoadEventGrids(**GRIDS, reverse_start="published")(sample)
    results = LoadEventLabels(fields=("gt_sem_seg", "sparse_sem_seg"))(results)
    np.testing.assert_array_equal(results["gt_sem_seg"], label_map(2, classes=6))
    wider = ResizeEvents(size=(16, 40))(results)
    assert wider["events"].shape == wider["events_reversed"].shape == (6, 16, 40)
    assert wider["gt_sem_seg"].shape == wider["sparse_sem_seg"].shape == wider["ori_shape"] == (16, 40)


def test_an_image_outside_of_the_recording_or_the_index(folder):
    rows = np.load(folder / "dir0/index/index_50ms.npy")
    rows[-1, 1] = EVENTS - 1  # no event comes after it
    np.save(folder / "dir0/index/index_50ms.npy", rows)
    with pytest.raises(UserError, match=r"label dir0/00000006 is at event 4000, but the recording has 4000"):
        samples(folder)
    with pytest.warns(UserWarning, match="left out 1 labels"):
        assert len(samples(folder, outside="skip")) == 4
    rows[-1, 1] = EVENTS - 4  # three come after it
    np.save(folder / "dir0/index/index_50ms.npy", rows)
    assert len(samples(folder, min_events=(1, 3))) == 5
    with pytest.raises(
        UserError, match=r"dir0/00000006 at event 3997 has fewer than 1 events before it or fewer than 4"
    ):
        samples(folder, min_events=(1, 4))
    np.save(folder / "dir0/index/index_50ms.npy", rows[:5])
    with pytest.raises(UserError, match=r"segmentation_00000006\.png: image 6 has no row in .*index_50ms\.npy"):
        samples(folder)


def test_an_index_whose_times_go_backwards(folder):
    path = folder / "dir0/index/index_50ms.npy"
    rows = read_index(path)
    assert rows.dtype == np.int64
    np.save(path, rows[[0, 2, 1, 3, 4, 5]])
    with pytest.raises(UserError, match=r"index_50ms\.npy: timestamps go backwards at row 2"):
        samples(folder)
    for wrong in (rows[:, :2], rows.astype(float)):
        np.save(path, wrong)
        with pytest.raises(UserError, match=r"expected whole numbers \(images, 3\)"):
            samples(folder)
    for content in (b"no array", b"", b"PK\x03\x04 an archive"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"index_50ms\.npy: cannot be read as an index"):
            samples(folder)


@pytest.mark.parametrize("name", ["events.dat.t", "events.dat.xyp"])
def test_a_missing_file_of_events(folder, name):
    (folder / "dir0" / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file\. See docs/prepare_data\.md"):
        samples(folder)


def test_events_and_labels_of_another_sensor(folder):
    (sample, *_) = samples(folder)
    with pytest.raises(UserError, match=r"outside of the sensor_size \(20, 32\)"):
        LoadEventGrids(**GRIDS)({**sample, "sensor_size": (20, 32)})
    write_png(folder / "dir0/segmentation_masks/segmentation_00000002.png", label_map(2, size=(16, 31)))
    with pytest.raises(UserError, match=r"00000002\.png: a label map of 16 rows and 31 columns"):
        LoadEventLabels(fields=("gt_sem_seg",))(sample)
    write_png(folder / "dir0/segmentation_masks/segmentation_00000002.png", np.full((16, 32), 6))
    with pytest.raises(UserError, match=r"00000002\.png: holds the unknown id 6; this data set's files hold 0 to 5"):
        LoadEventLabels(fields=("gt_sem_seg",))(sample)


def test_an_empty_window(folder):
    (sample, *_) = samples(folder)
    with pytest.raises(UserError, match="1 events in the past of dir0_00000002"):
        LoadEventGrids(**GRIDS)({**sample, "event_index": 1})


def test_options_that_make_no_sense(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        samples(tmp_path / "nowhere")
    with pytest.raises(UserError, match="split='val'; expected one of train, valid, test"):
        samples(tmp_path, split="val")
    with pytest.raises(UserError, match="index_ms=20"):
        samples(tmp_path, index_ms=20)


def test_files_of_other_names_are_no_masks(folder):
    masks = folder / "dir0/segmentation_masks"
    write_png(masks / "overview.png", label_map(0))
    assert list(find_masks(masks)) == [2, 3, 4, 5, 6]
