"""An event camera in the computer: ESIM's brightness crossings with the noise of v2e.

Rebecq et al., "ESIM: an open event camera simulator" (CoRL 2018): every pixel remembers the log brightness of its last
event and fires when it has changed by a threshold; between two frames the log brightness is a straight line. Hu et al.,
"v2e: from video frames to realistic DVS events" (CVPRW 2021): thresholds differ between pixels, the photoreceptor is
slow in the dark, the memory leaks, and pixels fire at random.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError
from sparsevision.utils.compiled import compiled

WHITE = 255.0  # v2e counts brightness in DN, 0 to 255
DARK_OFFSET, BRIGHT_SPAN = 20.0, 275.0  # I01 = (DN + 20) / 275: brightness for the noise terms
SHOT_SLOPE = 0.25 - 1.0  # bright pixels have a quarter of the shot noise of dark ones
SMALLEST_THRESHOLD = 0.01
SMALLEST_CHANGE = 1e-6  # of log brightness between two frames; less counts as none


@dataclass(frozen=True)
class EventCameraSettings:
    """What the simulated pixels are like.

    Attributes:
        contrast_on, contrast_off: mean thresholds of brighter and darker events, in log brightness.
        threshold_spread: standard deviation of the thresholds over the pixels.
        linear_below: brightness in DN (0 to 255) below which the response is linear instead of logarithmic; 0 for
            ESIM's ln(I + log_offset), I in [0, 1].
        log_offset: see there.
        cutoff_hz: bandwidth of a pixel in full light, in proportion less in the dark; 0 for unlimited.
        leak_hz: events that the leak alone would cause per second.
        leak_jitter: relative noise of the leak from frame to frame.
        leak_spread: standard deviation of the leak rate over the pixels, in decades.
        shot_hz: random events per second of a dark pixel, of both signs together.
        refractory_us: microseconds after an event in which the pixel stays silent.
    """

    contrast_on: float = 0.2
    contrast_off: float = 0.2
    threshold_spread: float = 0.03
    linear_below: float = 20.0
    log_offset: float = 1e-3
    cutoff_hz: float = 0.0
    leak_hz: float = 0.1
    leak_jitter: float = 0.1
    leak_spread: float = 0.1
    shot_hz: float = 0.0
    refractory_us: float = 0.0

    def __post_init__(self) -> None:
        negative = [name for name, value in vars(self).items() if not value >= 0]
        if negative or min(self.contrast_on, self.contrast_off) < SMALLEST_THRESHOLD or not self.log_offset > 0:
            raise UserError(
                f"An event camera needs thresholds of at least {SMALLEST_THRESHOLD}, log_offset > 0 and no negative "
                f"value; got {self}."
            )


PRESETS = {
    "clean": EventCameraSettings(threshold_spread=0.02, leak_hz=0.0, linear_below=0.0),
    "published": EventCameraSettings(),
    "noisy": EventCameraSettings(threshold_spread=0.05, cutoff_hz=30.0, shot_hz=5.0),
}


class EventSimulator:
    """Turns a video into events, frame by frame.

    All randomness comes from `rng`, as whole arrays per frame, so that the same generator gives the same events on any
    number of threads.

    Args:
        size: (height, width) of the frames in pixels.
        settings: see `EventCameraSettings`; ready ones are in `PRESETS`.
        rng: source of randomness.
    """

    def __init__(self, size: tuple[int, int], *, settings: EventCameraSettings, rng: np.random.Generator) -> None:
        self.size = size
        self.settings = settings
        self.rng = rng
        self.on = self._thresholds(settings.contrast_on)
        self.off = self._thresholds(settings.contrast_off)
        spread = rng.standard_normal(size) if settings.leak_spread else np.zeros(size)
        self.leak_rates = settings.leak_hz * 10 ** (settings.leak_spread * spread)
        self.level: NDArray | None = None  # log brightness of the last frame, after the low pass
        self.memory = np.zeros(size)  # log brightness at each pixel's last event
        self.last_event = np.full(size, -np.inf)  # microseconds
        self.time_us = 0

    def push(self, frame: NDArray, time_us: int) -> Events:
        """The events between the frame before and this one, in the order of time (pixels row by row where it is equal).

        Args:
            frame: brightness (height, width) in [0, 1].
            time_us: its time in whole microseconds.

        Returns:
            `Events` with integer places and times in [time of the frame before, time_us]; none for the first frame.

        Raises:
            UserError: another size, values outside [0, 1], or a time that is not later than the frame before.
        """
        frame = np.asarray(frame, dtype=np.float64)
        self._check(frame, time_us)
        target = self._log_brightness(frame)
        if self.level is None:
            self.level, self.memory, self.time_us = target, target.copy(), time_us
            return _as_events(np.empty(0), np.empty(0, np.int64), np.empty(0, bool), self.size)
        seconds = (time_us - self.time_us) * 1e-6
        brightness = (frame * WHITE + DARK_OFFSET) / BRIGHT_SPAN
        level = self._low_pass(target, brightness, seconds)
        leak = self._leak(seconds)
        found = self._fire(level, leak, self._shots(brightness, seconds), time_us)
        self.level, self.time_us = level, time_us
        return _as_events(*found, self.size)

    def _thresholds(self, mean: float) -> NDArray:
        drawn = self.rng.normal(mean, self.settings.threshold_spread, self.size)
        return np.maximum(drawn, SMALLEST_THRESHOLD)

    def _check(self, frame: NDArray, time_us: int) -> None:
        if frame.shape != tuple(self.size):
            raise UserError(f"Expected frames of {self.size} (height, width) pixels, got {frame.shape}.")
        if not (frame.min() >= 0 and frame.max() <= 1):
            raise UserError(
                f"Expected brightness in [0, 1], got {frame.min():.4g} to {frame.max():.4g}; divide by 255?"
            )
        if self.level is not None and time_us <= self.time_us:
            raise UserError(f"Frames must come in the order of time: {time_us} us after {self.time_us} us.")

    def _log_brightness(self, frame: NDArray) -> NDArray:
        border = self.settings.linear_below
        if border == 0:
            return np.log(frame + self.settings.log_offset)
        digital = frame * WHITE
        return np.where(digital <= border, digital * (math.log(border) / border), np.log(np.maximum(digital, border)))

    def _low_pass(self, target: NDArray, brightness: NDArray, seconds: float) -> NDArray:
        """First order, time constant 1 / (2 pi cutoff), faster in proportion to the brightness."""
        if self.settings.cutoff_hz == 0:
            return target
        share = np.minimum(brightness * (seconds * 2 * math.pi * self.settings.cutoff_hz), 1.0)
        return self.level + share * (target - self.level)

    def _leak(self, seconds: float) -> NDArray:
        """How far each pixel's memory sinks until this frame."""
        if self.settings.leak_hz == 0:
            return np.zeros(self.size)
        noise = 1 - self.settings.leak_jitter * self.rng.standard_normal(self.size)
        return seconds * self.leak_rates * self.settings.contrast_on * noise

    def _shots(self, brightness: NDArray, seconds: float) -> NDArray:
        """For each pixel when in the interval it fires at random: +share for brighter, -share for darker, 0 for not.

        The share of the interval is in (0, 1]. One uniform number decides whether, which and when.
        """
        if self.settings.shot_hz == 0:
            return np.zeros(self.size)
        chance = self.settings.shot_hz / 2 * seconds * (SHOT_SLOPE * brightness + 1)
        brighter = np.minimum(chance * (self.settings.contrast_on / self.on), 0.5)
        darker = np.minimum(chance * (self.settings.contrast_off / self.off), 0.5)
        drawn = 1 - self.rng.random(self.size)  # in (0, 1]
        rest = drawn - brighter
        return np.select([rest <= 0, rest <= darker], [drawn / brighter, -rest / darker], 0.0)

    def _fire(self, level: NDArray, leak: NDArray, shots: NDArray, time_us: int) -> tuple[NDArray, NDArray, NDArray]:
        """Times, flat pixel numbers and signs of the interval's events in the order of pixels; renews the memories."""
        steepest = np.abs(level - self.level + leak) / np.minimum(self.on, self.off)
        capacity = int(np.floor(steepest).sum()) + 4 * level.size
        times, pixels, signs = np.empty(capacity), np.empty(capacity, np.int64), np.empty(capacity, np.bool_)
        count = _cross(
            self.level.ravel(), level.ravel(), leak.ravel(), shots.ravel(), self.on.ravel(), self.off.ravel(),
            self.memory.ravel(), self.last_event.ravel(), float(self.time_us), float(time_us),
            self.settings.refractory_us, times, pixels, signs,
        )  # fmt: skip
        return times[:count], pixels[:count], signs[:count]


def _as_events(times: NDArray, pixels: NDArray, signs: NDArray, size: tuple[int, int]) -> Events:
    whole = times.astype(np.int64)
    order = np.argsort(whole, kind="stable")
    y, x = np.divmod(pixels[order], size[1])
    return Events(x.astype(np.uint16), y.astype(np.uint16), whole[order], signs[order].astype(np.uint8), size)


@compiled(extra="event")
def _cross(start, stop, leak, shots, on, off, memory, last_event, t0, t1, refractory, times, pixels, signs):
    """The events of every pixel in [t0, t1]; changes memory and last_event, fills times, pixels and signs.

    The leak is spread evenly over the interval: the pixel sees its brightness rise by `leak` against its memory.
    """
    kept = (last_event, refractory, times, pixels, signs)
    count = 0
    for pixel in range(len(start)):
        begin, now, up, down = start[pixel], t0, on[pixel], off[pixel]
        end = stop[pixel] + leak[pixel]
        share = abs(shots[pixel])
        if share > 0:
            middle, then = begin + share * (end - begin), t0 + share * (t1 - t0)
            count, _ = _sweep(begin, middle, now, then, memory[pixel], up, down, pixel, kept, count)
            count = _emit(then, pixel, shots[pixel] > 0, kept, count)
            begin, now, memory[pixel] = middle, then, middle
        count, memory[pixel] = _sweep(begin, end, now, t1, memory[pixel], up, down, pixel, kept, count)
        memory[pixel] -= leak[pixel]
    return count


@compiled(extra="event")
def _sweep(begin, end, t0, t1, memory, up, down, pixel, kept, count):
    """Crossings while a pixel's log brightness runs straight from begin (t0) to end (t1); new count and memory."""
    change = end - begin
    if abs(change) < SMALLEST_CHANGE:
        return count, memory
    brighter = change > 0
    reached = memory + (up if brighter else -down)
    while (brighter and reached <= end) or (not brighter and end <= reached):
        memory = reached
        now = t0 + max((reached - begin) / change, 0.0) * (t1 - t0)  # below 0: overdue by rounding
        count = _emit(now, pixel, brighter, kept, count)
        reached += up if brighter else -down
    return count, memory


@compiled(extra="event")
def _emit(now, pixel, brighter, kept, count):
    """Write an event unless the pixel is still silent from the last one."""
    last_event, refractory, times, pixels, signs = kept
    if now - last_event[pixel] < refractory:
        return count
    last_event[pixel] = now
    times[count], pixels[count], signs[count] = now, pixel, brighter
    return count + 1
