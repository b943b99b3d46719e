"""Simulated tracks: they follow the flow, end where it ends, are nested and pinned; flow files are read strictly."""

import hashlib
import struct

import numpy as np
import pytest

from sparsevision.annotation import AnnotationError, read_flow, simulate_tracks, visible_by_consistency

PINNED_STARTS = [[25.0, 2.0], [17.0, 18.0], [23.0, 1.0], [31.0, 18.0]]
PINNED_DIGEST = "df32427fe0968f8a"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def swirl(steps: int = 6, height: int = 24, width: int = 32) -> np.ndarray:
    """A turning flow made of plain sums and products, the same on every machine."""
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    step = np.stack([(12 - rows) * 0.125, (columns - 16) * 0.125], axis=2)
    return np.stack([step * (1 + 0.25 * t) for t in range(steps)])


def plain_track(start, flow, visible=None):
    """One point at a time with Python floats: the referee."""
    height, width = flow.shape[1:3]
    path = [tuple(map(float, start))]
    for t in range(len(flow)):
        x, y = path[-1]
        row, column = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
        if visible is not None and not visible[t, row, column]:
            break
        cx, cy = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        left, top = int(cx), int(cy)
        right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
        a, b = cx - left, cy - top
        moved = []
        for axis in range(2):
            upper = (1 - a) * flow[t, top, left, axis] + a * flow[t, top, right, axis]
            lower = (1 - a) * flow[t, bottom, left, axis] + a * flow[t, bottom, right, axis]
            moved.append((1 - b) * upper + b * lower)
        x, y = x + moved[0], y + moved[1]
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
            break
        path.append((x, y))
    return path


def test_tracks_equal_the_slow_referee():
    flow, visible = swirl(), rng(1).random((6, 24, 32)) > 0.1
    for seen in (None, visible):
        tracks = simulate_tracks(flow, rng=rng(3), count=200, visible=seen)
        assert len(tracks) == 200
        for path, frames in zip(tracks.paths, tracks.frames, strict=True):
            expected = plain_track(path[0], flow, seen)
            assert np.allclose(path, expected, rtol=0, atol=1e-12)
            assert frames.tolist() == list(range(len(expected)))


def test_tracks_are_nested_and_pinned():
    tracks = simulate_tracks(swirl(), rng=rng(7), count=40)
    assert simulate_tracks(swirl(), rng=rng(7), count=13) == tracks.take(13)
    assert [path[0].tolist() for path in tracks.paths[:4]] == PINNED_STARTS
    assert hashlib.sha256(np.concatenate(tracks.paths).tobytes()).hexdigest()[:16] == PINNED_DIGEST


def test_a_track_ends_at_the_border():
    flow = np.zeros((8, 5, 9, 2))
    flow[..., 0] = 2
    inside = np.zeros((5, 9), bool)
    inside[2, 3] = True
    tracks = simulate_tracks(flow, rng=rng(), count=5, inside=inside)
    assert len(tracks) == 1
    assert tracks.paths[0].tolist() == [[3, 2], [5, 2], [7, 2]]
    assert tracks.num_frames == 9


def test_stride_leaves_frames_out():
    whole = simulate_tracks(swirl(), rng=rng(), count=20)
    some = simulate_tracks(swirl(), rng=rng(), count=20, stride=3)
    for path, frames, kept, numbers in zip(whole.paths, whole.frames, some.paths, some.frames, strict=True):
        chosen = frames % 3 == 0
        assert kept.tolist() == path[chosen].tolist()
        assert numbers.tolist() == frames[chosen].tolist()


def test_moving_starts_on_the_fast_pixels():
    flow = np.zeros((2, 20, 20, 2))
    flow[:, 5:10, 5:10] = 1
    tracks = simulate_tracks(flow, rng=rng(), count=25, moving=1 - 25 / 400)
    assert all(((path[0] >= 5) & (path[0] < 10)).all() for path in tracks.paths)
    assert len(simulate_tracks(flow, rng=rng(), count=10**9, moving=1.0)) == 400


def test_unknown_flow_ends_a_track_and_nothing_else():
    flow = np.zeros((3, 4, 6, 2), np.float32)
    flow[1, 1, 2] = np.nan
    flow[0, 3, 3] = np.inf
    flow[0, 0, 0] = 1e30
    tracks = simulate_tracks(flow, rng=rng(), count=24)
    lengths = {tuple(path[0].astype(int).tolist()): len(path) for path in tracks.paths}
    assert (lengths[2, 1], lengths[3, 3], lengths[0, 0]) == (2, 1, 1)
    assert sum(lengths.values()) == 21 * 4 + 4


def test_forward_backward_consistency_finds_what_is_hidden():
    forward, backward = np.zeros((2, 1, 10, 30, 2))
    forward[..., 5:10, 0], backward[..., 13:18, 0] = 8, -8
    visible = visible_by_consistency(forward, backward)
    assert visible[0, 5, 5:10].all()
    assert visible[0, 5, 20:].all()
    assert not visible[0, 5, 13:18].any(), "the object comes to lie over these"
    forward[..., 5:10, 0] = np.nan
    assert not visible_by_consistency(forward, backward)[0, 5, 5:10].any()
    with pytest.raises(AnnotationError, match="backward: has shape"):
        visible_by_consistency(forward, backward[:, :5])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"flow": np.zeros((4, 5, 2))}, r"flow: expected numbers of shape"),
        ({"flow": np.full((1, 2, 2, 2), "a")}, "flow"),
        ({"flow": np.zeros((0, 4, 4, 2))}, "flow"),
        ({"count": -1}, "count"),
        ({"stride": 0}, "stride"),
        ({"moving": 2}, "moving"),
        ({"visible": np.ones((6, 24, 31), bool)}, "visible: expected true/false"),
        ({"inside": np.full((24, 32), 0.5)}, "inside"),
        ({"rng": None}, "rng"),
    ],
)
def test_tracks_refuse(option, message):
    with pytest.raises(AnnotationError, match=message):
        simulate_tracks(**({"flow": swirl(), "rng": rng()} | option))


def flo(array: np.ndarray) -> bytes:
    height, width = array.shape[:2]
    return b"PIEH" + struct.pack("<ii", width, height) + array.astype("<f4").tobytes()


def test_flow_files_come_back(tmp_path):
    flow = swirl(3).astype(np.float32)
    np.save(tmp_path / "a.npy", flow)
    np.savez(tmp_path / "a.npz", flow=flow)
    steps = tmp_path / "steps"
    steps.mkdir()
    for index, step in enumerate(flow):
        (steps / f"{index:03}.flo").write_bytes(flo(step))
    for name in ("a.npy", "a.npz", "steps"):
        assert np.array_equal(read_flow(tmp_path / name), flow)
    assert read_flow(steps / "001.flo").shape == (1, 24, 32, 2)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.flo", b"PIEH" + struct.pack("<ii", 4, 4) + b"\0" * 10, "22 bytes, 140 are expected"),
        ("a.flo", b"PIEH" + struct.pack("<ii", -1, 4), "width"),
        ("a.flo", b"nonsense and more", "PIEH"),
        ("a.npy", b"\x93NUMPY junk", "not a whole .npy"),
        ("a.npy", b"\x80\x04]\x94.", "not a whole .npy"),
        ("a.npz", b"PK junk", "archive"),
        ("a.png", b"x", "flow is read from"),
        ("a.flo", b"", "empty"),
    ],
)
def test_broken_flow_files_are_named(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(AnnotationError, match=f"{name}: .*{message}"):
        read_flow(path)


def test_steps_of_one_video_have_one_size(tmp_path):
    (tmp_path / "0.flo").write_bytes(flo(np.zeros((3, 4, 2))))
    (tmp_path / "1.flo").write_bytes(flo(np.zeros((4, 4, 2))))
    with pytest.raises(AnnotationError, match=r"1.flo: 4 x 4 pixels, 0.flo has 4 x 3"):
        read_flow(tmp_path)
    np.savez(tmp_path / "b.npz", a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(AnnotationError, match="expected one array, the flow, got a, b"):
        read_flow(tmp_path / "b.npz")
