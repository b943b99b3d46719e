"""One reader over all formats: the same windows from each, its errors, its life in workers."""

import multiprocessing
import pickle
import warnings

import event_encoders as encode
import numpy as np
import pytest

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats import prophesee, rosbag
from sparsevision.datasets.events.formats.table import FORMATS, find_format
from sparsevision.datasets.events.reader import open_events, read_events
from sparsevision.utils import UserError


@pytest.fixture(params=sorted(encode.WRITERS))
def recording(request, tmp_path, monkeypatch):
    """(path, its events) in every format that a test can write, with small blocks where there are blocks."""
    monkeypatch.setattr(prophesee, "BLOCK_WORDS", 1000)
    events = encode.random_events(6000, start=16_750_000)
    return encode.write_recording(request.param, tmp_path, events), events, request.param


def moments(events):
    """Times at which a search may go wrong: ends, whole milliseconds, times that many events share, others."""
    rng = np.random.default_rng(1)
    ends = [events.t[0], events.t[-1], events.t[0] - 1, events.t[-1] + 1, events.t[0] - 10**6, events.t[-1] + 10**6]
    milliseconds = np.arange(events.t[0] // 1000 - 2, events.t[-1] // 1000 + 3) * 1000
    shared = events.t[rng.integers(0, len(events), 50)]
    return np.concatenate([ends, milliseconds, milliseconds + 234, shared, shared + 1]).tolist()


def test_every_format_gives_every_event_and_every_window(recording):
    path, events, name = recording
    reader = open_events(path)
    assert reader.format == name == find_format(path).name
    assert (len(reader), reader.first_time, reader.last_time) == (len(events), events.t[0], events.t[-1])
    whole = read_events(path)
    assert encode.same(whole, events)
    assert [getattr(whole, column).dtype for column in "xytp"] == [np.uint16, np.uint16, np.int64, np.uint8]
    for moment in moments(events):
        assert reader.index_of(moment) == np.searchsorted(events.t, moment), moment
    rng = np.random.default_rng(2)
    bounds = [(0, 0), (0, 1), (5999, 6000), (6000, 6000), *np.sort(rng.integers(0, 6001, (40, 2)), axis=1).tolist()]
    for first, last in bounds:
        assert encode.same(reader.read(first, last), events[first:last]), (first, last)
    reader.close()


def test_windows_equal_a_search_in_the_whole_recording(recording):
    path, events, _ = recording
    rng = np.random.default_rng(3)
    for start, stop in rng.integers(events.t[0], events.t[-1], (15, 2)).tolist():
        if start < stop:
            first, last = np.searchsorted(events.t, [start, stop])
            assert encode.same(read_events(path, start, stop), events[first:last])
    middle = int(events.t[3000])
    boundary = int(np.searchsorted(events.t, middle))
    assert encode.same(read_events(path, count=100, around=middle), events[boundary - 100 : boundary])
    assert encode.same(read_events(path, count=100, around=middle, future=True), events[boundary : boundary + 100])
    assert encode.same(read_events(path, count=10**6, around=middle), events[:boundary])
    assert encode.same(read_events(path, middle), events[boundary:])
    assert encode.same(read_events(path, stop=middle), events[:boundary])


def test_a_window_outside_is_an_error_and_a_quiet_one_is_not(recording):
    path, events, _ = recording
    first, last = int(events.t[0]), int(events.t[-1])
    spans = f"the recording spans {first} to {last} us"
    for arguments, wanted in [
        ({"start": first - 50, "stop": first}, f"no events between {first - 50} and {first} us; {spans}"),
        ({"start": last + 1}, f"no events between {last + 1} and the end us; {spans}"),
        ({"count": 5, "around": first}, f"no events before {first} us; {spans}"),
        ({"count": 5, "around": last + 1, "future": True}, f"no events from {last + 1} us; {spans}"),
    ]:
        with pytest.raises(UserError) as caught:
            read_events(path, **arguments)
        assert wanted in str(caught.value)
    gap = int(np.diff(events.t).argmax())
    assert len(read_events(path, int(events.t[gap]) + 1, int(events.t[gap + 1]))) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"start": 5, "stop": 5}, "the window from 5 to 5 us is empty"),
        ({"count": 5}, "count and around go together"),
        ({"around": 5}, "count and around go together"),
        ({"count": 0, "around": 5}, "count=0; expected at least 1"),
        ({"count": 2, "around": 5, "start": 1}, "not both"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(tmp_path, arguments, words):
    with pytest.raises(UserError, match=words):
        read_events(tmp_path / "any", **arguments)


def test_a_reader_survives_pickling_and_a_fork(recording):
    path, events, _ = recording
    reader = open_events(path)
    reader.read(0, 10)
    assert encode.same(pickle.loads(pickle.dumps(reader)).read(100, 200), events[100:200])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            parts = pool.starmap(reader.read, [(start, start + 50) for start in range(0, 400, 50)])
    for number, part in enumerate(parts):
        assert encode.same(part, events[50 * number : 50 * number + 50])
    assert encode.same(reader.read(0, 6000), events)


def test_a_closed_reader_opens_again(recording):
    path, events, _ = recording
    with open_events(path) as reader:
        assert len(reader) == 6000
    assert encode.same(reader.read(0, 3), events[:3])


def test_events_outside_of_the_sensor_are_an_error(recording):
    path, events, _ = recording
    wrong = int((events.y >= 30).argmax())
    with open_events(path, sensor_size=(30, 64)) as reader, pytest.raises(EventFileError) as caught:
        reader.read(0, len(reader))
    place = f"event {wrong} at x={events.x[wrong]}, y={events.y[wrong]} lies outside of the sensor of 30 rows and 64"
    assert place in str(caught.value)
    assert read_events(path, sensor_size=(48, 64)).sensor_size == (48, 64)


def test_reading_beyond_the_recording_is_refused(recording):
    path, _, _ = recording
    with open_events(path) as reader, pytest.raises(UserError, match="events 10 to 6001 asked for, of 6000"):
        reader.read(10, 6001)


def test_an_unknown_file_lists_what_can_be_read(tmp_path):
    (tmp_path / "movie.mp4").write_bytes(b"\0\0\0 ftypisom")
    with pytest.raises(EventFileError) as caught:
        read_events(tmp_path / "movie.mp4")
    assert "has no format that can be read" in str(caught.value)
    assert all(f"{each.name}: {each.files}" in str(caught.value) for each in FORMATS)
    (tmp_path / "nothing.raw").touch()
    with pytest.raises(EventFileError, match="is empty and has no format"):
        read_events(tmp_path / "nothing.raw")
    with pytest.raises(EventFileError, match="no such file or folder"):
        read_events(tmp_path / "absent.raw")
    with pytest.raises(UserError, match=r"format='evt4' is unknown. Did you mean 'evt"):
        read_events(tmp_path / "movie.mp4", format="evt4")
    with pytest.raises(UserError, match="time_unit='s' is for text and npz"):
        read_events(encode.write_dat(tmp_path / "a.dat", encode.random_events(3)), time_unit="s")


def count_or_error(path, **options):
    """Number of events, or the message of the error."""
    try:
        return str(len(read_events(path, **options)))
    except EventFileError as error:
        return str(error)


@pytest.mark.parametrize("recover", [False, True])
@pytest.mark.parametrize("name", [each.name for each in FORMATS])
def test_files_of_another_format_are_refused(tmp_path, name, recover):
    contents = [
        b"",
        bytes(999),
        b"hello world\n" * 40,
        bytes(range(256)),
        b"#!AER-DAT4.0\r\n",
        b"#ROSBAG V2.0\n",
        b"PK",
    ]
    (tmp_path / "folder").mkdir()
    for number, content in enumerate(contents):
        path = tmp_path / f"{number}.raw"
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = count_or_error(path, format=name, recover=recover)
        assert found == "0" or str(path) in found
    with pytest.raises(EventFileError, match=r"folder"):
        read_events(tmp_path / "folder", format=name, recover=recover)


def test_every_format_is_tested():
    assert {each.name for each in FORMATS} == {*encode.WRITERS, "rosbag"}
    assert rosbag.matches  # in test_read_rosbag.py
