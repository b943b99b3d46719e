"""tools/misc/event_info.py on recordings that the test writes."""

import re

import event_encoders as encode
import numpy as np
import pytest
from event_damage import cut
from tool_runner import run_tool

from sparsevision.datasets.events.reader import open_events, read_events


@pytest.fixture
def events():
    return encode.random_events(5000, start=1_000_000)


@pytest.fixture
def recording(tmp_path, events):
    return encode.write_evt3(tmp_path / "a.raw", encode.evt3_words(events))


def facts_of(text):
    """{name: text} of the lines above the bars."""
    return dict(re.findall(r"^(\w+) +(.+)$", text.split("\n\n")[0], re.MULTILINE))


def test_it_says_what_is_in_a_recording(recording, events):
    finished = run_tool("misc/event_info.py", recording)
    assert finished.code == 0, finished.err
    first, last = int(events.t[0]), int(events.t[-1])
    seconds, share = (last - first) / 1e6, events.p.mean()
    assert facts_of(finished.out) == {
        "recording": str(recording),
        "format": "evt3",
        "sensor": "64 x 48 (width x height)",
        "events": "5,000",
        "time": f"{first} to {last} us ({seconds:.6f} s)",
        "rate": f"{5000 / seconds / 1e6:.3f} million events per second",
        "polarity": f"{share:.1%} brighter, {1 - share:.1%} darker",
    }


def test_bars_show_the_rate_over_time(tmp_path):
    times = np.concatenate([np.arange(1000) * 500, 500_000 + np.arange(1001) * 1000])
    zeros = np.zeros(len(times), np.uint8)
    np.savez(tmp_path / "a.npz", x=zeros, y=zeros + 7, t=times, p=zeros)
    finished = run_tool("misc/event_info.py", tmp_path / "a.npz")
    assert finished.code == 0, finished.err
    assert facts_of(finished.out)["sensor"] == "not said; events lie within 1 x 8 (width x height)"
    bars = re.findall(r"^ *(\d+\.\d+) s  (#*) +(\d+\.\d+) M/s$", finished.out, re.MULTILINE)
    assert [float(start) for start, _, _ in bars] == pytest.approx(np.arange(20) * 0.075)
    lengths = [len(bar) for _, bar, _ in bars]
    assert lengths[:6] == pytest.approx([50] * 6, abs=1)
    assert lengths[7:] == pytest.approx([25] * 13, abs=1)


@pytest.mark.parametrize("length", [1, 2, 20])
def test_a_short_recording_of_a_clock_that_is_far_on(tmp_path, length):
    zeros = np.zeros(length, np.uint8)
    np.savez(tmp_path / "a.npz", x=zeros, y=zeros, t=1_605_537_493_718_345 + np.arange(length), p=zeros)
    finished = run_tool("misc/event_info.py", tmp_path / "a.npz")
    assert finished.code == 0, finished.err
    bars = re.findall(r"(#*) +\d+\.\d+ M/s$", finished.out, re.MULTILINE)
    assert len(bars) == 20
    assert sum(bool(bar) for bar in bars) == length


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_place_that_cannot_be_written_to_is_one_sentence(recording, suffix):
    finished = run_tool("misc/event_info.py", recording, "--out", recording / f"out{suffix}")
    assert finished.code == 2
    assert f"out{suffix}: cannot be written (" in finished.err


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_it_writes_the_events_anew(recording, events, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    finished = run_tool("misc/event_info.py", recording, "--out", out)
    assert finished.code == 0, finished.err
    assert f"wrote 5,000 events to {out}" in finished.out
    found = read_events(out)
    assert encode.same(found, events)
    assert found.sensor_size == (48, 64)
    assert open_events(out).index_of(int(events.t[777])) == np.searchsorted(events.t, events.t[777])


def test_a_cut_file_is_an_error_that_names_the_byte_and_the_way_out(recording, events, tmp_path):
    size = recording.stat().st_size
    cut(recording, size - 1)
    finished = run_tool("misc/event_info.py", recording)
    assert finished.code == 2
    assert f"{recording}: ends within a word (1 of 2 bytes), at byte {size - 2}. " in finished.err
    assert "--recover on the command line" in finished.err
    assert "Traceback" not in finished.err
    out = tmp_path / "saved.npz"
    finished = run_tool("misc/event_info.py", recording, "--recover", "--out", out)
    assert finished.code == 0, finished.err
    assert finished.err == f"Warning: {recording}: left out the last 1 bytes: ends within a word (1 of 2 bytes)\n"
    assert facts_of(finished.out)["events"] == "4,999"
    assert encode.same(read_events(out), events[:-1])


def test_a_broken_file_leaves_nothing_behind(tmp_path, events):
    recording = encode.write_dat(tmp_path / "a.dat", events, head="% Version 2\n")
    cut(recording, recording.stat().st_size - 3)
    finished = run_tool("misc/event_info.py", recording, "--out", tmp_path / "out.h5")
    assert finished.code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dat"]


def test_the_size_of_the_sensor_can_be_given(tmp_path, events):
    recording = encode.write_dat(tmp_path / "a.dat", events, head="% Version 2\n")
    finished = run_tool("misc/event_info.py", recording, "--sensor-size", 48, 64)
    assert facts_of(finished.out)["sensor"] == "64 x 48 (width x height)"
    finished = run_tool("misc/event_info.py", recording, "--sensor-size", 30, 64)
    assert finished.code == 2
    assert "lies outside of the sensor of 30 rows and 64 columns" in finished.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.raw"], "absent.raw: no such file or folder."),
        (["a.raw", "--out", "a.mp4"], "expected a name that ends in .npz or .h5"),
        (["a.raw", "--sensor-size", 0, 64], "sensor_size=[0, 64]; expected (height, width)"),
        (["a.raw", "--format", "evt9"], "invalid choice: 'evt9'"),
        (["a.raw", "--time-unit", "s"], "time_unit='s' is for text and npz; the format 'evt3' defines it."),
        (["a.raw", "--format", "hdf5"], "is not readable as HDF5, from byte 0 on"),
    ],
)
def test_bad_input_has_its_own_error(recording, arguments, words, monkeypatch):
    monkeypatch.chdir(recording.parent)
    finished = run_tool("misc/event_info.py", *arguments)
    assert finished.code == 2
    assert words in finished.err
    assert "Traceback" not in finished.err


def test_a_table_of_a_spreadsheet(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbftime,x,y,polarity\r\n7,3,4,1\r\n9,3,5,0\r\n")
    finished = run_tool("misc/event_info.py", tmp_path / "a.csv")
    assert finished.code == 0, finished.err
    assert facts_of(finished.out)["time"] == "7 to 9 us (0.000002 s)"
    assert "events lie within 4 x 6" in facts_of(finished.out)["sensor"]


@pytest.mark.parametrize(("unit", "times"), [("us", [1, 2**63]), ("s", [0.5, 2**63 / 1e6]), ("s", [0.5, 1e300])])
def test_times_beyond_64_bits_are_no_times(tmp_path, unit, times):
    (tmp_path / "a.txt").write_text("".join(f"{time} 3 4 1\n" for time in times))
    given = ["--time-unit", unit] if unit == "us" else []
    finished = run_tool("misc/event_info.py", tmp_path / "a.txt", *given)
    assert finished.code == 2
    assert "event 1 has t=" in finished.err
    assert "expected a finite number of at most 64 bits" in finished.err
    finished = run_tool("misc/event_info.py", tmp_path / "a.txt", *given, "--recover")
    assert facts_of(finished.out)["events"] == "1"


def test_a_recording_without_events_is_an_error(tmp_path):
    finished = run_tool("misc/event_info.py", encode.write_evt3(tmp_path / "a.raw", []))
    assert finished.code == 2
    assert "the recording holds no event." in finished.err
