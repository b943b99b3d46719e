"""Real recordings, event for event against decoders that others wrote."""

import struct

import event_encoders as encode
import h5py
import numpy as np
import pytest

from sparsevision.datasets.events.formats import aedat4, dat, ddd17, evt2, evt3, hdf5, rosbag
from sparsevision.datasets.events.reader import open_events, read_events, read_rectify_map

DSEC_SAMPLE = "dsec_layout_sample/events/left"


@pytest.fixture(scope="session")
def recordings(shared_folder):
    """The folder of real recordings, or the test is skipped."""
    return shared_folder("events")


@pytest.fixture
def blocks_of_a_thousand(monkeypatch):
    """Every file has many blocks, so that the states kept between them matter."""
    monkeypatch.setattr("sparsevision.datasets.events.formats.prophesee.BLOCK_WORDS", 1000)
    monkeypatch.setattr(rosbag, "BLOCK_EVENTS", 1000)


def assert_equal(found, *, x, y, t, p):
    """Every value of every column."""
    for name, expected in {"x": x, "y": y, "t": t, "p": p}.items():
        np.testing.assert_array_equal(getattr(found, name), expected, err_msg=name)


def assert_windows(path, whole):
    """Searches, at times that several events may share, and short reads agree with the whole recording."""
    rng = np.random.default_rng(4)
    with open_events(path) as reader:
        for moment in rng.choice(whole.t, 200).tolist():
            first = int(np.searchsorted(whole.t, moment))
            assert reader.index_of(moment) == first
            assert encode.same(reader.read(first, min(first + 50, len(whole))), whole[first : first + 50])


@pytest.mark.parametrize("small", [False, True], ids=["one block", "many blocks"])
def test_evt3_equals_evt3(recordings, request, small):
    oracle = pytest.importorskip("evt3")
    if small:
        request.getfixturevalue("blocks_of_a_thousand")
    path = recordings / "prophesee_evt3_sample.raw"
    expected = oracle.decode_file(str(path))
    found = read_events(path)
    assert evt3.matches(path, path.read_bytes()[:4096])
    assert (len(found), found.sensor_size) == (219_596, (720, 1280))
    assert_equal(found, x=expected.x, y=expected.y, t=expected.timestamp, p=expected.polarity)
    assert found.t[-1] == 11_727_457
    assert_windows(path, found)


def test_evt3_equals_the_published_places_of_its_events(recordings):
    expected = np.load(recordings / "prophesee_evt3_sample.npy")
    found = read_events(recordings / "prophesee_evt3_sample.raw")
    assert_equal(found, x=expected["x"], y=expected["y"], t=found.t, p=expected["p"])


@pytest.mark.parametrize("small", [False, True], ids=["one block", "many blocks"])
def test_evt2_equals_expelliarmus(recordings, request, small):
    oracle = pytest.importorskip("expelliarmus")
    if small:
        request.getfixturevalue("blocks_of_a_thousand")
    path = recordings / "faery_evt2.raw"
    expected = oracle.Wizard(encoding="evt2").read(path)
    found = read_events(path)
    assert evt2.matches(path, path.read_bytes()[:4096])
    assert (len(found), found.sensor_size) == (521_252, (480, 640))
    assert_equal(found, **{name: expected[name] for name in "xytp"})
    assert_windows(path, found)


@pytest.mark.parametrize("small", [False, True], ids=["one block", "many blocks"])
def test_dat_equals_expelliarmus(recordings, request, small):
    oracle = pytest.importorskip("expelliarmus")
    if small:
        request.getfixturevalue("blocks_of_a_thousand")
    path = recordings / "sample_ncars.dat"
    expected = oracle.Wizard(encoding="dat").read(path)
    found = read_events(path)
    assert dat.matches(path, path.read_bytes()[:4096])
    assert len(found) == 2009
    assert_equal(found, **{name: expected[name] for name in "xytp"})
    assert_windows(path, found)


@pytest.mark.parametrize("recover", [False, True], ids=["by its table", "packet by packet"])
def test_aedat4_equals_aedat(recordings, recover):
    oracle = pytest.importorskip("aedat")
    path = recordings / "davis_sample.aedat4"
    parts = [packet["events"] for packet in oracle.Decoder(path) if "events" in packet]
    expected = np.concatenate(parts)
    found = read_events(path, recover=recover)
    assert aedat4.matches(path, path.read_bytes()[:4096])
    assert (len(found), found.sensor_size) == (111_954, (240, 320))
    assert_equal(found, x=expected["x"], y=expected["y"], t=expected["t"], p=expected["on"])
    assert_windows(path, found)


@pytest.mark.parametrize("small", [False, True], ids=["blocks as they come", "many blocks"])
def test_payload_of_a_ros_bag_equals_evt3(recordings, request, small):
    oracle = pytest.importorskip("evt3")
    highlevel = pytest.importorskip("rosbags.highlevel")
    if small:
        request.getfixturevalue("blocks_of_a_thousand")
    path = recordings / "ros1_evt3_events.bag"
    with highlevel.AnyReader([path]) as bag:
        messages = [bag.deserialize(raw, connection.msgtype) for connection, _, raw in bag.messages()]
    payload = b"".join(message.events.tobytes() for message in messages)
    expected = oracle.decode_bytes(payload)
    found = read_events(path)
    assert rosbag.matches(path, path.read_bytes()[:4096])
    assert len(messages) == 517
    assert (len(found), found.sensor_size) == (343_474, (480, 640))
    assert_equal(found, x=expected.x, y=expected.y, t=expected.timestamp, p=expected.polarity)
    assert_windows(path, found)


def test_payload_of_a_ros_bag_in_a_raw_file_is_the_same_recording(recordings, tmp_path):
    highlevel = pytest.importorskip("rosbags.highlevel")
    path = recordings / "ros1_evt3_events.bag"
    with highlevel.AnyReader([path]) as bag:
        payload = b"".join(bag.deserialize(raw, each.msgtype).events.tobytes() for each, _, raw in bag.messages())
    raw = tmp_path / "same.raw"
    raw.write_bytes(b"% evt 3.0\n% geometry 640x480\n% end\n" + payload)
    assert encode.same(read_events(raw), read_events(path))


def test_dsec_equals_plain_h5py(recordings):
    path = recordings / DSEC_SAMPLE / "events.h5"
    with h5py.File(path) as file:
        columns = {name: file[f"events/{name}"][:] for name in "xytp"}
        offset, marks = int(file["t_offset"][()]), file["ms_to_idx"][:]
    times = columns["t"].astype(np.int64) + offset
    found = read_events(path)
    assert hdf5.matches(path, path.read_bytes()[:4096])
    assert (len(found), found.sensor_size) == (539_481, (480, 640))
    assert_equal(found, x=columns["x"], y=columns["y"], t=times, p=columns["p"])
    assert_windows(path, found)
    with open_events(path) as reader:
        for millisecond in range(-2, len(marks) + 3):
            moment = offset + 1000 * millisecond
            assert reader.index_of(moment) == np.searchsorted(times, moment)
            if 0 <= millisecond < len(marks):
                assert reader.index_of(moment) == marks[millisecond]
        assert reader.index_of(int(times[-1])) == np.searchsorted(times, times[-1])
        assert reader.index_of(int(times[-1]) + 1) == len(times)


def test_rectify_map_equals_plain_h5py(recordings):
    path = recordings / DSEC_SAMPLE / "rectify_map.h5"
    with h5py.File(path) as file:
        expected = file["rectify_map"][:]
    found = read_rectify_map(path)
    assert (found.shape, found.dtype) == ((480, 640, 2), np.float32)
    np.testing.assert_array_equal(found, expected)


def test_ddd17_written_by_hand(tmp_path):
    rows = [
        (1_000_000_999, 345, 259, 1),
        (1_000_001_000, 0, 0, 0),
        (1_000_001_000, 17, 4, 1),
        (1_000_002_500, 17, 4, 0),
        (9_223_372_036_854_775, 3, 200, 1),
    ]
    (tmp_path / ddd17.TIMES).write_bytes(b"".join(struct.pack("<q", t) for t, _, _, _ in rows))
    (tmp_path / ddd17.PLACES).write_bytes(b"".join(struct.pack("<hhh", x, y, p) for _, x, y, p in rows))
    for path in (tmp_path, tmp_path / ddd17.TIMES, tmp_path / ddd17.PLACES):
        found = read_events(path)
        assert found.t.tolist() == [1_000_000, 1_000_001, 1_000_001, 1_000_002, 9_223_372_036_854]
        assert list(zip(found.x.tolist(), found.y.tolist(), found.p.tolist(), strict=True)) == [r[1:] for r in rows]


def test_ddd17_equals_plain_numpy(tmp_path):
    rng = np.random.default_rng(6)
    times = np.sort(rng.integers(0, 10**9, 50_000)).astype("<i8")
    places = np.stack([rng.integers(0, 346, 50_000), rng.integers(0, 260, 50_000), rng.integers(0, 2, 50_000)], axis=1)
    times.tofile(tmp_path / ddd17.TIMES)
    places.astype("<i2").tofile(tmp_path / ddd17.PLACES)
    found = read_events(tmp_path)
    assert_equal(found, x=places[:, 0], y=places[:, 1], t=times // 1000, p=places[:, 2])
    assert_windows(tmp_path, found)
