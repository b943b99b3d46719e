"""Words and clocks: what each word of a raw file means, clocks that wrap, units of time."""

import event_encoders as encode
import numpy as np
import pytest

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats import columns, dat, evt2, evt3, prophesee, text
from sparsevision.datasets.events.reader import open_events, read_events
from sparsevision.utils import UserError

HIGH, LOW, ROW, EVENT, BASE, VECTOR_12, VECTOR_8 = 0x8000, 0x6000, 0x0000, 0x2000, 0x3000, 0x4000, 0x5000
BRIGHTER = 0x800


def rows(events):
    """[(t, x, y, p)]."""
    return [(t, x, y, p) for x, y, t, p in encode.rows_of(events)]


def read_words(folder, words):
    return read_events(encode.write_evt3(folder / "a.raw", words, head="% evt 3.0\n% end\n"))


def test_every_word_of_evt3(tmp_path):
    words = [
        EVENT | 1,  # before any time: left out
        *(HIGH | 2, LOW | 3, ROW | 7),
        *(EVENT | BRIGHTER | 100, EVENT | 101),
        *(BASE | BRIGHTER | 200, VECTOR_12 | 0b1000_0000_0101, VECTOR_8 | 0b1000_0001, VECTOR_12 | 0),
        *(0xA123, 0x7001, 0xE5AA, 0xF00F),  # a trigger, continued and other words say nothing of events
        *(ROW | 8, LOW | 9, VECTOR_8 | 1),
    ]
    time = 2 << 12 | 3
    expected = [(time, 100, 7, 1), (time, 101, 7, 0)]
    expected += [(time, x, 7, 1) for x in (200, 202, 211, 212, 219)]
    assert rows(read_words(tmp_path, words)) == [*expected, (2 << 12 | 9, 200 + 12 + 8 + 12, 8, 1)]


def test_time_of_evt3_overflows_only_where_its_high_part_falls(tmp_path):
    highs = [(0xFFE, 5), (0xFFF, 0xFFF), (0x000, 0), (0x000, 7), (0x001, 2), (0xFFF, 1), (0x000, 0)]
    words = [word for high, low in highs for word in (HIGH | high, LOW | low, EVENT | 1)]
    found = read_words(tmp_path, words).t.tolist()
    turn = 1 << 24
    assert found == [
        *(0xFFE << 12 | 5, 0xFFF << 12 | 0xFFF, turn, turn | 7, turn | 1 << 12 | 2, turn | 0xFFF << 12 | 1),
        2 * turn,
    ]


def test_a_low_part_that_starts_anew_is_no_overflow(tmp_path):
    words = [HIGH | 5, LOW | 0xFFF, EVENT | 1, HIGH | 6, EVENT | 2, LOW | 0, EVENT | 3, HIGH | 6, LOW | 1, EVENT | 4]
    assert read_words(tmp_path, words).t.tolist() == [0x5FFF, 0x6000, 0x6000, 0x6001]


@pytest.mark.parametrize("later", [[LOW | 2], [HIGH | 4], [HIGH | 4, LOW | 9]])
def test_a_time_of_evt3_that_falls_is_no_overflow(tmp_path, later):
    words = [HIGH | 5, LOW | 3, EVENT | 1, *later, EVENT | 2]
    with pytest.raises(EventFileError, match=r"timestamps go backwards: event 1 at \d+ us follows one at 20483 us"):
        read_words(tmp_path, words)


@pytest.mark.parametrize("seed", range(4))
def test_streams_of_all_words_equal_evt3(tmp_path, monkeypatch, seed):
    oracle = pytest.importorskip("evt3")
    monkeypatch.setattr(prophesee, "BLOCK_WORDS", 97)
    words = random_words(np.random.default_rng(seed), 6000)
    found = read_words(tmp_path, words)
    expected = oracle.decode_bytes(np.array(words, "<u2").tobytes())
    assert len(found) > 5000
    assert found.t[-1] > 1 << 25
    for name, values in (("x", expected.x), ("y", expected.y), ("p", expected.polarity), ("t", expected.timestamp)):
        np.testing.assert_array_equal(getattr(found, name), values, err_msg=name)


def random_words(rng, count):
    """A valid stream: times rise and wrap more than twice; rows, vectors, single events and triggers in between."""
    words = [HIGH | 0xFF0, LOW, ROW]
    times = 0xFF0000 + np.sort(rng.integers(0, 40_000_000, count))
    times[0], high = times[0] // 4096 * 4096, -1
    for time in times.tolist():
        if time >> 12 != high:
            steps = range(max(high + 1, (time >> 12) - 3), (time >> 12) + 1)
            words += [HIGH | step & 0xFFF for step in steps]
            high = time >> 12
        words.append(LOW | time & 0xFFF)
        kind = int(rng.integers(0, 6))
        place, sign = int(rng.integers(0, 1200)), int(rng.integers(0, 2)) << 11
        vector = [BASE | sign | place, VECTOR_12 | int(rng.integers(0, 4096)), VECTOR_8 | int(rng.integers(0, 256))]
        words += [
            [ROW | int(rng.integers(0, 720))],
            [0xA000 | kind],
            vector,
            vector[:2],
            *[[EVENT | sign | place]] * 2,
        ][kind]
    return words


def test_every_word_of_evt2(tmp_path):
    def event(p, low, x, y):
        return p << 28 | low << 22 | x << 11 | y

    words = [event(1, 3, 4, 5), 8 << 28 | 7, event(1, 63, 1279, 719), 10 << 28 | 1, event(0, 63, 2, 3), 8 << 28 | 8]
    words += [15 << 28, event(1, 0, 2, 3)]
    path = tmp_path / "a.raw"
    path.write_bytes(b"% evt 2.0\n% end\n" + np.array(words, "<u4").tobytes())
    assert evt2.matches(path, path.read_bytes())
    assert rows(read_events(path)) == [(7 << 6 | 63, 1279, 719, 1), (7 << 6 | 63, 2, 3, 0), (8 << 6, 2, 3, 1)]


@pytest.mark.parametrize(
    ("write", "bits"), [(encode.write_evt2, 34), (encode.write_dat, 32)], ids=["evt2 after 2^34", "dat after 2^32"]
)
def test_long_clocks_wrap(tmp_path, monkeypatch, write, bits):
    monkeypatch.setattr(prophesee, "BLOCK_WORDS", 100)
    events = encode.random_events(3000, start=(1 << bits) - 10_000)
    assert events.t[-1] > 1 << bits
    assert encode.same(read_events(write(tmp_path / "a.dat", events)), events)


def test_dat_without_a_sensor_size_takes_the_given_one(tmp_path):
    events = encode.random_events(10)
    path = encode.write_dat(tmp_path / "a.dat", events, head="% Version 2\n")
    assert dat.matches(path, path.read_bytes())
    assert open_events(path).sensor_size is None
    assert open_events(path, sensor_size=(48, 64)).sensor_size == (48, 64)


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ("% evt 3.0\n% geometry 640x480\n% end\n", (480, 640)),
        ("% format EVT3;height=720;width=1280\n% end\n", (720, 1280)),
        ("% evt 3.0\n% plugin_name hal_plugin_gen41_evk3\n", (720, 1280)),
        ("% evt 3.0\n% plugin_name hal_plugin_gen3_fx3\n% Date 2020-09-25 07:48:31\n", (480, 640)),
        ("% evt 3.0\n% sensor_name IMX636\n", (720, 1280)),
        ("% evt 3.0\n% height 4x\n% width 64\n% end\n", None),
    ],
)
def test_heads_of_raw_files(tmp_path, head, size):
    events = encode.random_events(10)
    path = encode.write_evt3(tmp_path / "a.raw", encode.evt3_words(events), head=head)
    found = prophesee.read_header(path.read_bytes())
    assert (found.size, found.encoding, found.sensor_size) == (len(head), "evt3", size)
    assert evt3.matches(path, path.read_bytes())
    assert len(read_events(path)) == 10


def test_words_that_begin_like_a_head_are_words(tmp_path):
    words = [0x2025, 0x8001, 0x6005, 0x0003, EVENT | 9, 0x000A]
    assert np.array(words, "<u2").tobytes()[:2] == b"% "
    path = encode.write_evt3(tmp_path / "a.raw", words, head="% evt 3.0\n")
    assert rows(read_events(path)) == [(0x1005, 9, 3, 0)]


def test_a_head_that_names_another_encoding_is_refused(tmp_path):
    path = encode.write_evt3(tmp_path / "a.raw", [HIGH], head="% evt 2.1\n")
    with pytest.raises(EventFileError, match=r"its header says 'evt2.1', not 'evt3'"):
        open_events(path, format="evt3").first_time  # noqa: B018
    with pytest.raises(EventFileError, match=r"has no format that can be read"):
        open_events(path)


def test_units_of_times():
    assert columns.to_microseconds(np.array([1.0, 2.0])).tolist() == [1, 2]
    assert columns.to_microseconds(np.array([1.0, 2.0]), "s").tolist() == [1_000_000, 2_000_000]
    assert columns.to_microseconds(np.array([1.5, 2.0])).tolist() == [1_500_000, 2_000_000]
    assert columns.to_microseconds(np.array([1.5, 2.0]), "us").tolist() == [2, 2]
    assert columns.to_microseconds(np.array([0.1 + 0.2, 1468939993.0653689])).tolist() == [300_000, 1468939993065369]
    with pytest.raises(UserError, match=r"time_unit='ms'; expected 's' or 'us'"):
        columns.to_microseconds(np.array([1.5]), "ms")


@pytest.mark.parametrize(
    ("content", "expected", "size"),
    [
        ("0.5 3 4 1\n0.75 5 6 0\n", [(500_000, 3, 4, 1), (750_000, 5, 6, 0)], None),
        ("64 48\n1 3 4 1\r\n2 5 6 -1\r\n", [(1, 3, 4, 1), (2, 5, 6, 0)], (48, 64)),
        ("x,y,polarity,timestamp\n3,4,True,7\n5,6,False,9\n", [(7, 3, 4, 1), (9, 5, 6, 0)], None),
        ("# t,x,y,p\n7;3;4;1\n\n9;5;6;0", [(7, 3, 4, 1), (9, 5, 6, 0)], None),
        ("ts xs ys ps id\n7 3 4 1 99\n9 5 6 0 98\n", [(7, 3, 4, 1), (9, 5, 6, 0)], None),
        ("x,y,t,p\n", [], None),
    ],
)
def test_texts(tmp_path, content, expected, size):
    path = tmp_path / "a.csv"
    path.write_text(content, newline="")
    assert text.matches(path, path.read_bytes())
    found = read_events(path)
    assert rows(found) == expected
    assert found.sensor_size == size


def test_the_unit_of_a_text_can_be_given(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1 3 4 1\n2 5 6 0\n")
    assert read_events(path, time_unit="s").t.tolist() == [1_000_000, 2_000_000]
    np.savez(tmp_path / "a.npz", x=[1], y=[2], t=[3.0], p=[1], sensor_size=[48, 64])
    found = read_events(tmp_path / "a.npz", time_unit="s")
    assert (found.t.tolist(), found.sensor_size) == ([3_000_000], (48, 64))
