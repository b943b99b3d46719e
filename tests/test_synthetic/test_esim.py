"""The event camera against a slow referee, against what can be computed by hand, and its noise against its rates."""

from dataclasses import replace

import numpy as np
import pytest

from sparsevision.synthetic.esim import PRESETS, EventCameraSettings, EventSimulator
from sparsevision.utils import UserError

pytest.importorskip("numba")
EXACT = EventCameraSettings(threshold_spread=0.0, linear_below=0.0, leak_hz=0.0)
SIZE = (6, 7)


def run(frames, settings, *, step=4000, seed=0):
    simulator = EventSimulator(frames[0].shape, settings=settings, rng=np.random.default_rng(seed))
    pieces = [simulator.push(frame, number * step) for number, frame in enumerate(frames)]
    return simulator, [np.concatenate([getattr(piece, name) for piece in pieces]) for name in "xytp"]


def referee(frames, simulator, *, step, refractory):
    """ESIM's rule pixel by pixel, for sharp thresholds and no noise."""
    logs = np.log(np.asarray(frames, dtype=np.float64) + simulator.settings.log_offset)
    found = []
    for y, x in np.ndindex(*simulator.size):
        memory, last = logs[0, y, x], None
        for number in range(1, len(logs)):
            begin, end = logs[number - 1, y, x], logs[number, y, x]
            sign = 1 if end > begin else -1
            threshold = simulator.on[y, x] if sign > 0 else simulator.off[y, x]
            while abs(end - begin) >= 1e-6 and sign * (end - memory) >= threshold:
                memory += sign * threshold
                time = (number - 1) * step + (memory - begin) / (end - begin) * step
                if last is None or time - last >= refractory:
                    found.append((int(time), y, x, int(sign > 0)))
                    last = time
    return sorted(found)


@pytest.mark.parametrize("refractory", [0.0, 900.0])
def test_referee_pixel_by_pixel(refractory):
    frames = np.random.default_rng(1).random((12, *SIZE))
    settings = replace(EXACT, threshold_spread=0.05, refractory_us=refractory)
    simulator, (x, y, t, p) = run(frames, settings)
    assert sorted(zip(t.tolist(), y.tolist(), x.tolist(), p.tolist(), strict=True)) == referee(
        frames, simulator, step=4000, refractory=refractory
    )
    assert len(t) > 200
    assert (np.diff(t) >= 0).all()


def test_a_ramp_gives_the_known_count_and_times():
    ramp = np.linspace(np.log(0.1), np.log(0.1) + 1.05, 11)  # of ln(I + offset), 10 frames of 10 ms
    frames = [np.full((1, 1), np.exp(level) - EXACT.log_offset) for level in ramp]
    _, (_, _, t, p) = run(frames, EXACT, step=10_000)
    expected = [threshold / 1.05 * 100_000 for threshold in (0.2, 0.4, 0.6, 0.8, 1.0)]
    assert np.allclose(t, expected, atol=1.5)
    assert (p == 1).all()
    _, (_, _, t, p) = run(frames[::-1], EXACT, step=10_000)
    assert len(t) == 5
    assert (p == 0).all()


def test_leak_fires_at_its_rate():
    settings = replace(EXACT, leak_hz=20.0, leak_jitter=0.1)
    _, (_, _, _, p) = run([np.full((20, 20), 0.5)] * 251, replace(settings, leak_spread=0.0))
    assert (p == 1).all()
    assert len(p) == pytest.approx(20 * 400, rel=0.06)


def test_shot_noise_has_the_rate_of_v2e_and_both_signs():
    settings = replace(EXACT, shot_hz=50.0)
    for brightness in (0.0, 0.8):
        _, (_, _, t, p) = run([np.full((20, 20), brightness)] * 251, settings)
        expected = 50 * (1 - 0.75 * (brightness * 255 + 20) / 275) * 400
        assert len(t) == pytest.approx(expected, rel=0.06)
        assert p.mean() == pytest.approx(0.5, abs=0.05)
        assert len(np.unique(t % 4000)) > 1000  # spread over the interval


def test_dark_pixels_are_slow():
    frames = [np.full((1, 2), 0.3), *[np.array([[0.9, 0.9]])] * 3]
    slow, _ = run(frames, replace(EXACT, cutoff_hz=5.0))
    assert (slow.level < np.log(0.9)).all()


def test_same_seed_same_events_whatever_the_threads():
    numba = pytest.importorskip("numba")
    frames = np.random.default_rng(2).random((8, *SIZE))
    threads = numba.get_num_threads()
    _, one = run(frames, PRESETS["noisy"], seed=5)
    numba.set_num_threads(1)
    try:
        _, two = run(frames, PRESETS["noisy"], seed=5)
    finally:
        numba.set_num_threads(threads)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    _, other = run(frames, PRESETS["noisy"], seed=6)
    assert len(other[2]) != len(one[2]) or not np.array_equal(other[2], one[2])


def test_errors_say_what_is_wrong():
    simulator = EventSimulator((2, 3), settings=EXACT, rng=np.random.default_rng(0))
    with pytest.raises(UserError, match=r"\(2, 3\).*got \(3, 2\)"):
        simulator.push(np.zeros((3, 2)), 0)
    with pytest.raises(UserError, match="divide by 255"):
        simulator.push(np.full((2, 3), 128.0), 0)
    simulator.push(np.zeros((2, 3)), 10)
    with pytest.raises(UserError, match="order of time"):
        simulator.push(np.zeros((2, 3)), 10)
    with pytest.raises(UserError, match="thresholds of at least"):
        EventCameraSettings(contrast_on=0.0)
