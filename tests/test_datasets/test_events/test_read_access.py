"""Random access reads a small part of the file; recordings without events; the containers beneath the readers."""

import mmap
import struct

import event_encoders as encode
import h5py
import numpy as np
import pytest

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats import ddd17, flat_tables, hdf5, hdf5_file, prophesee
from sparsevision.datasets.events.formats.blocks import KEPT_BLOCKS, BlockRecording, joined
from sparsevision.datasets.events.formats.npz import find_columns
from sparsevision.datasets.events.formats.recording import SEARCH_BLOCK, MemoryRecording
from sparsevision.datasets.events.reader import open_events, read_events
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError


class CountingFile(hdf5_file.PaddedFile):
    """A file that counts the bytes that are read from it."""

    read_bytes = 0

    def readinto(self, buffer):
        found = super().readinto(buffer)
        CountingFile.read_bytes += found
        return found


@pytest.fixture
def counted(monkeypatch):
    """HDF5 files are read through CountingFile, from 0 on."""
    CountingFile.read_bytes = 0

    def open_counted(path, *, recover=False):
        return h5py.File(CountingFile(path, size=path.stat().st_size), "r")

    monkeypatch.setattr(hdf5, "open_hdf5", open_counted)
    return CountingFile


@pytest.mark.parametrize("indexed", [True, False], ids=["with ms_to_idx", "without"])
def test_a_window_of_an_hdf5_file_reads_a_few_chunks(tmp_path, counted, indexed):
    events = encode.random_events(400_000, longest_gap=10)
    path = encode.write_dsec(tmp_path / "a.h5", events, chunk=2000)
    if not indexed:
        with h5py.File(path, "r+") as file:
            del file["ms_to_idx"]
    size = path.stat().st_size
    middle = int(events.t[200_000])
    first, last = np.searchsorted(events.t, [middle, middle + 500])
    assert encode.same(read_events(path, middle, middle + 500), events[first:last])
    assert 0 < counted.read_bytes < size / (10 if indexed else 3)


def sparse(path, size, end):
    """A file of zeros that takes no room, but for its end."""
    with path.open("wb") as file:
        file.truncate(size - len(end))
        file.seek(0, 2)
        file.write(end)


def test_ddd17_pairs_larger_than_memory_open_at_once(tmp_path):
    count, tail = 4_000_000_000, 1000
    times = np.arange(1, tail + 1) * 5000
    places = np.tile(np.array([7, 8, 1], "<i2"), tail)
    sparse(tmp_path / ddd17.TIMES, 8 * count, times.astype("<i8").tobytes())
    sparse(tmp_path / ddd17.PLACES, 6 * count, places.tobytes())
    with open_events(tmp_path) as reader:
        assert len(reader) == count
        assert (reader.first_time, reader.last_time) == (0, 5000)
        assert reader.index_of(50) == count - tail + 9
    found = read_events(tmp_path, count=3, around=50)
    assert found.t.tolist() == [35, 40, 45]
    assert found.x.tolist() == [7, 7, 7]


class CountingMap(mmap.mmap):
    """A memory map that counts the bytes cut from it."""

    read_bytes = 0

    def __getitem__(self, part):
        found = super().__getitem__(part)
        CountingMap.read_bytes += len(found) if isinstance(found, bytes) else 1
        return found


def test_a_window_of_an_aedat4_file_reads_its_packets_and_the_table(tmp_path, monkeypatch):
    events = encode.random_events(100_000)
    path = tmp_path / "a.aedat4"
    encode.write_aedat4(path, [events[start : start + 1000] for start in range(0, 100_000, 1000)])
    monkeypatch.setattr(mmap, "mmap", CountingMap)
    CountingMap.read_bytes = 0
    middle = int(events.t[50_500])
    first, last = np.searchsorted(events.t, [middle, middle + 100])
    assert encode.same(read_events(path, middle, middle + 100), events[first:last])
    assert 0 < CountingMap.read_bytes < path.stat().st_size / 20


def test_a_window_of_a_raw_file_decodes_one_block(tmp_path, monkeypatch):
    monkeypatch.setattr(prophesee, "BLOCK_WORDS", 1000)
    events = encode.random_events(50_000)
    path = encode.write_evt2(tmp_path / "a.raw", events)
    with open_events(path) as reader:
        assert len(reader) == 50_000
        decoded = []
        run = prophesee.run_kernel
        monkeypatch.setattr(
            prophesee,
            "run_kernel",
            lambda kernel, words, *rest: decoded.append(len(words)) or run(kernel, words, *rest),
        )
        moment = int(events.t[30_000])
        first = reader.index_of(moment)
        assert encode.same(reader.read(first, first + 100), events[first : first + 100])
    assert 0 < sum(decoded) <= 2000


class Numbered(BlockRecording):
    """Blocks of ten events; notes which are decoded."""

    def __init__(self, blocks):
        self.path, self.decoded = "numbered", []
        self.set_blocks([10] * blocks, [10 * block for block in range(blocks)])

    def decode(self, block):
        self.decoded.append(block)
        numbers = np.arange(10 * block, 10 * block + 10)
        return Events(x=numbers, y=numbers, t=numbers, p=numbers % 2)


def test_the_last_blocks_stay_decoded():
    recording = Numbered(20)
    assert recording.read(15, 35).t.tolist() == list(range(15, 35))
    assert recording.decoded == [1, 2, 3]
    recording.read(20, 25)
    assert recording.decoded == [1, 2, 3]
    assert recording.index_of(157) == 157
    assert recording.index_of(-5) == 0
    assert recording.index_of(500) == 200
    for block in range(KEPT_BLOCKS):
        recording.times(100 + 10 * block, 101 + 10 * block)
    recording.decoded.clear()
    recording.read(100, 101)
    recording.read(20, 21)
    assert recording.decoded == [2]
    assert joined([recording.read(0, 2), recording.read(5, 6)]).x.tolist() == [0, 1, 5]


def test_searching_a_long_recording(tmp_path):
    times = np.repeat(np.arange(SEARCH_BLOCK), 5)
    empty = np.zeros(len(times), np.uint8)
    recording = MemoryRecording(tmp_path, Events(x=empty, y=empty, t=times, p=empty))
    for moment in (-1, 0, 1, 777, SEARCH_BLOCK // 2, SEARCH_BLOCK - 1, SEARCH_BLOCK):
        assert recording.index_of(moment) == np.searchsorted(times, moment)
    assert recording.place(3) is None


NOTHING = encode.random_events(0)
EMPTY = {
    "hdf5": lambda path: encode.write_dsec(path.with_suffix(".h5"), NOTHING),
    "ddd17": lambda path: encode.write_ddd17(path, NOTHING),
    "evt3": lambda path: encode.write_evt3(path, []),
    "evt3 without events": lambda path: encode.write_evt3(path, [0x8001, 0x6002, 0x0003, 0x3001, 0x4000]),
    "evt2": lambda path: encode.write_evt2(path, NOTHING),
    "dat": lambda path: encode.write_dat(path.with_suffix(".dat"), NOTHING),
    "aedat4": lambda path: encode.write_aedat4(path.with_suffix(".aedat4"), []) and None,
    "aedat4 of empty packets": lambda path: encode.write_aedat4(path.with_suffix(".aedat4"), [NOTHING] * 3) and None,
    "aedat4 without a table": lambda path: encode.write_aedat4(path.with_suffix(".aedat4"), [NOTHING], table=False),
    "npz": lambda path: np.savez(path.with_suffix(".npz"), x=[], y=[], t=[], p=[]),
    "text": lambda path: path.with_suffix(".csv").write_text("t,x,y,p\n"),
}


@pytest.mark.parametrize("recover", [False, True])
@pytest.mark.parametrize("name", EMPTY)
def test_a_recording_without_events(tmp_path, name, recover):
    EMPTY[name](tmp_path / "a.raw")
    (path,) = tmp_path.iterdir()
    found = read_events(path, recover=recover)
    assert [len(getattr(found, column)) for column in "xytp"] == [0, 0, 0, 0]
    with open_events(path, recover=recover) as reader:
        assert (len(reader), reader.index_of(5)) == (0, 0)
        with pytest.raises(EventFileError, match=r"the recording holds no event"):
            reader.first_time  # noqa: B018
    for window in ({"start": 1, "stop": 2}, {"count": 3, "around": 5}, {"count": 3, "around": 5, "future": True}):
        with pytest.raises(UserError, match=r"no events .*; the recording is empty"):
            read_events(path, **window)


def test_flat_tables():
    # a table of an int32, a missing field and a string, with its vtable behind the root offset
    vtable = struct.pack("<HHHHH", 10, 12, 4, 0, 8)
    table = struct.pack("<iiI", 10, -7, 4) + struct.pack("<I", 3) + b"abc"
    buffer = struct.pack("<I", 14) + vtable + table
    found = flat_tables.FlatTable.root(buffer)
    assert found.number(0, "<i") == -7
    assert found.number(1, "<i", 5) == 5
    assert found.number(9, "<i", 6) == 6
    assert found.text(2) == "abc"
    assert found.vector(1) == (0, 0)
    with pytest.raises(struct.error, match="before the buffer"):
        flat_tables.unpack("<i", buffer, -4)
    with pytest.raises(struct.error):
        flat_tables.FlatTable.root(buffer[:20]).number(0, "<i")


def test_columns_are_found_by_their_usual_names(tmp_path):
    arrays = {"xs": 1, "y": 2, "timestamps": 3, "pol": 4, "frames": 5}
    assert find_columns(tmp_path, arrays) == {"x": 1, "y": 2, "t": 3, "p": 4}


def test_events_are_columns_of_one_length():
    with pytest.raises(UserError, match=r"x, y, t and p of one length"):
        Events(x=np.zeros(2), y=np.zeros(3), t=np.zeros(2), p=np.zeros(2))
    events = encode.random_events(20)
    assert encode.same(events[events.p == 1], events[np.flatnonzero(events.p)])
