"""What our writers of the DSEC and DDD17 containers write, read back and compared with files made by hand."""

import event_encoders as encode
import h5py
import numpy as np
import pytest

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats import ddd17
from sparsevision.datasets.events.formats.dsec_writer import (
    MillisecondIndex,
    write_ddd17_events,
    write_dsec_events,
    write_rectify_map,
)
from sparsevision.datasets.events.reader import read_events, read_rectify_map
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError


@pytest.mark.parametrize("pieces", [1, 7])
def test_written_dsec_files_read_the_same(tmp_path, pieces):
    events = encode.random_events(10_000, start=49_599_300_123)
    parts = [
        Events(x=events.x[part], y=events.y[part], t=events.t[part], p=events.p[part], sensor_size=(48, 64))
        for part in np.array_split(np.arange(10_000), pieces)
    ]
    path = tmp_path / "a.h5"
    write_dsec_events(path, parts if pieces > 1 else parts[0], t_offset=49_599_300_000)
    found = read_events(path)
    assert encode.same(found, events)
    assert found.sensor_size == (48, 64)
    plain = encode.write_dsec(tmp_path / "b.h5", events, t_offset=49_599_300_000)
    with h5py.File(path) as ours, h5py.File(plain) as theirs:
        assert ours["ms_to_idx"].dtype == theirs["ms_to_idx"].dtype == np.uint64
        for name in ("events/x", "events/y", "events/t", "events/p", "ms_to_idx", "t_offset"):
            np.testing.assert_array_equal(ours[name][()], theirs[name][()], err_msg=name)
            assert ours[name].dtype == theirs[name].dtype


def test_written_ddd17_pairs_equal_those_by_hand(tmp_path):
    events = encode.random_events(5000)
    write_ddd17_events(tmp_path / "ours", [events[:2000], events[2000:]])
    encode.write_ddd17(tmp_path / "theirs", events)
    for name in (ddd17.TIMES, ddd17.PLACES):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t": [5, 4, 6]}, "event 1 is earlier than the one before; sort the events first"),
        ({"x": [1, 2, 40_000]}, "x from 1 to 40000; expected 0 to 32767"),
        ({"t": [1, 2, 1 << 33]}, "do not fit 32 bits after t_offset=0"),
    ],
)
def test_events_that_cannot_be_written_leave_no_file(tmp_path, change, words):
    columns = {"x": [1, 2, 3], "y": [1, 2, 3], "t": [1, 2, 3], "p": [0, 1, 0]} | change
    events = Events(**{name: np.array(values) for name, values in columns.items()})
    with pytest.raises(UserError) as caught:
        write_dsec_events(tmp_path / "a.h5", events, t_offset=0)
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_millisecond_index_in_pieces():
    times = np.array([0, 999, 1000, 1000, 3500, 3501, 9000])
    index = MillisecondIndex()
    for part in (times[:1], times[1:1], times[1:4], times[4:]):
        index.add(part)
    assert index.table.tolist() == [0, 2, 4, 4, 6, 6, 6, 6, 6, 6]


def test_rectify_maps(tmp_path):
    path = tmp_path / "rectify_map.h5"
    with pytest.raises(EventFileError, match=r"the rectify map is missing. DSEC ships rectify_map.h5 beside"):
        read_rectify_map(path)
    values = np.random.default_rng(0).random((48, 64, 2)).astype(np.float32)
    write_rectify_map(path, values)
    np.testing.assert_array_equal(read_rectify_map(path), values)
    events = encode.random_events(10)
    assert read_events(encode.write_dsec(tmp_path / "events.h5", events)).sensor_size == (48, 64)
    with pytest.raises(UserError, match=r"a rectify map is \(height, width, 2\)"):
        write_rectify_map(path, values[..., 0])
    with h5py.File(path, "w") as file:
        file["rectify_map"] = values[..., 0]
    with pytest.raises(EventFileError, match=r"/rectify_map is float32 \(48, 64\); expected float32 \(height"):
        read_rectify_map(path)
    with h5py.File(path, "w") as file:
        file["rectify_map"] = np.where(values < 0.5, values, [np.nan, np.inf])
    holes = (values >= 0.5).sum()
    with pytest.raises(
        EventFileError, match=rf"y_map\.h5: /rectify_map holds {holes} of 6144 values .* Get rectify_map"
    ):
        read_rectify_map(path)
    with h5py.File(path, "w") as file:
        file["map"] = values
    with pytest.raises(EventFileError, match=r"no array /rectify_map; it holds map."):
        read_rectify_map(path)


def test_a_truncated_rectify_map_cannot_be_recovered(tmp_path):
    path = tmp_path / "rectify_map.h5"
    write_rectify_map(path, np.zeros((48, 64, 2), np.float32))
    path.write_bytes(path.read_bytes()[:-100])
    events = encode.write_dsec(tmp_path / "events.h5", encode.random_events(10))
    for read in (
        lambda: read_rectify_map(path),
        lambda: read_events(events),
        lambda: read_events(events, recover=True),
    ):
        with pytest.raises(EventFileError, match=r"rectify_map\.h5: is truncated.* get the file again") as caught:
            read()
        assert "recover" not in str(caught.value)
