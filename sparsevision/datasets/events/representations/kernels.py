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
    beside, row, plane = np.uint64(1), np.uint64(width), np.uint64(height * width)
    start = t[first]
    duration = np.float32(abs(t[first + step * (count - 1)] - start))
    if duration == zero:
        duration = one
    for number in range(count):
        index = np.uint64(first + step * number)  # unsigned, because signed ones are checked for counting from the end
        if rectify_map.shape[0] == 0:  # `placed`, written out because a call of it takes half of the time
            px, py = np.float32(x[index]), np.float32(y[index])
        else:
            old_column, old_row = int(x[index]), int(y[index])
            px, py = rectify_map[old_row, old_column, 0], rectify_map[old_row, old_column, 1]
        if not (outside < px < right_edge and outside < py < lower_edge):
            continue
        tau = last_bin * (np.float32(abs(t[index] - start)) / duration)
        x0, y0, b0 = np.int32(px), np.int32(py), np.int32(tau)
        fx, fy, fb = np.float32(x0), np.float32(y0), np.float32(b0)
        if to_floor and px < fx:
            x0, fx = np.int32(x0 - 1), fx - one
        if to_floor and py < fy:
            y0, fy = np.int32(y0 - 1), fy - one
        positive = (p[index] != 0) == (step > 0)
        value = one if positive or separate else -one
        left, right = one - abs(fx - px), one - abs(fx + one - px)
        upper, lower = one - abs(fy - py), one - abs(fy + one - py)
        early, late = value * (one - abs(fb - tau)), value * (one - abs(fb + one - tau))
        channel = b0 + (0 if positive or not separate else bins)
        column = np.int64(x0)
        if flip:
            column = width - 2 - column
            left, right = right, left
        if column < 0 or column + 1 >= width or y0 < 0 or y0 + 1 >= height or b0 + 1 >= bins:
            taps_at_edge(out, channel, y0, column, early, late, upper, lower, left, right, b0 + 1 < bins)
            continue
        at = np.uint64((channel * height + y0) * width + column)
        cells[at] += early * left * upper
        cells[at + beside] += early * right * upper
        cells[at + row] += early * left * lower
        cells[at + row + beside] += early * right * lower
        at += plane
        cells[at] += late * left * upper
        cells[at + beside] += late * right * upper
        cells[at + row] += late * left * lower
        cells[at + row + beside] += late * right * lower


@compiled(extra="event")
def taps_at_edge(out, channel, row, column, early, late, upper, lower, left, right, has_late):
    """Those of the eight taps that lie inside of `out`; row, column: of the upper left one."""
    _, height, width = out.shape
    for later in range(2 if has_late else 1):
        weight = late if later else early
        for down in range(2):
            for across in range(2):
                if 0 <= column + across < width and 0 <= row + down < height:
                    tap = weight * (right if across else left) * (lower if down else upper)
                    out[channel + later, row + down, column + across] += tap


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
