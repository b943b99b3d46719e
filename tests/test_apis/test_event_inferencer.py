"""EventSegInferencer: what the Runner's test gives, streaming that equals offline, and what it says to bad input."""

import h5py
import numpy as np
import pytest
import torch
from event_config import EVENTS_PER_GRID, NUM_GRIDS, write_config, write_weights
from event_sets import CROP, EVENTS, LABEL_SIZE, SENSOR, STEP, T_OFFSET, write_dsec_sequence, write_rectify_map
from mmengine.dataset import pseudo_collate

from sparsevision.apis import EventSegInferencer, init_model
from sparsevision.apis.event_settings import event_settings
from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.reader import open_events
from sparsevision.datasets.events.types import Events
from sparsevision.engine import read_config
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

WINDOW = NUM_GRIDS * EVENTS_PER_GRID
TIME = T_OFFSET + STEP * (WINDOW + 300)
END = T_OFFSET + STEP * (EVENTS - 1)


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """A sequence, a config for it, and weights."""
    folder = tmp_path_factory.mktemp("street")
    paths = write_dsec_sequence(folder / "data", "street", points=(1,))
    config = write_config(folder / "config.py", folder / "data")
    return {"config": config, "weights": write_weights(folder / "weights.pth", config), **paths}


@pytest.fixture(scope="module")
def recording(street):
    return street["events"] / "events.h5"


@pytest.fixture(scope="module")
def inferencer(street):
    return EventSegInferencer(street["config"], street["weights"], device="cpu")


def write_recording(path, **columns):
    """The street's recording with other columns, at `path`, and its rectify map beside it."""
    with h5py.File(path, "w") as file:
        for name in "xypt":
            file[f"events/{name}"] = columns[name]
        file["t_offset"] = np.int64(T_OFFSET)
    write_rectify_map(path.with_name("rectify_map.h5"))
    return path


def columns(count=600):
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, SENSOR[1], count), rng.integers(0, SENSOR[0], count)
    times = (np.arange(count) * STEP).astype(np.uint32)
    polarity = rng.integers(0, 2, count).astype(np.uint8)
    return {"x": x.astype(np.uint16), "y": y.astype(np.uint16), "t": times, "p": polarity}


@pytest.mark.parametrize("resized", [None, (24, 40)])
def test_it_says_what_the_test_of_the_runner_says(street, recording, tmp_path, resized):
    config = write_config(tmp_path / "config.py", street["labels"].parents[2], resized=resized)
    inferencer = EventSegInferencer(config, street["weights"], device="cpu")
    cfg = read_config(config)
    samples = DATASETS.build(cfg.test_dataloader.dataset)
    model = init_model(config, street["weights"], device="cpu")
    packed = [samples[index] for index in range(3)]
    with torch.inference_mode():
        expected = model.test_step(pseudo_collate(packed))
    found = inferencer(recording, [item["data_samples"].time_us for item in packed])
    for own, sample in zip(found, expected, strict=True):
        assert own.labels.shape == LABEL_SIZE
        np.testing.assert_array_equal(own.labels, sample.pred_sem_seg.data[0].numpy())
        assert own.confidence.min() > 1 / 11 - 1e-6
        assert own.confidence.max() <= 1
        assert len(own.events) == EVENTS_PER_GRID
        assert own.events.t[-1] == own.time - STEP


def assert_same(streamed, offline):
    assert streamed.time == offline.time
    np.testing.assert_allclose(streamed.confidence, offline.confidence, atol=1e-5)
    np.testing.assert_array_equal(streamed.labels, offline.labels)
    np.testing.assert_array_equal(streamed.events.t, offline.events.t)


def test_a_stream_over_the_same_grids_equals_offline(inferencer, recording):
    results = inferencer.stream(recording)
    streamed = [next(results) for _ in range(NUM_GRIDS + 1)]
    (offline,) = inferencer(recording, T_OFFSET + STEP * WINDOW)
    fourth = streamed[NUM_GRIDS - 1]
    assert fourth.time == offline.time - STEP + 1
    np.testing.assert_allclose(fourth.confidence, offline.confidence, atol=1e-5)
    np.testing.assert_array_equal(fourth.labels, offline.labels)
    (later,) = inferencer(recording, offline.time + STEP * EVENTS_PER_GRID)
    assert np.abs(streamed[NUM_GRIDS].confidence - later.confidence).max() > 1e-5, "five grids are no four"


@pytest.mark.parametrize(("crop", "resized"), [(5, None), (CROP, (24, 40))], ids=["padded", "resized"])
def test_a_stream_equals_offline_where_grids_are_padded_or_resized(street, recording, tmp_path, crop, resized):
    config = write_config(tmp_path / "config.py", street["labels"].parents[2], resized=resized)
    inferencer = EventSegInferencer(config, street["weights"], device="cpu")
    (offline,) = inferencer(recording, TIME, crop_bottom=crop)
    assert offline.labels.shape == (SENSOR[0] - crop, SENSOR[1])
    assert_same(next(inferencer.stream(recording, start=TIME, crop_bottom=crop)), offline)


@pytest.mark.parametrize("events_before", [WINDOW + 300, 123, NUM_GRIDS])
def test_a_stream_from_a_time_on_begins_with_the_offline_result(inferencer, recording, events_before):
    time = T_OFFSET + STEP * events_before
    (offline,) = inferencer(recording, [time])
    streamed = inferencer.stream(recording, start=time, stop=time + STEP * (2 * EVENTS_PER_GRID + 7))
    first, *others = streamed
    assert_same(first, offline)
    assert [result.time for result in others] == [time + STEP * (k * EVENTS_PER_GRID - 1) + 1 for k in (1, 2)]


def test_grids_pushed_by_hand_equal_the_stream_of_the_file(inferencer, recording, street):
    live = inferencer.live(rectify_map=street["events"] / "rectify_map.h5")
    with open_events(recording) as reader:
        grids = [reader.read(first, first + EVENTS_PER_GRID) for first in range(0, WINDOW, EVENTS_PER_GRID)]
    for result, grid in zip(inferencer.stream(recording), grids, strict=False):
        assert_same(live.push(grid), result)
    live.reset()
    assert_same(live.push(grids[0]), next(inferencer.stream(recording)))


def test_times_are_answered_in_their_order_and_independently(inferencer, recording):
    times = [TIME + 500, TIME, TIME + 500]
    first, second, third = inferencer(recording, times)
    assert [first.time, second.time, third.time] == times
    np.testing.assert_array_equal(first.confidence, third.confidence)
    assert not np.array_equal(first.confidence, second.confidence)


def test_the_rectify_map_matters_and_can_be_given(inferencer, recording, street):
    map_path = street["events"] / "rectify_map.h5"
    given, beside, without = (inferencer(recording, TIME, rectify_map=m)[0] for m in (map_path, None, "none"))
    np.testing.assert_array_equal(given.confidence, beside.confidence)
    assert not np.array_equal(without.confidence, beside.confidence)


def test_settings_come_from_the_config_alone(street):
    settings = event_settings(read_config(street["config"]))
    assert (settings.num_grids, settings.events_per_grid, settings.sensor_size) == (NUM_GRIDS, EVENTS_PER_GRID, SENSOR)
    assert (settings.size, settings.rectified, len(settings.classes)) == (LABEL_SIZE, True, 11)


@pytest.mark.parametrize(
    ("config", "size", "resized", "rectified", "kind"),
    [
        ("evwsss_e2vid_1click_50e_dsec", (440, 640), None, True, "trilinear"),
        ("evwsss_e2vid_1click_50e_dsecnight", (440, 640), None, True, "trilinear"),
        ("evwsss_e2vid_1click_20e_ddd17", (200, 346), (200, 352), False, "temporal"),
    ],
)
def test_shipped_configs_give_the_settings_of_their_data(config, size, resized, rectified, kind):
    settings = event_settings(read_config(config))
    assert (settings.size, settings.resized, settings.rectified) == (size, resized, rectified)
    assert (settings.form["kind"], settings.num_grids) == (kind, 20)


def test_a_recording_of_another_format_is_segmented(inferencer, tmp_path):
    csv = tmp_path / "events.csv"
    events = columns()
    rows = zip(*(events[name].tolist() for name in "txyp"), strict=True)
    csv.write_text("t,x,y,p\n" + "".join(f"{t},{x},{y},{p}\n" for t, x, y, p in rows))
    path = write_recording(tmp_path / "events.h5", **events)
    (as_text,) = inferencer(csv, 4000, rectify_map=tmp_path / "rectify_map.h5")
    (as_hdf5,) = inferencer(path, T_OFFSET + 4000)
    np.testing.assert_array_equal(as_text.confidence, as_hdf5.confidence)


def test_a_missing_rectify_map_is_named(inferencer, tmp_path):
    path = write_recording(tmp_path / "events.h5", **columns())
    path.with_name("rectify_map.h5").unlink()
    with pytest.raises(UserError, match=r"rectify_map\.h5: the rectify map is missing"):
        inferencer(path, T_OFFSET + 4000)
    with pytest.raises(UserError, match="the rectify map is missing"):
        inferencer.live()
    with pytest.raises(UserError, match=r"nowhere\.h5: the rectify map is missing"):
        inferencer(path, T_OFFSET + 4000, rectify_map=tmp_path / "nowhere.h5")


def test_a_rectify_map_of_another_camera_is_refused(inferencer, recording, tmp_path):
    write_rectify_map(tmp_path / "other.h5", sensor=(10, 12))
    with pytest.raises(UserError, match=r"other\.h5: the rectify map has the shape \(10, 12, 2\), expected"):
        inferencer(recording, TIME, rectify_map=tmp_path / "other.h5")
    with pytest.raises(UserError, match="the rectify map holds 1536 of 1536 values that are not finite"):
        inferencer(recording, TIME, rectify_map=np.full((*SENSOR, 2), np.nan, np.float32))


def test_timestamps_that_go_backwards_are_named(inferencer, tmp_path, street):
    events = columns()
    events["t"][500:] -= 900
    path = write_recording(tmp_path / "events.h5", **events)
    with pytest.raises(EventFileError, match="timestamps go backwards: event 500"):
        inferencer(path, T_OFFSET + int(events["t"][-1]))
    live = inferencer.live(rectify_map=street["events"] / "rectify_map.h5")
    plain = Events(**{**columns(100), "t": np.arange(100, dtype=np.int64)})
    live.push(plain)
    with pytest.raises(UserError, match="timestamps go backwards: these events begin at 0 us"):
        live.push(plain)
    live.reset()
    with pytest.raises(UserError, match="timestamps go backwards at event 1"):
        live.push(plain[::-1])


@pytest.mark.parametrize("events_before", [0, 1, NUM_GRIDS - 1])
def test_an_empty_window_is_no_answer(inferencer, recording, events_before):
    time = T_OFFSET + STEP * events_before
    with pytest.raises(UserError, match=f"empty window: {events_before} events before {time} us"):
        inferencer(recording, time)
    with pytest.raises(UserError, match="empty window"):
        inferencer.stream(recording, start=time)


def test_pushing_no_events_is_refused(inferencer, street):
    live = inferencer.live(rectify_map=street["events"] / "rectify_map.h5")
    with pytest.raises(UserError, match="there are no events to make a grid of"):
        live.push(Events(**columns(0)))


@pytest.mark.parametrize("time", [T_OFFSET - 1, END + 1])
def test_a_time_outside_of_the_recording_is_named_before_anything_is_computed(inferencer, recording, time):
    with pytest.raises(UserError, match=f"{time} us lies outside of the recording\\. It covers {T_OFFSET} to {END} us"):
        inferencer.iterate(recording, [TIME, time])


def test_a_stream_wants_at_least_one_grid(inferencer, recording):
    with pytest.raises(UserError, match="3 events between start=None and stop="):
        inferencer.stream(recording, stop=T_OFFSET + 3 * STEP)


def test_a_recording_of_another_sensor_is_refused(inferencer, tmp_path):
    path = write_recording(tmp_path / "events.h5", **columns())
    write_rectify_map(tmp_path / "rectify_map.h5", sensor=(48, 64))
    with pytest.raises(UserError, match=r"wrong sensor size: the recording is of 48 rows and 64 columns, expected 24"):
        inferencer(path, T_OFFSET + 4000)
    (found,) = inferencer(path, T_OFFSET + 4000, sensor_size=(48, 64), crop_bottom=4)
    assert found.labels.shape == (44, 64)


def test_events_outside_of_the_sensor_are_refused(inferencer, tmp_path, street):
    events = columns()
    events["x"][300] = 32
    path = write_recording(tmp_path / "events.h5", **events)
    with pytest.raises(EventFileError, match="event 300 at x=32"):
        inferencer(path, T_OFFSET + 4000)
    live = inferencer.live(rectify_map=street["events"] / "rectify_map.h5")
    with pytest.raises(UserError, match=r"wrong sensor size: an event in row \d+ or column 32"):
        live.push(Events(**{**events, "t": events["t"].astype(np.int64)}))


def test_a_crop_that_leaves_nothing_is_refused(inferencer, recording):
    with pytest.raises(UserError, match="leave no picture"):
        inferencer(recording, TIME, crop_bottom=SENSOR[0])
    assert inferencer(recording, TIME, crop_bottom=0)[0].labels.shape == (LABEL_SIZE[0] + CROP, LABEL_SIZE[1])


def test_a_method_for_images_is_refused(street):
    with pytest.raises(UserError, match="holds CamouflageDataset, no data set of events"):
        event_settings(read_config("tiny_sparseseg_resnet18_scribble_30e_camouflage"))
    with pytest.raises(UserError, match="give the checkpoint"):
        EventSegInferencer(street["config"])
