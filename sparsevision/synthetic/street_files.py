"""Files of street recordings, each in the layout in which the real data set is published."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.dsec_classes import CLASSES_11, CLASSES_19
from sparsevision.datasets.events.formats.dsec_writer import write_ddd17_events, write_dsec_events, write_rectify_map
from sparsevision.datasets.events.points import simulate_point_folder
from sparsevision.datasets.image_io import write_png
from sparsevision.synthetic.street_recording import StreetRecording
from sparsevision.utils import atomic_write

CLICKS = (1, 10)  # per class, each in a folder of its own
TO_TRAIN_ID = np.array([10, 2, 4, 11, 5, 0, 1, 8, 13, 3, 7], np.uint8)  # of the 11 classes: Cityscapes' 19
TO_DDD17 = np.array(
    [1, 1, 1, 4, 2, 0, 0, 3, 5, 1, 2], np.uint8
)  # flat, construction+sky, object, nature, human, vehicle
DDD17_CLASSES = 6
NIGHT_TEST_EVERY = 3  # every third labelled moment is for testing
INDEX_MS = (10, 50, 250)
NANOSECONDS = 1000  # in a microsecond


def write_day(home: Path, recording: StreetRecording, rectify_map: NDArray, *, clock: int, seed: int) -> None:
    """A sequence of DSEC-Semantic, with clicks beside the labels.

    Args:
        home: the sequence's folder; its name is the sequence's.
        recording: labels in the 11 classes, without the lowest rows.
        rectify_map: see `StreetCamera`.
        clock: absolute time in microseconds at which the recording begins.
        seed: of the clicks.
    """
    _write_dsec(home, recording, rectify_map, clock)
    times = recording.times[recording.labelled] + clock
    _write_lines(home / f"{home.name}_semantic_timestamps.txt", times)
    _write_labels(home / "11classes", recording.labels, "{:06d}.png", range(len(recording.labels)))
    for clicks in CLICKS:
        _click(home, "11classes", f"11classes_weak_{clicks}point_per_class", clicks, len(CLASSES_11), seed)


def write_night(home: Path, recording: StreetRecording, rectify_map: NDArray, *, clock: int, seed: int) -> None:
    """A sequence of DSEC Night-Point: labels/ with one click a class, labels_test/ with dense labels of other moments.

    Beside the published folders there are labels_dense/, the truth of the training moments, and
    labels_weak_10point_per_class/. Ids are Cityscapes' trainIds. The arguments are those of `write_day`, but labels
    have the whole sensor's height.
    """
    _write_dsec(home, recording, rectify_map, clock)
    _write_lines(home / "timestamps.txt", recording.times + clock)
    labels = TO_TRAIN_ID[recording.labels]
    testing = np.arange(len(labels)) % NIGHT_TEST_EVERY == NIGHT_TEST_EVERY - 1
    test_name = home.name + "_{:06d}_grey_gtFine_labelTrainIds.png"
    _write_labels(home / "labels_test", labels[testing], test_name, recording.labelled[testing])
    _write_labels(home / "labels_dense", labels[~testing], "{:06d}.png", recording.labelled[~testing])
    for clicks, folder in zip(CLICKS, ("labels", "labels_weak_10point_per_class"), strict=True):
        _click(home, "labels_dense", folder, clicks, len(CLASSES_19), seed)


def write_ddd17(home: Path, recording: StreetRecording, rectify_map: NDArray, *, clock: int, seed: int) -> None:
    """A sequence of DDD17-Seg: events as raw arrays, an index of all images, masks in six classes for some of them.

    The arguments are those of `write_day`; labels show the upper rows, and there is no rectify map.
    """
    del rectify_map  # labels and events of DDD17 share the raw frame
    events = replace(recording.events, t=recording.events.t + clock)
    write_ddd17_events(home, events)
    times = recording.times + clock
    for span in INDEX_MS:
        rows = [times * NANOSECONDS, _last_before(events.t, times), _last_before(events.t, times - 1000 * span)]
        _write_array(home / f"index/index_{span}ms.npy", np.stack(rows, axis=1))
    _write_labels(home / "imgs", recording.images, "img_{:08d}.png", range(1, len(times) + 1))
    names = "segmentation_{:08d}.png"
    _write_labels(home / "segmentation_masks", TO_DDD17[recording.labels], names, recording.labelled + 1)
    for clicks in CLICKS:
        _click(home, "segmentation_masks", f"weak_{clicks}point_per_class", clicks, DDD17_CLASSES, seed)


def _write_dsec(home: Path, recording: StreetRecording, rectify_map: NDArray, clock: int) -> None:
    events = replace(recording.events, t=recording.events.t + clock)
    write_dsec_events(home / "events/left/events.h5", events, t_offset=clock)
    write_rectify_map(home / "events/left/rectify_map.h5", rectify_map)


def _write_labels(folder: Path, maps: NDArray, name: str, numbers) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, labels in zip(numbers, maps, strict=True):
        write_png(folder / name.format(number), labels)


def _click(home: Path, dense: str, folder: str, clicks: int, classes: int, seed: int) -> None:
    key = f"street/{home.name}"
    simulate_point_folder(home / dense, home / folder, per_class=clicks, seed=seed, key=key, classes=range(classes))


def _last_before(events: NDArray, times: NDArray) -> NDArray:
    """Number of the last event before each time, 0 if there is none."""
    return np.maximum(np.searchsorted(events, times) - 1, 0)


def _write_lines(path: Path, values: NDArray) -> None:
    with atomic_write(path) as stream:
        stream.write("".join(f"{value}\n" for value in values).encode())


def _write_array(path: Path, array: NDArray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array.astype(np.int64))
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())
