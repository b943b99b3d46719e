"""Compiled passes that turn one group of events into one grid. Their callers check the input; see `grids.py`.

Every pass reads `count` > 0 events of x, y (N,) uint16 or float32, t (N,) int64 and p (N,) uint8 from index `first` on,
with `step` 1 forward or -1 backward in time (polarities then count as swapped), moves them by `rectify_map` (H, W, 2)
float32 unless that is empty, and adds them to `out` (channels, height, width) float32, zero at the start, of which it
fills fewer rows or columns than the sensor has where `out` is smaller. `flip` mirrors the columns of `out`.
"""

import math

import numpy as np

from sparsevision.utils.compiled import compiled


@compiled(extra="event")
def first_disorder(t):
    """Index of the first event that is earlier than the one before it; -1 if there is none."""
    for index in range(1, len(t)):
        if t[index] < t[index - 1]:
            return index
    return -1


@compiled(extra="event")
def placed(x, y, rectify_map, index):
    """Column and row of an event, float32."""
    if rectify_map.shape[0] == 0:
        return np.float32(x[index]), np.float32(y[index])
    column, row = int(x[index]), int(y[index])
    return rectify_map[row, column, 0], rectify_map[row, column, 1]


@compiled(extra="event")
def trilinear(out, x, y, t, p, rectify_map, first, count, step, flip, separate, to_floor):
    """Eight taps an event, see `trilinear_voxel_grid`. The order of float32 operations is the published one."""
    channels, height, width = out.shape
    bins = channels // 2 if separate else channels
    cells = out.reshape(-1)
    zero, one, outside = np.float32(0), np.float32(1), np.float32(-2)
    last_bin, right_edge, lower_edge = np.float32(bins - 1), np.float32(width), np.float32(height)
    row, plane, side = np.uint64(width), np.uint64(height * width), np.uint64(1) if not flip else np.uint64(2**64 - 1)
    start = t[first]
    duration = np.float32(abs(t[first + step * (count - 1)] - start))
    if duration == zero:
        duration = one
    for index in range(first, first + step * count, step):
        px, py = placed(x, y, rectify_map, index)
        if not (outside < px < right_edge and outside < py < lower_edge):
            continue
        tau = last_bin * (np.float32(abs(t[index] - start)) / duration)
        x0, y0, b0 = int(px), int(py), int(tau)
        if to_floor:
            x0, y0 = x0 - (px < np.float32(x0)), y0 - (py < np.float32(y0))
        positive = (p[index] != 0) == (step > 0)
        value = one if positive or separate else -one
        left, right = one - abs(np.float32(x0) - px), one - abs(np.float32(x0 + 1) - px)
        upper, lower = one - abs(np.float32(y0) - py), one - abs(np.float32(y0 + 1) - py)
        early, late = value * (one - abs(np.float32(b0) - tau)), value * (one - abs(np.float32(b0 + 1) - tau))
        channel = b0 + (0 if positive or not separate else bins)
        column = width - 1 - x0 if flip else x0
        inside = x0 >= 0 and x0 + 1 < width and y0 >= 0 and y0 + 1 < height
        if inside and b0 + 1 < bins:
            at = np.uint64((channel * height + y0) * width + column)
            cells[at] += early * left * upper
            cells[at + side] += early * right * upper
            cells[at + row] += early * left * lower
            cells[at + row + side] += early * right * lower
            at += plane
            cells[at] += late * left * upper
            cells[at + side] += late * right * upper
            cells[at + row] += late * left * lower
            cells[at + row + side] += late * right * lower
            continue
        for later in range(2 if b0 + 1 < bins else 1):
            weight = late if later else early
            for down in range(2):
                for across in range(2):
                    if 0 <= x0 + across < width and 0 <= y0 + down < height:
                        tap = weight * (right if across else left) * (lower if down else upper)
                        out[channel + later, y0 + down, column - across if flip else column + across] += tap


@compiled(extra="event")
def nearest(x, y, rectify_map, index, height, width, flip):
    """Row and column of the pixel whose centre is nearest to an event; (-1, -1) outside."""
    px, py = placed(x, y, rectify_map, index)
    px, py = px + np.float32(0.5), py + np.float32(0.5)
    if not (np.float32(0) <= px < np.float32(width) and np.float32(0) <= py < np.float32(height)):
        return -1, -1
    return int(py), width - 1 - int(px) if flip else int(px)


@compiled(extra="event")
def temporal(out, x, y, t, p, rectify_map, first, count, step, flip, separate):
    """Two taps an event, see `temporal_voxel_grid`."""
    channels, height, width = out.shape
    bins = channels // 2 if separate else channels
    start = t[first]
    duration = np.float64(abs(t[first + step * (count - 1)] - start))
    if duration == 0:
        duration = 1.0
    for index in range(first, first + step * count, step):
        row, column = nearest(x, y, rectify_map, index, height, width, flip)
        if row < 0:
            continue
        tau = (bins - 1) * abs(t[index] - start) / duration
        early = int(tau)
        positive = (p[index] != 0) == (step > 0)
        value = 1.0 if positive or separate else -1.0
        channel = early + (0 if positive or not separate else bins)
        out[channel, row, column] += np.float32(value * (1 - (tau - early)))
        if early + 1 < bins:
            out[channel + 1, row, column] += np.float32(value * (tau - early))


@compiled(extra="event")
def histogram(out, x, y, t, p, rectify_map, first, count, step, flip):
    """Counts, see `event_histogram`."""
    _, height, width = out.shape
    for index in range(first, first + step * count, step):
        row, column = nearest(x, y, rectify_map, index, height, width, flip)
        if row >= 0:
            out[int((p[index] != 0) == (step > 0)), row, column] += np.float32(1)


@compiled(extra="event")
def surface(out, x, y, t, p, rectify_map, first, count, step, flip, decay):
    """Decayed age of the newest event, see `time_surface`."""
    _, height, width = out.shape
    end = t[first + step * (count - 1)]
    for index in range(first, first + step * count, step):
        row, column = nearest(x, y, rectify_map, index, height, width, flip)
        if row >= 0:
            out[int((p[index] != 0) == (step > 0)), row, column] = math.exp(-abs(end - t[index]) / decay)


@compiled(extra="event")
def moments(out, x, y, t, p, rectify_map, first, count, step, flip):
    """Count, mean and standard deviation of time, see `ev_segnet_image`; updated event by event (Welford)."""
    _, height, width = out.shape
    start = t[first]
    duration = max(np.float64(abs(t[first + step * (count - 1)] - start)), 1.0)
    for index in range(first, first + step * count, step):
        row, column = nearest(x, y, rectify_map, index, height, width, flip)
        if row < 0:
            continue
        time = np.float32(abs(t[index] - start) / duration)
        polarity = int((p[index] != 0) == (step > 0))
        out[polarity, row, column] += np.float32(1)
        before = time - out[2 + polarity, row, column]
        out[2 + polarity, row, column] += before / out[polarity, row, column]
        out[4 + polarity, row, column] += before * (time - out[2 + polarity, row, column])
    for polarity in range(2):
        for row in range(height):
            for column in range(width):
                others = max(out[polarity, row, column] - np.float32(1), np.float32(1))
                out[4 + polarity, row, column] = math.sqrt(out[4 + polarity, row, column] / others)
