"""Event recordings written word by word, with struct and numpy alone: what the readers are tested against."""

import bisect
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import hdf5plugin
import lz4.frame
import numpy as np
import zstandard

from sparsevision.datasets.events.types import Events

SENSOR = (48, 64)  # height, width
EVENT = np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "itemsize": 16})


def random_events(
    count: int, *, seed: int = 0, start: int = 0, longest_gap: int = 40, sensor: tuple[int, int] = SENSOR
) -> Events:
    """Events with many equal times, rising from `start`."""
    rng = np.random.default_rng(seed)
    gaps = rng.integers(0, longest_gap + 1, count) * rng.integers(0, 2, count)
    return Events(
        x=rng.integers(0, sensor[1], count).astype(np.uint16),
        y=rng.integers(0, sensor[0], count).astype(np.uint16),
        t=start + np.cumsum(gaps),
        p=rng.integers(0, 2, count).astype(np.uint8),
    )


def same(found: Events, expected: Events) -> bool:
    """Whether both are the same events in the same order."""
    return len(found) == len(expected) and all(
        np.array_equal(getattr(found, name), getattr(expected, name)) for name in ("x", "y", "t", "p")
    )


def rows_of(events: Events) -> Iterator[tuple[int, int, int, int]]:
    """(x, y, t, p) of one event after the other."""
    return zip(*(getattr(events, name).tolist() for name in ("x", "y", "t", "p")), strict=True)


def evt3_words(events: Events) -> list[int]:
    """One word for the high and the low part of each new time, one for each new row, one for each event."""
    words: list[int] = []
    high = low = row = None
    for x, y, t, p in rows_of(events):
        if high != (t >> 12) & 0xFFF:
            high, low = (t >> 12) & 0xFFF, None
            words.append(0x8000 | high)
        if low != t & 0xFFF:
            low = t & 0xFFF
            words.append(0x6000 | low)
        if row != y:
            row = y
            words.append(y)
        words.append(0x2000 | p << 11 | x)
    return words


def write_evt3(path: Path, words: Sequence[int], *, head: str = "% evt 3.0\n% geometry 64x48\n% end\n") -> Path:
    """A raw file of these words."""
    path.write_bytes(head.encode() + np.array(words, "<u2").tobytes())
    return path


def write_evt2(path: Path, events: Events, *, head: str = "% evt 2.0\n% format EVT2;height=48;width=64\n") -> Path:
    """A raw file with one word for each new high part of the time, and one for each event."""
    words, high = [], None
    for x, y, t, p in rows_of(events):
        if high != (t >> 6) & 0xFFFFFFF:
            high = (t >> 6) & 0xFFFFFFF
            words.append(8 << 28 | high)
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    path.write_bytes(head.encode() + np.array(words, "<u4").tobytes())
    return path


def write_dat(path: Path, events: Events, *, head: str = "% Data file\n% Version 2\n% Height 48\n% Width 64\n") -> Path:
    """A DAT file."""
    places = events.x.astype("<u4") | events.y.astype("<u4") << 14 | events.p.astype("<u4") << 28
    pairs = np.stack([(events.t & 0xFFFFFFFF).astype("<u4"), places], axis=1)
    path.write_bytes(head.encode() + bytes([12, 8]) + pairs.tobytes())
    return path


def write_dsec(path: Path, events: Events, *, t_offset: int = 0, chunk: int = 1000, zstd: bool = True) -> Path:
    """DSEC's container: Blosc, a clock of its own, the number of the first event of each millisecond."""
    times = (events.t - t_offset).tolist()
    marks = range(0, times[-1] + 1, 1000) if times else ()
    packing = hdf5plugin.Blosc(cname="zstd" if zstd else "lz4")
    columns = {"x": (events.x, "<u2"), "y": (events.y, "<u2"), "p": (events.p, "u1"), "t": (times, "<u4")}
    with h5py.File(path, "w") as file:
        for name, (values, kind) in columns.items():
            values = np.array(values, kind)
            file.create_dataset(f"events/{name}", data=values, chunks=(chunk,), maxshape=(None,), **packing)
        file["ms_to_idx"] = np.array([bisect.bisect_left(times, mark) for mark in marks], "<u8")
        file["t_offset"] = np.int64(t_offset)
    return path


def write_ddd17(folder: Path, events: Events, *, nanoseconds: int = 0) -> Path:
    """A folder with DDD17's pair; `nanoseconds` (below 1000) are added to every time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.dat.t").write_bytes(struct.pack(f"<{len(events)}q", *(events.t * 1000 + nanoseconds).tolist()))
    rows = [value for x, y, _, p in rows_of(events) for value in (x, y, p)]
    (folder / "events.dat.xyp").write_bytes(struct.pack(f"<{len(rows)}h", *rows))
    return folder


def write_aedat4(
    path: Path, pieces: Sequence[Events], *, compression: int = 1, table: bool = True, sensor: tuple[int, int] = SENSOR
) -> list[int]:
    """An AEDAT4 file with one packet for each piece and as many of another stream; returns the packets' places."""
    pack = {0: bytes, 1: lz4.frame.compress, 3: zstandard.ZstdCompressor().compress}[compression]
    head = io_header(compression, -1, sensor)
    body, places, entries = b"", [], []
    for piece in pieces:
        body += struct.pack("<ii", 7, 3) + b"abc"
        content = pack(event_packet(piece))
        places.append(len(head) + len(body))
        times = (int(piece.t[0]), int(piece.t[-1])) if len(piece) else (0, 0)
        entries.append((places[-1] + 8, 0, len(content), len(piece), *times))
        body += struct.pack("<ii", 0, len(content)) + content
    if table:
        head = io_header(compression, len(head) + len(body), sensor)
        body += pack(packet_table(entries))
    path.write_bytes(head + body)
    return places


def io_header(compression: int, table_place: int, sensor: tuple[int, int]) -> bytes:
    """The first line and the header."""
    xml = (
        '<dv version="2.0"><node name="outInfo" path="/"><node name="7" path="/7/"><attr key="typeIdentifier" '
        'type="string">IMUS</attr></node><node name="0" path="/0/"><attr key="typeIdentifier" type="string">EVTS</attr>'
        f'<node name="info" path="/0/info/"><attr key="sizeX" type="int">{sensor[1]}</attr>'
        f'<attr key="sizeY" type="int">{sensor[0]}</attr></node></node></node></dv>'
    ).encode()
    vtable = struct.pack("<HHHHH", 10, 20, 4, 8, 16)
    fields = struct.pack("<iiqI", 10, compression, table_place, 4)
    text = struct.pack("<I", len(xml)) + xml + b"\0"
    return b"#!AER-DAT4.0\r\n" + sized(20, b"IOHE", b"\0\0" + vtable + fields + text)


def event_packet(events: Events) -> bytes:
    """A packet's content before compression."""
    values = np.zeros(len(events), EVENT)
    for name in ("t", "x", "y", "p"):
        values[name] = getattr(events, name)
    vtable = struct.pack("<HHH", 6, 8, 4)
    return sized(16, b"EVTS", b"\0\0" + vtable + struct.pack("<iII", 6, 4, len(events)) + values.tobytes())


def packet_table(entries: Sequence[tuple[int, ...]]) -> bytes:
    """The table of packets: (place, stream, size, events, first time, last time) each."""
    vtable = struct.pack("<HHH", 6, 8, 4)
    row_vtable = struct.pack("<HHHHHHH", 14, 44, 4, 12, 20, 28, 36)
    rows = [row_vtable + struct.pack("<iqiiqqq", 14, *entry) for entry in entries]
    starts = [4 * (len(rows) - number) + len(rows[0]) * number + 14 for number in range(len(rows))]
    body = vtable + struct.pack("<iII", 6, 4, len(rows)) + struct.pack(f"<{len(rows)}I", *starts) + b"".join(rows)
    return sized(16, b"FTAB", b"\0\0" + body)


def sized(root: int, name: bytes, body: bytes) -> bytes:
    """A buffer with its size before it."""
    content = struct.pack("<I", root) + name + body
    return struct.pack("<I", len(content)) + content


WRITERS = {  # {format: (name in the folder, (path, events) -> written)}; for ROS bags see test_read_rosbag.py
    "hdf5": ("r.h5", lambda path, events: write_dsec(path, events, t_offset=int(events.t[0]) - 1234)),
    "ddd17": ("", lambda path, events: write_ddd17(path, events, nanoseconds=999)),
    "evt3": ("r.raw", lambda path, events: write_evt3(path, evt3_words(events))),
    "evt2": ("r.raw", write_evt2),
    "dat": ("r.dat", write_dat),
    "aedat4": ("r.aedat4", lambda path, events: write_aedat4(path, pieces_of(events, 777))),
    "npz": ("r.npz", lambda path, events: np.savez(path, x=events.x, y=events.y, t=events.t, p=events.p)),
    "text": ("r.txt", lambda path, events: np.savetxt(path, np.stack([*columns_of(events)], axis=1), fmt="%d")),
}


def write_recording(format: str, folder: Path, events: Events) -> Path:
    """A recording in one of WRITERS' formats; returns its path."""
    name, write = WRITERS[format]
    write(folder / name, events)
    return folder / name


def pieces_of(events: Events, size: int) -> list[Events]:
    """The events in pieces of `size`."""
    return [events[start : start + size] for start in range(0, len(events), size)]


def columns_of(events: Events) -> tuple[np.ndarray, ...]:
    """Times, columns, rows, polarities."""
    return events.t, events.x, events.y, events.p
