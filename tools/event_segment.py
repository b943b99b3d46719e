"""Segment an event recording with a trained network, and write a video of it.

Each frame shows the events, the prediction and, where given, clicks and ground truth, above a legend of the classes.
Every moment is segmented anew from the events before it; with --stream the network goes through the recording once, one
grid of events a step, keeps its memory, and a frame shows the newest answer.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from sparsevision.apis import EventSegInferencer, EventSegResult
from sparsevision.datasets.events.dsec_classes import identity
from sparsevision.datasets.events.layouts import read_times, timed_labels
from sparsevision.datasets.image_io import read_grey, write_png
from sparsevision.datasets.transforms.event_labels import crop_rows, map_ids
from sparsevision.engine import run_tool
from sparsevision.utils import UserError
from sparsevision.visualization import draw_event_frame, draw_events, write_video

EXAMPLE = """examples:
  python tools/event_segment.py tiny_evwsss_e2vid_1click_street work_dirs/street/epoch_50.pth \\
      events.h5 --times timestamps.txt --labels 11classes --clicks 11classes_weak_1point_per_class --out street.mp4
  python tools/event_segment.py evwsss_e2vid_1click_50e_dsec dsec.pth recording.raw --sensor-size 720 1280 \\
      --crop-bottom 0 --rectify-map none --stream --fps 25 --out drive.mp4
"""
IGNORE_INDEX = 255


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument("recording", type=Path, help="any recording that docs/events.md lists")
    parser.add_argument("--out", type=Path, required=True, help="the video, an .mp4")
    parser.add_argument("--times", nargs="+", help="moments in microseconds, or one text file with a time a line")
    parser.add_argument("--fps", type=float, default=10, help="frames a second; also of the moments, without --times")
    parser.add_argument("--stream", action="store_true", help="carry the network's memory through the recording")
    parser.add_argument("--labels", type=Path, help="folder of label PNGs, one for each of --times")
    parser.add_argument("--clicks", type=Path, help="folder of PNGs with clicks, likewise")
    parser.add_argument("--masks", type=Path, help="also write the predictions to this folder, PNGs named by time")
    parser.add_argument("--rectify-map", help="rectify_map.h5 if it is not beside the recording; 'none' for no map")
    parser.add_argument("--sensor-size", type=int, nargs=2, metavar=("H", "W"), help="if unlike the config's")
    parser.add_argument("--crop-bottom", type=int, help="lowest rows left out, if unlike the config's")
    parser.add_argument("--format", help="of the recording, if content and suffix do not tell")
    parser.add_argument("--recover", action="store_true", help="read the good beginning of a broken file")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    args = parser.parse_args(arguments)
    if args.fps <= 0:
        parser.error("--fps must be above 0")
    if (args.labels or args.clicks) and not args.times:
        parser.error("--labels and --clicks need --times: the moments that they belong to")
    return args


@dataclass(frozen=True)
class Frame:
    """What one frame shows: a result, and label maps (H, W) by title, None where there is none for the moment."""

    result: EventSegResult
    layers: dict[str, NDArray | None]


def recording_options(args: argparse.Namespace) -> dict:
    """How the recording is to be opened."""
    names = ("rectify_map", "sensor_size", "crop_bottom", "format", "recover")
    return {name: getattr(args, name) for name in names}


def moments(args: argparse.Namespace, inferencer: EventSegInferencer) -> tuple[list[int], Path | None]:
    """Times of the frames in microseconds, and the file that they come from.

    Raises:
        UserError: a time is no whole number, or the recording is too short for a frame.
    """
    if args.times and len(args.times) == 1 and Path(args.times[0]).is_file():
        path = Path(args.times[0])
        times = read_times(path).tolist()
        if not times:
            raise UserError(f"{path}: the file holds no time.")
        return times, path
    if args.times:
        try:
            return sorted(int(time) for time in args.times), None
        except ValueError:
            raise UserError(f"--times {' '.join(args.times)}: expected whole microseconds, or one file.") from None
    opened = inferencer.open(args.recording, **recording_options(args))
    with opened.reader as reader:
        needed = opened.settings.num_grids * opened.settings.events_per_grid
        if len(reader) <= needed:
            raise UserError(
                f"{reader.path}: {len(reader)} events; without --times frames begin after the first {needed}, which "
                "the network wants to see. Give --times to segment with fewer."
            )
        first = int(reader.read(needed, needed + 1).t[0])
        return np.arange(first, reader.last_time + 1, 1e6 / args.fps).astype(np.int64).tolist(), None


def label_maps(
    folder: Path | None,
    times: list[int],
    times_path: Path | None,
    inferencer: EventSegInferencer,
    args: argparse.Namespace,
) -> dict[int, NDArray]:
    """{time: (H, W) class ids} of the PNGs in a folder.

    Raises:
        UserError: labels and times do not fit together, or a file does not fit the sensor or the classes.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of label PNGs.")
    settings = inferencer.settings.with_sensor(args.sensor_size, args.crop_bottom)
    size = {"sensor_size": settings.sensor_size, "crop_bottom": settings.crop_bottom}
    found = timed_labels(folder, np.array(times), times_path or Path("--times"))
    ids = identity(len(settings.classes))
    return {
        time: map_ids(
            crop_rows(read_grey(path), str(path), size), ids, str(path), unlabelled=255, ignore_index=IGNORE_INDEX
        )
        for _, time, path in found
    }


def results_at(args: argparse.Namespace, inferencer: EventSegInferencer, times: list[int]) -> Iterator[EventSegResult]:
    """One result a time: segmented by itself, or the newest one of the stream."""
    options = recording_options(args)
    if not args.stream:
        yield from inferencer.iterate(args.recording, times, **options)
        return
    stream = inferencer.stream(args.recording, start=times[0], stop=times[-1], **options)
    newest, upcoming = next(stream), next(stream, None)
    for time in times:
        while upcoming is not None and upcoming.time <= time:
            newest, upcoming = upcoming, next(stream, None)
        yield newest


def draw(frame: Frame, inferencer: EventSegInferencer) -> NDArray[np.uint8]:
    """The picture of a frame."""
    result = frame.result
    canvas = draw_events(result.events.x, result.events.y, result.events.p, size=result.labels.shape)
    return draw_event_frame(
        canvas,
        {"prediction": result.labels, **frame.layers},
        names=inferencer.classes,
        colours=inferencer.palette,
        ignore_index=IGNORE_INDEX,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    inferencer = EventSegInferencer(args.config, args.checkpoint, device=args.device)
    times, times_path = moments(args, inferencer)
    folders = {"clicks": args.clicks, "ground truth": args.labels}
    layers = {
        title: label_maps(folder, times, times_path, inferencer, args) for title, folder in folders.items() if folder
    }

    def frames() -> Iterator[NDArray[np.uint8]]:
        results = results_at(args, inferencer, times)
        for time, result in zip(times, track(results, total=len(times), description="segmenting"), strict=True):
            if args.masks:
                write_png(args.masks / f"{time}.png", result.labels)
            yield draw(Frame(result, {title: maps.get(time) for title, maps in layers.items()}), inferencer)

    count = write_video(args.out, frames(), fps=args.fps)
    print(f"wrote {count} frames to {args.out}")


if __name__ == "__main__":
    run_tool(main)
