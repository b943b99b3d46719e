"""tools/event_segment.py: a video with the right frames, from single moments and from a stream."""

import cv2
import numpy as np
import pytest
from event_config import EVENTS_PER_GRID, NUM_GRIDS, write_config, write_weights
from event_sets import FRAME_STEP, LABEL_SIZE, STEP, T_OFFSET, label_map, write_dsec_sequence, write_png
from tool_runner import run_tool

from sparsevision.apis import EventSegInferencer, events
from sparsevision.datasets.events.reader import open_events
from sparsevision.datasets.image_io import read_grey

FRAMES = 5


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    folder = tmp_path_factory.mktemp("street")
    paths = write_dsec_sequence(folder / "data", "street", points=(1,), frames=FRAMES)
    config = write_config(folder / "config.py", folder / "data")
    weights = write_weights(folder / "weights.pth", config)
    clicks = paths["labels"].with_name("11classes_weak_1point_per_class")
    return {"config": config, "weights": weights, "recording": paths["events"] / "events.h5", "clicks": clicks, **paths}


def segment(street, *arguments):
    names = ("config", "weights", "recording")
    return run_tool("event_segment.py", *(street[name] for name in names), "--device", "cpu", *arguments)


def frames_of(path) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(path))
    frames = []
    while (found := video.read())[0]:
        frames.append(found[1])
    return frames


def test_a_video_of_labelled_moments(street, tmp_path):
    out = tmp_path / "new" / "street.mp4"
    labels = ["--labels", street["labels"], "--clicks", street["clicks"]]
    finished = segment(street, "--times", street["times"], *labels, "--out", out, "--masks", tmp_path / "masks")
    assert finished.code == 0, finished.err
    assert f"wrote {FRAMES} frames" in finished.out
    frames = frames_of(out)
    assert len(frames) == FRAMES
    assert frames[0].shape[1] >= 4 * 240 * LABEL_SIZE[1] / LABEL_SIZE[0], "four panels, at least 240 pixels high"
    assert list(out.parent.iterdir()) == [out]
    times = [int(line) for line in street["times"].read_text().split()]
    expected = EventSegInferencer(street["config"], street["weights"], device="cpu")(street["recording"], times)
    for result in expected:
        np.testing.assert_array_equal(read_grey(tmp_path / "masks" / f"{result.time}.png"), result.labels)


def test_frames_by_the_second_begin_when_the_network_has_seen_enough(street, tmp_path):
    out = tmp_path / "street.mp4"
    finished = segment(street, "--fps", 250, "--out", out)
    assert finished.code == 0, finished.err
    span = STEP * (4000 - 1 - NUM_GRIDS * EVENTS_PER_GRID)
    assert len(frames_of(out)) == span // 4000 + 1


def test_a_stream_shows_its_newest_answer(street, tmp_path):
    times = [T_OFFSET + STEP * 300 + 1, T_OFFSET + STEP * (310 + EVENTS_PER_GRID)]
    arguments = ["--times", *times, "--stream", "--masks", tmp_path, "--out", tmp_path / "street.mp4"]
    finished = segment(street, *arguments)
    assert finished.code == 0, finished.err
    assert len(frames_of(tmp_path / "street.mp4")) == 2
    inferencer = EventSegInferencer(street["config"], street["weights"], device="cpu")
    stream = inferencer.stream(street["recording"], start=times[0])
    for time in times:
        np.testing.assert_array_equal(read_grey(tmp_path / f"{time}.png"), next(stream).labels)


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_the_recording_is_opened_once(street, tmp_path, monkeypatch, stream):
    opened = []
    monkeypatch.setattr(
        events, "open_events", lambda *args, **options: opened.append(args) or open_events(*args, **options)
    )
    finished = segment(street, "--fps", 100, *stream, "--out", tmp_path / "street.mp4")
    assert finished.code == 0, finished.err
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "somewhere"], "need --label-times"),
        (["--times", "soon"], "expected whole microseconds"),
        (["--times", T_OFFSET - 5], "outside of the recording"),
        (["--stream", "--times", T_OFFSET + FRAME_STEP, T_OFFSET + 10**9], "outside of the recording"),
        (["--times", T_OFFSET + FRAME_STEP, "--sensor-size", 20, 32], "wrong sensor size"),
        (["--labels", "nowhere", "--label-times", "nowhere.txt"], "no such folder of label PNGs"),
        (["--rectify-map", "nowhere.h5"], "rectify map is missing"),
        (["--times", "soon", "--labels", "somewhere"], "--times soon: no such file"),
        (["--fps", 0], "--fps must be from 0.01 to 1000"),
        (["--fps", "nan"], "--fps must be from 0.01 to 1000"),
        (["--time-unit", "s"], "time_unit='s' is for text and npz"),
        (["--times", T_OFFSET + FRAME_STEP * 2, "--device", "gpu"], "device='gpu' cannot be used"),
    ],
)
def test_bad_input_is_one_sentence_and_no_file(street, tmp_path, arguments, message):
    finished = segment(street, *arguments, "--out", tmp_path / "street.mp4")
    assert finished.code == 2
    assert message in finished.err
    assert not list(tmp_path.iterdir())


def test_an_unknown_id_in_a_label_is_named(street, tmp_path):
    labels = label_map(0)
    labels[0, 5] = 77
    write_png(tmp_path / "labels" / "000000.png", labels)
    (tmp_path / "times.txt").write_text(f"{T_OFFSET + FRAME_STEP * 2}\n")
    given = ["--times", tmp_path / "times.txt", "--labels", tmp_path / "labels"]
    finished = segment(street, *given, "--out", tmp_path / "street.mp4")
    assert finished.code == 2
    assert "holds the unknown id 77" in finished.err


@pytest.mark.parametrize(("option", "said"), [("--out", "cannot be written ("), ("--masks", "is a file; give another")])
def test_a_place_that_cannot_be_written_to_is_one_sentence(street, tmp_path, option, said):
    (tmp_path / "file").touch()
    places = {"--out": tmp_path / "street.mp4", option: tmp_path / "file" / "street.mp4"}
    given = [word for pair in places.items() for word in pair]
    finished = segment(street, "--times", T_OFFSET + FRAME_STEP * 2, *given)
    assert finished.code == 2
    assert said in finished.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_recovering_leaves_out_is_said_in_one_line(street, tmp_path):
    csv = tmp_path / "broken.csv"
    lines = [f"{10 * number},3,4,1\n" for number in range(50)]
    csv.write_text("t,x,y,p\n" + "".join(lines) + "end\n")
    broken = {**street, "recording": csv}
    given = ["--rectify-map", "none", "--times", 400, "--recover", "--time-unit", "us"]
    finished = segment(broken, *given, "--out", tmp_path / "street.mp4")
    assert finished.code == 0, finished.err
    assert all(line.startswith("Warning: ") for line in finished.err.splitlines())
    assert f"{csv}: left out the last 4 bytes: a line is no event" in finished.err


def test_a_frame_shows_the_label_nearest_to_it_if_it_is_near(street, tmp_path):
    first = int(street["times"].read_text().split()[0])
    given = ["--labels", street["labels"], "--label-times", street["times"], "--fps", 100]
    for name, time in {"near": first + 900, "far": first + FRAME_STEP * FRAMES + 5000}.items():
        finished = segment(street, *given, "--times", time, "--out", tmp_path / f"{name}.mp4")
        assert finished.code == 0, finished.err
    near, far = (frames_of(tmp_path / f"{name}.mp4")[0][40:240, -400:] for name in ("near", "far"))
    assert near.std() > 20, "the classes of the label"
    assert far.std() < 4, "an empty panel"


def test_a_recording_too_short_for_a_frame(street, tmp_path):
    csv = tmp_path / "short.csv"
    csv.write_text("t,x,y,p\n" + "".join(f"{10 * number},3,4,1\n" for number in range(50)))
    short = {**street, "recording": csv}
    finished = segment(short, "--rectify-map", "none", "--out", tmp_path / "street.mp4")
    assert finished.code == 2
    assert "50 events; without --times" in finished.err
