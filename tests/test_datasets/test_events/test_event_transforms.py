"""From a labelled moment to a packed sample: windows, grids, labels, crops, and the same batches from any workers."""

import pickle

import h5py
import numpy as np
import pytest
import torch
from event_sets import (
    CROP,
    EVENTS,
    LABEL_SIZE,
    SENSOR,
    STEP,
    T_OFFSET,
    label_map,
    write_dsec_sequence,
    write_rectify_map,
)
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from PIL import Image
from torch.utils.data import DataLoader

from sparsevision.datasets import DSECSemanticDataset, EventPreprocessor, SeededSampler
from sparsevision.datasets.events.representations import event_grids
from sparsevision.datasets.events.types import Events
from sparsevision.datasets.transforms import (
    DrawEventFlip,
    LoadEventGrids,
    LoadEventLabels,
    PackEventInputs,
    RandomCropEvents,
    ResizeEvents,
)
from sparsevision.datasets.transforms.event_grids import KeptOpen
from sparsevision.utils import UserError

GRIDS = {"num_grids": 4, "events_per_grid": 20, "bins": 3}
NUMBER = 3  # of the label that most tests look at


@pytest.fixture
def folder(tmp_path):
    write_dsec_sequence(tmp_path, "street", points=(1,))
    return tmp_path


def data_set(folder, pipeline=(), **options):
    size = {"sensor_size": SENSOR, "crop_bottom": CROP}
    options = {"protocol": "full", "points": 1, **size, **options}
    return DSECSemanticDataset(data_root=str(folder), sequences=["street"], pipeline=list(pipeline), **options)


def sample_of(folder, **options):
    return data_set(folder, **options).get_data_info(NUMBER)


def all_events(folder):
    """Read here with h5py alone."""
    with h5py.File(folder / "train/street/events/left/events.h5") as file:
        arrays = {name: file[f"events/{name}"][:] for name in "xytp"}
        return Events(**arrays | {"t": arrays["t"].astype(np.int64) + file["t_offset"][()]})


def shifted_map():
    rows, columns = np.mgrid[: SENSOR[0], : SENSOR[1]].astype(np.float32)
    return np.stack([columns + 0.25, rows - 0.25], axis=-1)


def test_past_and_future_are_the_events_around_the_label(folder):
    sample = sample_of(folder)
    loaded = LoadEventGrids(**GRIDS, reverse_multiple=5)(sample)
    boundary = (sample["time_us"] - T_OFFSET) // STEP  # an event falls on the label's time and belongs to the future
    events = all_events(folder)
    form = {"num_grids": 4, "bins": 3, "height": 16, "width": 32, "rectify_map": shifted_map()}
    past = event_grids(events[boundary - 80 : boundary], **form)
    future = event_grids(events[boundary : boundary + 400], **form, reverse=True)
    np.testing.assert_array_equal(loaded["events"], past)
    np.testing.assert_array_equal(loaded["events_reversed"], future)
    assert past.shape == future.shape == (12, *LABEL_SIZE)
    assert abs(past).sum() > 0
    assert loaded["img_shape"] == LABEL_SIZE


def test_streams_rectification_and_flip_are_choices(folder):
    sample = sample_of(folder)
    only = LoadEventGrids(**GRIDS, streams=("past",))(sample)
    assert "events_reversed" not in only
    raw = LoadEventGrids(**GRIDS, streams=("past",), rectify=False)(sample)
    assert (raw["events"] != only["events"]).any()
    mirrored = LoadEventGrids(**GRIDS, streams=("past",), rectify=False)({**sample, "flip": True})
    np.testing.assert_allclose(mirrored["events"], raw["events"][..., ::-1], atol=1e-5)


def test_windows_at_the_edge_take_what_there_is(folder):
    sample = {**sample_of(folder), "time_us": T_OFFSET + 8 * STEP}
    loaded = LoadEventGrids(**GRIDS, streams=("past",))(sample)
    expected = event_grids(all_events(folder)[:8], num_grids=4, bins=3, height=16, width=32, rectify_map=shifted_map())
    np.testing.assert_array_equal(loaded["events"], expected)


def test_an_empty_window_is_an_error(folder):
    sample = sample_of(folder)
    with pytest.raises(UserError, match=r"events\.h5: 0 events in the past of street_000003.*too few for 4 grids"):
        LoadEventGrids(**GRIDS)({**sample, "time_us": T_OFFSET})
    with pytest.raises(UserError, match=r"events\.h5: 3 events in the future of street_000003"):
        LoadEventGrids(**GRIDS)({**sample, "time_us": T_OFFSET + (EVENTS - 3) * STEP})


def test_wrong_sensor_sizes(folder):
    with pytest.raises(
        UserError, match=r"events\.h5: holds an event in row 23 .*outside of the sensor_size \(20, 32\)"
    ):
        LoadEventGrids(**GRIDS, rectify=False)({**sample_of(folder), "sensor_size": (20, 32)})
    write_rectify_map(folder / "train/street/events/left/rectify_map.h5", sensor=(8, 9))
    with pytest.raises(UserError, match=r"rectify_map\.h5: the rectify map is for a sensor of 8 rows and 9 columns"):
        LoadEventGrids(**GRIDS)(sample_of(folder))


def test_an_event_that_a_data_set_names_bounds_the_streams(folder):
    """DDD17: the published future starts two events early and ends one event early."""
    sample = {**sample_of(folder), "event_index": 1000}
    events, form = all_events(folder), {"num_grids": 4, "bins": 3, "height": 16, "width": 32}
    for start, (first, last) in {"fixed": (1000, 1080), "published": (998, 1079)}.items():
        loaded = LoadEventGrids(**GRIDS, rectify=False, reverse_start=start)(sample)
        np.testing.assert_array_equal(loaded["events"], event_grids(events[920:1000], **form))
        np.testing.assert_array_equal(loaded["events_reversed"], event_grids(events[first:last], **form, reverse=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"streams": ("now",)}, r"streams=\('now',\); expected some of past, future"),
        ({"reverse_start": "early"}, "reverse_start='early'"),
        ({"num_grids": 0}, "num_grids=0"),
        ({"reverse_multiple": 0}, "reverse_multiple=0"),
    ],
)
def test_options_of_the_grids_are_checked(options, words):
    with pytest.raises(UserError, match=words):
        LoadEventGrids(**{**GRIDS, **options})


def test_labels_are_cropped_mapped_and_mirrored(folder):
    sample = sample_of(folder)
    loaded = LoadEventLabels(fields=("gt_sem_seg", "sparse_sem_seg"))(sample)
    np.testing.assert_array_equal(loaded["gt_sem_seg"], label_map(NUMBER))
    assert (loaded["sparse_sem_seg"] != 255).sum() == 3
    assert loaded["ori_shape"] == LABEL_SIZE
    mirrored = LoadEventLabels(fields=("gt_sem_seg",))({**sample, "flip": True})
    np.testing.assert_array_equal(mirrored["gt_sem_seg"], label_map(NUMBER)[:, ::-1])
    other = LoadEventLabels(fields=("gt_sem_seg",), ignore_index=-100)(sample)["gt_sem_seg"]
    assert other.min() == -100
    with pytest.raises(UserError, match=r"fields=\('labels',\)"):
        LoadEventLabels(fields=("labels",))


@pytest.mark.parametrize("strange", [65535, 256, 11])
def test_an_id_is_read_exactly_or_unknown(folder, strange):
    sample = sample_of(folder)
    labels = label_map(NUMBER).astype(np.uint16)
    Image.fromarray(labels).save(sample["mask_path"])
    np.testing.assert_array_equal(LoadEventLabels(fields=("gt_sem_seg",))(sample)["gt_sem_seg"], labels)
    labels[5, 6] = strange
    Image.fromarray(labels).save(sample["mask_path"])
    with pytest.raises(UserError, match=rf"\.png: holds the unknown id {strange}; .* hold 0 to 10, and 255 for"):
        LoadEventLabels(fields=("gt_sem_seg",), ignore_index=255)(sample)


def test_unlabelled_pixels_may_be_65535(folder):
    sample = sample_of(folder)
    labels = label_map(NUMBER)
    Image.fromarray(np.where(labels == 255, 65535, labels).astype(np.uint16)).save(sample["mask_path"])
    read = LoadEventLabels(fields=("gt_sem_seg",), unlabelled=65535)(sample)["gt_sem_seg"]
    np.testing.assert_array_equal(read, labels)


def test_colours_are_no_labels(folder):
    sample = sample_of(folder)
    Image.fromarray(label_map(NUMBER).astype(np.uint8)).convert("RGB").save(sample["mask_path"])
    with pytest.raises(UserError, match=r"000003\.png: a PNG of mode RGB is no map of class ids"):
        LoadEventLabels(fields=("gt_sem_seg",))(sample)


def test_a_label_of_the_whole_sensor_loses_its_lowest_rows(folder):
    sample = {**sample_of(folder), "crop_bottom": 0, "sensor_size": LABEL_SIZE}
    whole = LoadEventLabels(fields=("gt_sem_seg",))(sample)["gt_sem_seg"]
    cut = LoadEventLabels(fields=("gt_sem_seg",))({**sample, "crop_bottom": 5})["gt_sem_seg"]
    np.testing.assert_array_equal(cut, whole[:-5])


def test_resize_keeps_corners_of_grids_and_doubles_columns_of_labels():
    grids = np.random.default_rng(0).normal(size=(6, 20, 346)).astype(np.float32)
    labels = np.arange(20 * 346).reshape(20, 346)
    results = {"events": grids, "events_reversed": -grids, "gt_sem_seg": labels, "sparse_sem_seg": labels}
    resized = ResizeEvents(size=(20, 352))(results)
    assert resized["events"].shape == (6, 20, 352)
    place = np.arange(352) * 345 / 351  # corners aligned
    plain = np.stack([np.interp(place, np.arange(346), row) for row in grids.reshape(-1, 346)]).reshape(6, 20, 352)
    np.testing.assert_allclose(resized["events"], plain, atol=1e-4)
    np.testing.assert_allclose(resized["events_reversed"], -plain, atol=1e-4)
    assert len(np.unique(resized["gt_sem_seg"][0])) == 346
    assert (np.diff(resized["gt_sem_seg"][0]) == 0).sum() == 6
    kept = ResizeEvents(size=(20, 352), resize_truth=False)(results)
    assert kept["gt_sem_seg"].shape == (20, 346)
    assert kept["sparse_sem_seg"].shape == (20, 352)
    assert kept["img_shape"] == (20, 352)
    assert "ori_shape" not in kept
    assert resized["ori_shape"] == (20, 352)


def test_random_crop_takes_one_window_of_everything():
    labels = np.arange(16 * 32).reshape(16, 32)
    results = {"events": labels[None].astype(np.float32), "sparse_sem_seg": labels, "img_shape": (16, 32)}
    cut = RandomCropEvents(size=(8, 64))(results)
    assert cut["img_shape"] == cut["sparse_sem_seg"].shape == (8, 32)
    np.testing.assert_array_equal(cut["events"][0], cut["sparse_sem_seg"])
    with pytest.raises(UserError, match=r"RandomCropEvents: size=\(0, 4\)"):
        RandomCropEvents(size=(0, 4))


def pipeline():
    return [
        {"type": DrawEventFlip, "prob": 0.5},
        {"type": LoadEventGrids, **GRIDS, "reverse_multiple": 5},
        {"type": LoadEventLabels, "fields": ("sparse_sem_seg", "gt_sem_seg")},
        {"type": RandomCropEvents, "size": (16, 24)},
        {"type": PackEventInputs},
    ]


def test_a_packed_sample_says_where_it_is_from(folder):
    packed = data_set(folder, pipeline(), test_mode=True)[NUMBER]
    assert {key: value.shape for key, value in packed["inputs"].items()} == {
        "events": (12, 16, 24),
        "events_reversed": (12, 16, 24),
    }
    sample = packed["data_samples"]
    assert sample.sparse_sem_seg.data.dtype == torch.int64
    assert sample.gt_sem_seg.data.shape == (1, 16, 24)
    assert sample.sample_id == "street_000003"
    assert sample.dataset == "dsec_semantic"
    assert sample.img_shape == (16, 24)
    assert sample.ori_shape == LABEL_SIZE
    assert isinstance(sample.flip, bool)


def test_any_number_of_workers_gives_the_same_batches(folder):
    dataset = data_set(folder, pipeline())
    batches = {}
    for workers in (0, 4):
        sampler = SeededSampler(dataset, seed=3)
        loader = DataLoader(dataset, batch_size=3, sampler=sampler, num_workers=workers, collate_fn=pseudo_collate)
        batches[workers] = list(loader)
    assert len(batches[0]) == len(batches[4]) == 4
    for one, other in zip(*batches.values(), strict=True):
        for key in ("events", "events_reversed"):
            assert all(map(torch.equal, one["inputs"][key], other["inputs"][key]))
        for first, second in zip(one["data_samples"], other["data_samples"], strict=True):
            assert first.metainfo == second.metainfo
            assert torch.equal(first.sparse_sem_seg.data, second.sparse_sem_seg.data)
    flips = [sample.flip for batch in batches[0] for sample in batch["data_samples"]]
    assert 0 < sum(flips) < len(flips)


class Opened:
    """A stand-in for a reader that knows whether it was closed."""

    def __init__(self, path):
        self.path = path
        self.closed = False

    def close(self):
        self.closed = True


def test_the_last_few_readers_stay_open_and_none_is_pickled():
    kept = KeptOpen(Opened, size=2)
    first, second = kept("a"), kept("b")
    assert kept("a") is first
    kept("c")
    assert second.closed
    assert not first.closed
    assert kept("a") is first
    copy = pickle.loads(pickle.dumps(kept))
    assert copy("a") is not first


def test_the_preprocessor_stacks_and_pads_to_eighths(folder):
    data = pseudo_collate([data_set(folder, pipeline(), test_mode=True)[index] for index in (0, 1)])
    for key in ("events", "events_reversed"):
        data["inputs"][key][1] = data["inputs"][key][1][:, :13]
    labels = data["data_samples"][1].sparse_sem_seg.data
    data["data_samples"][1].sparse_sem_seg = PixelData(data=labels[:, :13])
    batch = EventPreprocessor(ignore_index=9)(data, training=True)
    assert batch["inputs"]["events"].shape == batch["inputs"]["events_reversed"].shape == (2, 12, 16, 24)
    assert batch["inputs"]["events"].dtype == torch.float32
    assert batch["inputs"]["events"][1, :, 13:].abs().sum() == 0
    assert batch["data_samples"][1].sparse_sem_seg.data.shape == (1, 16, 24)
    assert (batch["data_samples"][1].sparse_sem_seg.data[:, 13:] == 9).all()
    assert batch["data_samples"][0].batch_input_shape == (16, 24)
    only = {"inputs": {"events": [torch.zeros(5, 9, 10, dtype=torch.float16)]}}
    assert EventPreprocessor()(only)["inputs"]["events"].shape == (1, 5, 16, 16)
    with pytest.raises(UserError, match="PackEventInputs"):
        EventPreprocessor()({"inputs": {"image": []}})
