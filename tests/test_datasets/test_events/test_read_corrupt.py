"""Damaged words, pairs and packets: the error names the byte, and `recover` keeps what stands before it."""

import re

import event_encoders as encode
import numpy as np
import pytest
from event_damage import cut, error_of, recovered, times_fall

from sparsevision.datasets.events.formats import ddd17, prophesee
from sparsevision.datasets.events.reader import open_events, read_events

EVT3_HEAD = len("% evt 3.0\n% geometry 64x48\n% end\n")
EVT2_HEAD = len("% evt 2.0\n% format EVT2;height=48;width=64\n")
DAT_HEAD = len("% Data file\n% Version 2\n% Height 48\n% Width 64\n") + 2
DAMAGE = {  # what a test must know of a format: how to write it, bytes before the words, bytes of a word
    "evt3": (lambda path, events: encode.write_evt3(path, encode.evt3_words(events)), EVT3_HEAD, 2),
    "evt2": (encode.write_evt2, EVT2_HEAD, 4),
    "dat": (encode.write_dat, DAT_HEAD, 8),
}


@pytest.fixture
def events():
    return encode.random_events(5000, start=16_770_000)


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("blocks", [700, 1 << 20], ids=["many blocks", "one block"])
class TestWords:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch, blocks):
        monkeypatch.setattr(prophesee, "BLOCK_WORDS", blocks)

    def test_a_file_that_ends_within_a_word(self, tmp_path, events, name):
        write, _, size = DAMAGE[name]
        path = write(tmp_path / "a.dat", events)
        whole = path.stat().st_size
        cut(path, whole - 1)
        assert f"ends within a word ({size - 1} of {size} bytes), at byte {whole - size}. " in error_of(path)
        found, warning = recovered(path)
        assert encode.same(found, events[:-1])
        assert f"the last {size - 1} bytes: ends within a word" in warning

    def test_times_that_fall(self, tmp_path, events, name):
        write, head, size = DAMAGE[name]
        good = encode.random_events(5000, start=1_000_000)
        path = write(tmp_path / "a.dat", times_fall(good, 2000))
        message = error_of(path)
        place = int(
            re.search(r"event 2000 at (\d+) us follows one at (\d+) us, at byte (\d+)\. Pass recover", message)[3]
        )
        assert "timestamps go backwards" in message
        found, warning = recovered(path)
        assert encode.same(found, good[:2000])
        assert f"the last {path.stat().st_size - place} bytes: timestamps go backwards at event 2000" in warning
        cut(path, place)
        assert encode.same(read_events(path), good[:2000])
        assert (place - head) % size == 0

    def test_an_event_outside_of_the_sensor(self, tmp_path, events, name):
        write, _, _ = DAMAGE[name]
        rows = events.y.copy()
        rows[1234] = 50
        path = write(tmp_path / "a.dat", encode.Events(x=events.x, y=rows, t=events.t, p=events.p))
        assert f"event 1234 at x={events.x[1234]}, y=50 lies outside of the sensor of 48 rows" in error_of(path)
        found, warning = recovered(path)
        assert encode.same(found, events[:1234])
        assert "the last 3766 events: event 1234 at" in warning


@pytest.mark.parametrize("word", [0x1000, 0x9123, 0xB000, 0xC000, 0xD000])
def test_a_reserved_word_of_evt3(tmp_path, events, word):
    words = encode.evt3_words(events)
    place = EVT3_HEAD + 2 * 3000
    before = read_events(encode.write_evt3(tmp_path / "before.raw", words[:3000]))
    path = encode.write_evt3(tmp_path / "a.raw", [*words[:3000], word, *words[3000:]])
    assert f"a word of a reserved type after event {len(before)}, at byte {place}. " in error_of(path)
    found, _ = recovered(path)
    assert encode.same(found, events[: len(before)])


@pytest.mark.parametrize("word", [0x2, 0x7, 0x9, 0xB, 0xD])
def test_a_reserved_word_of_evt2(tmp_path, events, word):
    path = encode.write_evt2(tmp_path / "a.raw", events[:3000])
    place = path.stat().st_size
    rest = encode.write_evt2(tmp_path / "b.raw", events[3000:]).read_bytes()[EVT2_HEAD:]
    path.write_bytes(path.read_bytes() + (word << 28).to_bytes(4, "little") + rest)
    assert f"a word of a reserved type after event 3000, at byte {place}. " in error_of(path)
    assert encode.same(recovered(path)[0], events[:3000])


def test_a_dat_file_of_other_events_is_refused(tmp_path, events):
    path = encode.write_dat(tmp_path / "a.dat", events)
    content = bytearray(path.read_bytes())
    content[DAT_HEAD - 2] = 14
    path.write_bytes(content)
    message = error_of(path)
    assert "expected DAT version 2, events of type 0 or 12 and 8 bytes; its header says version 2" in message
    assert f"and at byte {DAT_HEAD - 2} stands: type 14 of 8 bytes." in message
    cut(path, DAT_HEAD - 1)
    assert "none, the file ends" in error_of(path, format="dat")


@pytest.mark.parametrize(
    ("file", "size", "lost", "words"),
    [
        (ddd17.TIMES, -3, 1, "ends within event 4999 (5 of 8 bytes), at byte 39992. "),
        (ddd17.PLACES, -4, 1, "ends within event 4999 (2 of 6 bytes), at byte 29994. "),
        (ddd17.TIMES, -80, 10, "ends after 4990 events, but the file beside it holds 5000, at byte 39920. "),
        (ddd17.PLACES, -60, 10, "ends after 4990 events, but the file beside it holds 5000, at byte 29940. "),
    ],
)
@pytest.mark.filterwarnings("ignore:.*left out the last 1 events")
def test_a_ddd17_file_that_ends_early(tmp_path, events, file, size, lost, words):
    encode.write_ddd17(tmp_path / "a", events)
    path = tmp_path / "a" / file
    cut(path, path.stat().st_size + size)
    assert f"{path}: {words}" in error_of(tmp_path / "a")
    with pytest.warns(UserWarning, match="left out"):
        found = read_events(tmp_path / "a", recover=True)
    assert encode.same(found, events[:-lost])


def test_ddd17_times_that_fall(tmp_path, events, monkeypatch):
    monkeypatch.setattr(ddd17, "SCAN_BLOCK", 500)
    encode.write_ddd17(tmp_path / "a", times_fall(events, 2000))
    assert "event 2000 at" in (message := error_of(tmp_path / "a"))
    assert "at byte 16000. Pass recover" in message
    found, warning = recovered(tmp_path / "a")
    assert encode.same(found, events[:2000])
    assert "the last 42000 bytes: timestamps go backwards at event 2000" in warning


def test_ddd17_places_that_are_negative(tmp_path, events, monkeypatch):
    monkeypatch.setattr(ddd17, "SCAN_BLOCK", 500)
    path = encode.write_ddd17(tmp_path / "a", events) / ddd17.PLACES
    content = bytearray(path.read_bytes())
    content[6 * 3000 + 1] = 0xFF
    path.write_bytes(content)
    assert "event 3000 has a negative coordinate or polarity" in (message := error_of(tmp_path / "a"))
    assert "at byte 18000. Pass recover" in message
    assert encode.same(recovered(tmp_path / "a")[0], events[:3000])


def test_half_a_ddd17_pair_is_refused(tmp_path, events):
    path = encode.write_ddd17(tmp_path / "a", events) / ddd17.PLACES
    path.unlink()
    assert f"{path}: is missing. A DDD17 recording is a pair" in error_of(tmp_path / "a")


def packets(events, size=500):
    return [events[start : start + size] for start in range(0, len(events), size)]


@pytest.mark.parametrize("compression", [0, 1, 3])
class TestAEDAT4:
    def test_a_file_without_its_end(self, tmp_path, events, compression):
        path = tmp_path / "a.aedat4"
        places = encode.write_aedat4(path, packets(events), compression=compression)
        size = places[7] + 60
        cut(path, size)
        assert re.search(
            rf"is truncated: its table of packets should stand at byte \d+, at byte {size}\. ", error_of(path)
        )
        found, warning = recovered(path)
        assert encode.same(found, events[:3500])
        assert "the last 60 bytes: a packet of" in warning

    def test_a_recording_that_was_never_finished(self, tmp_path, events, compression):
        path = tmp_path / "a.aedat4"
        places = encode.write_aedat4(path, packets(events), compression=compression, table=False)
        assert encode.same(read_events(path), events)
        cut(path, places[4] + 5)
        assert f"ends within the head of a packet, at byte {places[4]}. " in error_of(path)
        cut(path, places[3] + 30)
        assert f"does not fit into the file, at byte {places[3]}. " in error_of(path)
        assert encode.same(recovered(path)[0], events[:1500])

    def test_a_broken_packet(self, tmp_path, events, compression):
        path = tmp_path / "a.aedat4"
        places = encode.write_aedat4(path, packets(events), compression=compression)
        content = bytearray(path.read_bytes())
        content[places[5] + 8 : places[5] + 40] = bytes(range(100, 132))
        path.write_bytes(content)
        assert "a packet cannot be decoded (" in (message := error_of(path))
        assert f", at byte {places[5] + 8}. " in message
        found, _ = recovered(path)
        assert encode.same(found, events[:2500])
        assert encode.same(
            read_events(path, stop=int(events.t[2000])), events[: np.searchsorted(events.t, events.t[2000])]
        )

    def test_a_broken_table(self, tmp_path, events, compression):
        path = tmp_path / "a.aedat4"
        encode.write_aedat4(path, packets(events), compression=compression)
        content = path.read_bytes()
        table = content.rindex(b"FTAB") - 8 if compression == 0 else None
        cut(path, len(content) - 40)
        place = f", at byte {table}. " if table else ", at byte "
        assert "broken table of packets (" in (message := error_of(path))
        assert place in message
        with open_events(path, recover=True) as reader:
            assert encode.same(reader.read(0, len(reader)), events)

    def test_times_that_fall(self, tmp_path, events, compression):
        for index in (2000, 2222):
            path = tmp_path / f"{index}.aedat4"
            places = encode.write_aedat4(path, packets(times_fall(events, index)), compression=compression)
            assert f"event {index} at" in (message := error_of(path))
            assert f", at byte {places[4] + 8}. Pass recover" in message
            assert encode.same(recovered(path)[0], events[:2000])


def test_an_aedat4_head_that_is_broken(tmp_path, events):
    path = tmp_path / "a.aedat4"
    encode.write_aedat4(path, packets(events))
    content = path.read_bytes()
    path.write_bytes(content[:40])
    assert "broken header (" in (message := error_of(path))
    assert "at byte 14. Nothing before that place can be read either" in message
    path.write_bytes(content.replace(b'<node name="0"', b'<node naXe=<0"'))
    assert "broken description of its streams (" in error_of(path)
    path.write_bytes(content.replace(b">EVTS<", b">FRME<"))
    assert "holds no stream of events (EVTS); it holds IMUS, FRME." in error_of(path)
    path.write_bytes(content.replace(b'type="int">64<', b'type="int">6x<'))
    assert open_events(path).sensor_size is None
