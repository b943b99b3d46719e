"""Segment an event recording with a trained network, and write a video of it.

Each frame shows the events, the prediction and, where given, clicks and ground truth, above a legend of the classes.
Every moment is segmented anew from the events before it; with --stream the network goes through the recording once, one
grid of events a step, keeps its memory, and a frame shows the newest answer.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from sparsevision.apis import EventSegInferencer, EventSegResult
from sparsevision.apis.event_settings import EventSettings
from sparsevision.apis.events import OpenedRecording
from sparsevision.datasets.events.dsec_classes import identity
from sparsevision.datasets.events.layouts import read_times, timed_labels
from sparsevision.datasets.image_io import read_class_map, write_png
from sparsevision.datasets.transforms.event_labels import crop_rows, map_ids
from sparsevision.engine import plain_warnings, run_tool
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser
from sparsevision.visualization import draw_event_frame, draw_events, write_video
from sparsevision.visualization.video import LEAST_FPS, MOST_FPS

EXAMPLE = """examples:
  python tools/event_segment.py tiny_evwsss_e2vid_1click_26e_street street.pth \\
      events.h5 --times timestamps.txt --labels 11classes --clicks 11classes_weak_1point_per_class --out street.mp4
  python tools/event_segment.py evwsss_e2vid_1click_50e_dsec dsec.pth recording.raw --sensor-size 720 1280 \\
      --crop-bottom 0 --rectify-map none --stream --fps 25 --out drive.mp4
"""
IGNORE_INDEX = 255


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument("recording", type=Path, help="any recording that docs/events.md lists")
    parser.add_argument("--out", type=Path, required=True, help="the video, an .mp4")
    parser.add_argument("--times", nargs="+", help="moments in microseconds, or one text file with a time a line")
    parser.add_argument("--fps", type=float, default=10, help="frames a second; also of the moments, without --times")
    parser.add_argument("--stream", action="store_true", help="carry the network's memory through the recording")
    parser.add_argument("--labels", type=Path, help="folder of label PNGs, one for each of their times")
    parser.add_argument("--clicks", type=Path, help="folder of PNGs with clicks, likewise")
    parser.add_argument("--label-times", type=Path, help="text file of the labels' times; default: the file of --times")
    parser.add_argument("--masks", type=Path, help="also write the predictions to this folder, PNGs named by time")
    parser.add_argument("--rectify-map", help="rectify_map.h5 if it is not beside the recording; 'none' for no map")
    parser.add_argument("--sensor-size", type=int, nargs=2, metavar=("H", "W"), help="if unlike the config's")
    parser.add_argument("--crop-bottom", type=int, help="lowest rows left out, if unlike the config's")
    parser.add_argument("--format", help="of the recording, if content and suffix do not tell")
    parser.add_argument("--time-unit", choices=["s", "us"], help="of times in text and npz, if the numbers do not tell")
    parser.add_argument("--recover", action="store_true", help="read the good beginning of a broken file")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    args = parser.parse_args(arguments)
    if not LEAST_FPS <= args.fps <= MOST_FPS:
        parser.error(f"--fps must be from {LEAST_FPS} to {MOST_FPS}")
    if names_file(args.times):
        if not Path(args.times[0]).is_file():
            parser.error(f"--times {args.times[0]}: no such file; expected whole microseconds, or one file of them")
        args.label_times = args.label_times or Path(args.times[0])
    if (args.labels or args.clicks) and args.label_times is None:
        parser.error("--labels and --clicks need --label-times, or a file as --times: the moments that they belong to")
    return args


def names_file(times: list[str] | None) -> bool:
    """Whether what --times gives is the name of a file, and not times."""
    return times is not None and len(times) == 1 and not re.fullmatch(r"-?\d+", times[0])


@dataclass(frozen=True)
class LabelFolder:
    """Label PNGs with times.

    Attributes:
        paths: {time in microseconds: file}.
        settings: sensor and classes that they have to fit.
        reach: a label is shown at most this many microseconds away from its time.
    """

    paths: dict[int, Path]
    settings: EventSettings
    reach: float

    def at(self, time: int) -> NDArray | None:
        """(H, W) class ids of the label nearest to a time; None if it is out of reach.

        Raises:
            UserError: the file does not fit the sensor or the classes.
        """
        nearest = min(self.paths, key=lambda own: abs(own - time))
        if abs(nearest - time) > self.reach:
            return None
        path = str(self.paths[nearest])
        size = {"sensor_size": self.settings.sensor_size, "crop_bottom": self.settings.crop_bottom}
        ids = identity(len(self.settings.classes))
        labels = crop_rows(read_class_map(path), path, size)
        return map_ids(labels, ids, path, unlabelled=IGNORE_INDEX, ignore_index=IGNORE_INDEX)


def label_folders(args: argparse.Namespace, settings: EventSettings) -> dict[str, LabelFolder]:
    """{title: labels} of the folders that are given.

    Raises:
        UserError: labels and times do not fit together.
    """
    given = {title: folder for title, folder in (("clicks", args.clicks), ("ground truth", args.labels)) if folder}
    found = {}
    for title, folder in given.items():
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder of label PNGs.")
        paths = {time: path for _, time, path in timed_labels(folder, read_times(args.label_times), args.label_times)}
        found[title] = LabelFolder(paths, settings, reach=5e5 / args.fps)
    return found


def recording_options(args: argparse.Namespace) -> dict:
    """How the recording is to be opened."""
    names = ("rectify_map", "sensor_size", "crop_bottom", "format", "recover", "time_unit")
    return {name: getattr(args, name) for name in names}


def moments(args: argparse.Namespace, opened: OpenedRecording) -> list[int]:
    """Times of the frames in microseconds.

    Raises:
        UserError: a time is no whole number, or the recording is too short for a frame.
    """
    if names_file(args.times):
        times = sorted(read_times(Path(args.times[0])).tolist())
        if not times:
            raise UserError(f"{args.times[0]}: the file holds no time.")
        return times
    if args.times:
        try:
            return sorted(int(time) for time in args.times)
        except ValueError:
            raise UserError(f"--times {' '.join(args.times)}: expected whole microseconds, or one file.") from None
    reader, needed = opened.reader, opened.settings.num_grids * opened.settings.events_per_grid
    if len(reader) <= needed:
        raise UserError(
            f"{reader.path}: {len(reader)} events; without --times frames begin after the first {needed}, which "
            "the network wants to see. Give --times to segment with fewer."
        )
    first = int(reader.read(needed, needed + 1).t[0])
    return np.arange(first, reader.last_time + 1, 1e6 / args.fps).astype(np.int64).tolist()


def results_at(
    inferencer: EventSegInferencer, opened: OpenedRecording, times: list[int], *, stream: bool
) -> Iterator[EventSegResult]:
    """One result a time: segmented by itself, or the newest one of the stream."""
    if not stream:
        yield from inferencer.iterate(opened, times)
        return
    reader = opened.reader
    if times[-1] > reader.last_time:
        raise UserError(
            f"{reader.path}: {times[-1]} us lies outside of the recording, which ends at {reader.last_time} us."
        )
    results = inferencer.stream(opened, start=times[0], stop=times[-1])
    newest, upcoming = next(results), next(results, None)
    for time in times:
        while upcoming is not None and upcoming.time <= time:
            newest, upcoming = upcoming, next(results, None)
        yield newest


def draw(
    result: EventSegResult, layers: dict[str, NDArray | None], inferencer: EventSegInferencer
) -> NDArray[np.uint8]:
    """The picture of a frame: events, prediction, and label maps (H, W) by title."""
    return draw_event_frame(
        draw_events(result.events.x, result.events.y, result.events.p, size=result.labels.shape),
        {"prediction": result.labels, **layers},
        names=inferencer.classes,
        colours=inferencer.palette,
        ignore_index=IGNORE_INDEX,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.masks, "--masks")
    with plain_warnings():
        count = segment(args)
    print(f"wrote {count} frames to {args.out}")


def segment(args: argparse.Namespace) -> int:
    """Write the video, and the masks if wanted; gives the number of frames."""
    inferencer = EventSegInferencer(args.config, args.checkpoint, device=args.device)
    opened = inferencer.open(args.recording, **recording_options(args))
    times = moments(args, opened)
    folders = label_folders(args, opened.settings)

    def frames() -> Iterator[NDArray[np.uint8]]:
        results = results_at(inferencer, opened, times, stream=args.stream)
        for time, result in zip(times, track(results, total=len(times), description="segmenting"), strict=True):
            if args.masks:
                write_mask(args.masks / f"{time}.png", result.labels)
            yield draw(result, {title: folder.at(time) for title, folder in folders.items()}, inferencer)

    with opened.reader:
        return write_video(args.out, frames(), fps=args.fps)


def write_mask(path: Path, labels: NDArray[np.uint8]) -> None:
    """Raises UserError where `write_png` finds that the file cannot be written."""
    try:
        write_png(path, labels)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another --masks.") from error


if __name__ == "__main__":
    run_tool(main)
