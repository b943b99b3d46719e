"""What is in an event recording: sensor, number of events, span, rate and polarity; and converting it.

Reads every format that docs/events.md lists. --out writes the events anew: to .npz, or to .h5 in DSEC's container.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from sparsevision.datasets.events.formats.dsec_writer import write_dsec_events
from sparsevision.datasets.events.formats.table import FORMATS
from sparsevision.datasets.events.reader import EventReader, open_events
from sparsevision.datasets.events.types import Events
from sparsevision.engine import plain_warnings, run_tool
from sparsevision.utils import UserError, atomic_write
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/misc/event_info.py recording.raw
  python tools/misc/event_info.py recording.aedat4 --recover --out recording.h5
"""
BLOCK_EVENTS = 1 << 20
BARS = 20
BAR_WIDTH = 50
SUFFIXES = (".npz", ".h5")


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("recording", type=Path, help="a file, or the folder of a DDD17 recording or of a ROS 2 bag")
    parser.add_argument("--format", choices=[each.name for each in FORMATS], help="if content and suffix do not tell")
    parser.add_argument("--recover", action="store_true", help="read the good beginning of a broken file")
    parser.add_argument("--time-unit", choices=["s", "us"], help="of times in text and npz, if the numbers do not tell")
    parser.add_argument(
        "--sensor-size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="if the file does not say it"
    )
    parser.add_argument("--out", type=Path, help="write the events to this .npz or .h5 file")
    args = parser.parse_args(arguments)
    if args.out and args.out.suffix not in SUFFIXES:
        parser.error(f"--out {args.out}: expected a name that ends in {' or '.join(SUFFIXES)}")
    return args


@dataclass(frozen=True)
class Summary:
    """Of a recording with at least one event.

    Attributes:
        count: number of events.
        brighter: how many of them have polarity 1.
        first, last: times in microseconds.
        largest: (row, column), the largest that occur.
        rates: (BARS,) events per second in equal parts of the span.
    """

    count: int
    brighter: int
    first: int
    last: int
    largest: tuple[int, int]
    rates: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """The span, at least one microsecond."""
        return max(self.last - self.first, 1) / 1e6


def summarise(reader: EventReader) -> Summary:
    """Go through all events once.

    Raises:
        UserError: there is none, or the file is broken.
    """
    if not len(reader):
        raise UserError(f"{reader.path}: the recording holds no event.")
    first, last = reader.first_time, reader.last_time
    edges = np.linspace(0, last + 1 - first, BARS + 1)  # from the first: clocks may be too far on for fractions
    counts = np.zeros(BARS)
    brighter, largest = 0, (0, 0)
    for events in blocks_of(reader):
        brighter += int(events.p.sum())
        largest = max(largest[0], int(events.y.max())), max(largest[1], int(events.x.max()))
        counts += np.histogram(events.t - first, edges)[0]
    rates = counts / (np.diff(edges) / 1e6)
    return Summary(count=len(reader), brighter=brighter, first=first, last=last, largest=largest, rates=rates)


def blocks_of(reader: EventReader) -> Iterator[Events]:
    """All events, a million at a time, with a bar of progress."""
    for start in track(range(0, len(reader), BLOCK_EVENTS), description="reading", transient=True):
        yield reader.read(start, min(start + BLOCK_EVENTS, len(reader)))


def describe(reader: EventReader, summary: Summary) -> str:
    """The summary in lines of text."""
    size = reader.sensor_size
    rows, columns = (length + 1 for length in summary.largest)
    sensor = f"{size[1]} x {size[0]}" if size else f"not said; events lie within {columns} x {rows}"
    share = summary.brighter / summary.count
    lines = {
        "recording": reader.path,
        "format": reader.format,
        "sensor": f"{sensor} (width x height)",
        "events": f"{summary.count:,}",
        "time": f"{summary.first} to {summary.last} us ({summary.seconds:.6f} s)",
        "rate": f"{summary.count / summary.seconds / 1e6:.3f} million events per second",
        "polarity": f"{share:.1%} brighter, {1 - share:.1%} darker",
    }
    return "\n".join([*(f"{name:10} {text}" for name, text in lines.items()), "", *rate_bars(summary)])


def rate_bars(summary: Summary) -> list[str]:
    """One line for each part of the span: its beginning, a bar, and events per second."""
    peak = summary.rates.max()
    starts = np.arange(BARS) * summary.seconds / BARS
    return [
        f"{start:12.6f} s  {'#' * round(rate / peak * BAR_WIDTH):{BAR_WIDTH}}  {rate / 1e6:.3f} M/s"
        for start, rate in zip(starts, summary.rates, strict=True)
    ]


def convert(reader: EventReader, path: Path) -> None:
    """Write all events to an .npz file (x, y, t, p, sensor_size), or to DSEC's container.

    The container's clock starts at the first event; an .npz file is made in memory.
    """
    if path.suffix == ".h5":
        write_dsec_events(path, blocks_of(reader), t_offset=reader.first_time)
        return
    events = reader.read(0, len(reader))
    size = {} if events.sensor_size is None else {"sensor_size": np.array(events.sensor_size)}
    with atomic_write(path) as stream:
        np.savez_compressed(stream, x=events.x, y=events.y, t=events.t, p=events.p, **size)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    options = {"format": args.format, "recover": args.recover, "time_unit": args.time_unit}
    with plain_warnings(), open_events(args.recording, sensor_size=args.sensor_size, **options) as reader:
        print(describe(reader, summarise(reader)))
        if args.out:
            try:
                convert(reader, args.out)
            except OSError as error:
                raise UserError(f"{args.out}: cannot be written ({error.strerror or error}).") from error
            print(f"wrote {len(reader):,} events to {args.out}")


if __name__ == "__main__":
    run_tool(main)
