"""Damaged HDF5 files, archives and text: the error names the byte, and `recover` keeps what stands before it."""

import re
import zipfile

import event_encoders as encode
import h5py
import numpy as np
import pytest
from event_damage import cut, error_of, recovered, times_fall

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats import dsec_writer, hdf5_file
from sparsevision.datasets.events.reader import open_events, read_events


@pytest.fixture
def events():
    return encode.random_events(5000, start=16_770_000)


def write_interleaved(path, events, monkeypatch):
    """DSEC's container by our writer, column by column in pieces of 800 events, so that a cut loses the end only."""
    monkeypatch.setattr(dsec_writer, "CHUNK", 100)
    monkeypatch.setattr(dsec_writer, "PIECE", 800)
    dsec_writer.write_dsec_events(path, events, t_offset=16_000_000)
    return path


def test_an_hdf5_file_that_is_cut(tmp_path, events, monkeypatch):
    path = write_interleaved(tmp_path / "a.h5", events, monkeypatch)
    whole = path.stat().st_size
    with h5py.File(path) as file:
        chunk = file["events/t"].id.get_chunk_info_by_coord((4000,))
    cut(path, chunk.byte_offset + chunk.size)
    assert f"is truncated: it says that it has {whole} bytes, at byte {path.stat().st_size}. " in error_of(path)
    with pytest.warns(UserWarning, match="left out") as caught:
        found = read_events(path, recover=True)
    assert len(found) >= 4000
    assert encode.same(found, events[: len(found)])
    texts = [str(each.message) for each in caught]
    assert f"left out the last {whole - path.stat().st_size} bytes: the file ends before them" in texts[0]
    assert f"left out the last {5000 - len(found)} events: the file ends at byte {path.stat().st_size}" in texts[1]


def test_an_hdf5_file_whose_directory_is_lost(tmp_path, events):
    path = encode.write_dsec(tmp_path / "a.h5", events)
    cut(path, 900)
    assert "is truncated" in error_of(path)
    with pytest.warns(UserWarning, match="left out the last"), pytest.raises(EventFileError) as caught:
        read_events(path, recover=True)
    assert "its directory of groups and arrays is broken or lost (" in str(caught.value)
    assert "at or before byte 900, where the file ends" in str(caught.value)
    cut(path, 9)
    assert "is not readable as HDF5, from byte 0 on" in error_of(path)


@pytest.mark.parametrize("column", ["x", "t"])
def test_an_hdf5_chunk_that_cannot_be_unpacked(tmp_path, events, column):
    path = encode.write_dsec(tmp_path / "a.h5", events, chunk=500)
    with h5py.File(path) as file:
        place = file[f"events/{column}"].id.get_chunk_info_by_coord((3000,)).byte_offset
    content = bytearray(path.read_bytes())
    content[place : place + 16] = bytes([255]) * 16
    path.write_bytes(content)
    assert f"/events/{column} cannot be decoded for the events" in (message := error_of(path))
    assert "in a chunk at or after byte " in message
    with pytest.raises(EventFileError, match=rf"events 3100 to 3200, in a chunk at or after byte {place} "):
        open_events(path).read(3100, 3200)
    found, warning = recovered(path)
    assert encode.same(found, events[:3000])
    assert f"the last 2000 events: /events/{column} cannot be decoded" in warning
    assert encode.same(open_events(path).read(0, 3000), events[:3000])


def test_hdf5_times_that_fall(tmp_path, events, monkeypatch):
    monkeypatch.setattr("sparsevision.datasets.events.formats.hdf5.SCAN_BLOCK", 700)
    path = encode.write_dsec(tmp_path / "a.h5", times_fall(events, 2100), chunk=500)
    with h5py.File(path) as file:
        place = file["events/t"].id.get_chunk_info_by_coord((2000,)).byte_offset
    assert "event 2100 at" in (message := error_of(path))
    assert f"at byte {place}. Pass recover" in message
    found, warning = recovered(path)
    assert encode.same(found, events[:2100])
    assert "the last 2900 events: timestamps go backwards" in warning


def test_hdf5_columns_of_different_lengths(tmp_path, events):
    path = encode.write_dsec(tmp_path / "a.h5", events)
    with h5py.File(path, "r+") as file:
        file["events/p"].resize(4000, axis=0)
    assert "/events holds columns of different lengths: {'x': 5000, 'y': 5000, 't': 5000, 'p': 4000}" in error_of(path)
    assert encode.same(recovered(path)[0], events[:4000])


def test_an_hdf5_file_of_something_else(tmp_path, events):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["frames"] = np.zeros((2, 3))
    assert "expected /events/{x,y,t,p} or /events/{xs,ys,ts,ps}; the file holds frames." in error_of(path)


def test_a_millisecond_index_that_does_not_fit_the_times(tmp_path, events):
    path = encode.write_dsec(tmp_path / "a.h5", events, t_offset=16_770_000)
    with h5py.File(path, "r+") as file:
        file["ms_to_idx"][10:] = 3
    with pytest.raises(EventFileError, match=r"ms_to_idx does not fit /events/t near 16785000 us"):
        open_events(path).index_of(16_785_000)


def test_a_padded_file_reads_as_if_zeros_followed(tmp_path):
    (tmp_path / "a").write_bytes(b"abcdef")
    with hdf5_file.PaddedFile(tmp_path / "a", size=9) as file:
        assert file.read() == b"abcdef\0\0\0"
        assert file.seek(-5, 2) == 4
        assert file.read(3) == b"ef\0"
        assert file.tell() == 7


def test_an_archive_that_is_cut(tmp_path, events):
    path = tmp_path / "a.npz"
    np.savez(path, x=events.x, y=events.y, t=events.t, p=events.p)
    cut(path, 30_000)
    for recover in (False, True):
        message = error_of(path, recover=recover)
        assert "NumPy cannot read it (" in message
        assert "at byte 30000. Nothing before that place can be read either; get the file again." in message


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_with_a_broken_array(tmp_path, events, save):
    path = tmp_path / "a.npz"
    save(path, x=events.x, y=events.y, t=events.t, p=events.p)
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("t.npy").header_offset
    content = bytearray(path.read_bytes())
    content[place + 300 : place + 400] = bytes(100)
    path.write_bytes(content)
    assert re.search(rf"NumPy cannot read it \(.*\), at byte {place}\. ", error_of(path))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"t": None}, "no array t or ts or timestamps or timestamp; it holds x, y, p."),
        ({"t": np.arange(4)}, "its columns differ in length: {'x': 3, 'y': 3, 't': 4, 'p': 3}"),
        ({"x": np.array([1, -2, 3])}, "event 1 has x=-2; expected whole pixels from 0 to 65535"),
        ({"y": np.array([1, 2, 70_000])}, "event 2 has y=70000; expected whole pixels"),
        ({"y": np.array([1, 2.5, 3])}, "event 1 has y=2.5; expected whole pixels"),
        ({"x": np.array([1, np.nan, 3])}, "event 1 has x=nan; expected whole pixels"),
        ({"t": np.array([1, np.nan, 3])}, "event 1 has t=nan; expected a finite number"),
        ({"t": np.array([5, 6, 4])}, "timestamps go backwards: event 2 at 4 us follows one at 6 us"),
        ({"x": np.zeros((3, 1))}, "its x is float64 (3, 1); expected numbers (N,)"),
        ({"p": np.array(["a", "b", "c"])}, "its p is <U1 (3,); expected numbers (N,)"),
        ({"sensor_size": np.array(3)}, "sensor_size is int64 (); expected whole numbers height, width"),
    ],
)
def test_an_archive_of_something_else(tmp_path, changed, words):
    path = tmp_path / "a.npz"
    arrays = {"x": np.arange(3), "y": np.arange(3), "t": np.arange(3), "p": np.ones(3)} | changed
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})
    assert words in error_of(path)
    if "event " in words:
        index = int(re.search(r"event (\d)", words)[1])
        assert len(recovered(path)[0]) == index


def lines_of(events):
    return [f"{t / 1e6:.6f} {x} {y} {p}\n" for x, y, t, p in encode.rows_of(events)]


@pytest.mark.parametrize("line", ["1.5 20\n", "1.5 20 x 1\n", "1.5 20 3 1 7\n", "# 5 a\n1 2 3 # 4\n", "\x00\x01\n"])
def test_a_line_of_text_that_is_no_event(tmp_path, events, line):
    path = tmp_path / "a.txt"
    lines = lines_of(events)
    path.write_text("# t x y p\n64 48\n" + "".join([*lines[:3000], line, *lines[3000:]]))
    place = len("# t x y p\n64 48\n") + sum(map(len, lines[:3000])) + (6 if line.startswith("#") else 0)
    assert "a line is no event of 4 numbers: " in (message := error_of(path))
    assert f", at byte {place}. Pass recover" in message
    found, warning = recovered(path)
    assert encode.same(found, events[:3000])
    assert f"the last {path.stat().st_size - place} bytes: a line is no event" in warning


def test_text_that_ends_within_a_line(tmp_path, events):
    path = tmp_path / "a.txt"
    lines = lines_of(events)
    path.write_text("".join(lines)[:-3])
    place = sum(map(len, lines[:-1]))
    assert f", at byte {place}. Pass recover" in error_of(path)
    assert encode.same(recovered(path)[0], events[:-1])


def test_text_whose_times_fall(tmp_path, events):
    path = tmp_path / "a.csv"
    lines = lines_of(times_fall(events, 2000))
    path.write_text("#\n" + "".join(["# comment\n\n", *lines]))
    place = len("#\n# comment\n\n") + sum(map(len, lines[:2000]))
    assert f"at byte {place}. Pass recover" in error_of(path)
    assert encode.same(recovered(path)[0], events[:2000])


def test_text_with_a_place_that_is_no_pixel(tmp_path, events):
    path = tmp_path / "a.txt"
    lines = lines_of(events[:100])
    path.write_text("".join([*lines[:50], "99 -3 4 1\n", *lines[50:]]))
    assert (
        f"event 50 has x=-3.0; expected whole pixels from 0 to 65535, at byte {sum(map(len, lines[:50]))}. "
        in error_of(path)
    )
    assert encode.same(recovered(path)[0], events[:50])
