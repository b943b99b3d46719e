"""Events per second of our voxel grids against tonic's and against the plain formula in torch, on one thread.

Also the prototype block of EV-WSSS, computed at low resolution against the formula at full resolution. Contenders take
turns, and each one's fastest turn counts.
"""

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sparsevision.datasets.events.reader import open_events
from sparsevision.datasets.events.representations import (
    event_grids,
    temporal_voxel_grid,
    trilinear_voxel_grid,
)
from sparsevision.datasets.events.types import Events
from sparsevision.engine import run_tool
from sparsevision.methods.ev_wsss.prototypes import UpsampledFeatures
from sparsevision.methods.ev_wsss.prototypes_plain import PlainUpsampledFeatures
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.timings import Bar, Figure, Report, add_output_options, bar_sentences, measure, publish

EXAMPLE = """example:
  python tools/analysis_tools/event_benchmark.py
  python tools/analysis_tools/event_benchmark.py --recording events.raw --skip-prototypes --out speed.json
"""
MARKER = "event_benchmark"
OURS = "ours, 8 taps"
TORCH = "plain formula in torch, 8 taps"
TONIC = "tonic, 2 taps"
LOW, FULL = "at 1/8 (ours)", "at full resolution"
WANTED = ((OURS, TORCH, 10), (OURS, TONIC, 2), (LOW, FULL, 8))
NO_TONIC = (
    "tonic is not installed and left out. To measure it as well: pip install tonic (GPL-3.0, for this comparison only)."
)
FEATURES = 256
SHIFT = (0.25, 0.5)  # of a recording's whole pixels, so that all eight taps are at work
Contenders = dict[str, Callable[[], object]]


def random_walks(count: int, *, size: tuple[int, int], rng: np.random.Generator, walkers: int = 200) -> Events:
    """Events of `walkers` points that walk at random over a sensor of size (height, width), at sub-pixel places."""
    own = np.argsort(rng.integers(0, walkers, count), kind="stable")
    places = []
    for length in reversed(size):
        place = np.empty(count)
        place[own] = np.cumsum(rng.normal(0, 0.7, count))
        place += rng.uniform(0, length)
        places.append((np.abs(place % (2 * (length - 1)) - (length - 1))).astype(np.float32))
    t = np.sort(rng.integers(0, 50_000, count))
    return Events(*places, t=t, p=rng.integers(0, 2, count).astype(np.uint8), sensor_size=size)


def recorded(path: Path, count: int) -> Events:
    """The first `count` events of a recording, moved by a fraction of a pixel."""
    with open_events(path) as reader:
        events = reader.read(0, min(count, len(reader)))
        size = reader.sensor_size
    if len(events) < 2:
        raise UserError(f"{path}: {len(events)} events are too few to measure with.")
    x, y = (
        values.astype(np.float32) + np.float32(part) for values, part in zip((events.x, events.y), SHIFT, strict=True)
    )
    return replace(events, x=x, y=y, sensor_size=size or (int(y.max()) + 1, int(x.max()) + 1))


def formula_in_torch(events: Events, *, bins: int, height: int, width: int) -> Tensor:
    """The trilinear grid as its formula stands: a masked pass over all events for each of the eight corners."""
    x, y = torch.from_numpy(events.x), torch.from_numpy(events.y)
    t = torch.from_numpy(events.t - events.t[0]).float()
    tau = (bins - 1) * t / t[-1].clamp(min=1)
    value = 2 * torch.from_numpy(events.p).float() - 1
    grid = torch.zeros(bins * height * width)
    x0, y0, b0 = x.int(), y.int(), tau.int()
    for column in (x0, x0 + 1):
        for row in (y0, y0 + 1):
            for bin_ in (b0, b0 + 1):
                inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (bin_ >= 0) & (bin_ < bins)
                weight = value * (1 - (column - x).abs()) * (1 - (row - y).abs()) * (1 - (bin_ - tau).abs())
                cell = (bin_.long() * height + row.long()) * width + column.long()
                grid.put_(cell[inside], weight[inside], accumulate=True)
    return grid.view(bins, height, width)


def grid_contenders(events: Events, *, bins: int) -> Contenders:
    """Voxel grids of the same events; tonic only where it is installed."""
    height, width = events.sensor_size
    size = {"bins": bins, "height": height, "width": width}
    moved = events.x, events.y, events.t, events.p
    x, y = events.x.astype(np.uint16), events.y.astype(np.uint16)
    raw = replace(events, x=x, y=y)
    rectify_map = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32) + SHIFT
    fused = {"num_grids": 1, "rectify_map": rectify_map.astype(np.float32), "reverse": True, "flip": True, "threads": 1}
    return {
        OURS: partial(trilinear_voxel_grid, *moved, **size),
        "ours, 8 taps, with rectification, reversal, flip": partial(event_grids, raw, **fused, **size),
        "ours, 2 taps": partial(temporal_voxel_grid, x, y, events.t, events.p, **size),
        TORCH: partial(formula_in_torch, events, **size),
        **tonic_contender(raw, bins=bins),
    }


def tonic_contender(events: Events, *, bins: int) -> Contenders:
    """tonic's grid of the events at whole pixels; none if it is not installed.

    Raises:
        UserError: it is installed, but something that it needs is not.
    """
    if importlib.util.find_spec("tonic") is None:
        return {}
    try:
        from tonic.functional import to_voxel_grid_numpy
    except ImportError as error:
        raise UserError(f"tonic cannot be imported ({error}); install it with all that it needs.") from error

    height, width = events.sensor_size
    table = np.empty(len(events), np.dtype([("x", int), ("y", int), ("t", int), ("p", int)]))
    for name in table.dtype.names:
        table[name] = getattr(events, name)
    return {TONIC: partial(to_voxel_grid_numpy, table, (width, height, 2), bins)}


def prototype_contenders(
    size: tuple[int, int], *, classes: int, features: int = FEATURES, backward: bool = False
) -> Contenders:
    """Region prototypes and two rounds of cosines for one image; `backward`: and their gradient."""
    generator = torch.Generator().manual_seed(0)
    small = (size[0] // 8, size[1] // 8)
    latent = torch.randn(1, features, *small, generator=generator, requires_grad=backward)
    weights = torch.rand(1, classes, *size, generator=generator)
    prototypes = torch.nn.functional.normalize(torch.randn(2, classes, features, generator=generator), dim=-1)

    @torch.set_grad_enabled(backward)
    def block(kind: type) -> None:
        upsampled = kind(latent, size)
        with torch.no_grad():
            upsampled.weighted_sums(weights)
        total = sum(upsampled.cosines(own).sum() for own in prototypes)
        if backward:
            total.backward()

    return {LOW: partial(block, UpsampledFeatures), FULL: partial(block, PlainUpsampledFeatures)}


@dataclass(frozen=True)
class Work:
    """What contenders do in turns.

    Attributes:
        name: what it is.
        contenders: who does it.
        rounds: turns that count.
        events: how many of them; 0 where there are none.
    """

    name: str
    contenders: Contenders
    rounds: int
    events: int = 0

    def table(self, figures: Sequence[Figure]) -> tuple[list[str], list[list[str]]]:
        """Header and rows."""
        own = [figure for figure in figures if figure.work == self.name]
        if not self.events:
            return [self.name, "ms"], [[figure.name, f"{figure.value:.1f}"] for figure in own]
        rows = [[one.name, f"{one.value:.1f}", f"{self.events / one.value / 1000:.1f}"] for one in own]
        return [self.name, "ms", "million events/s"], rows


def works_of(args: argparse.Namespace) -> list[Work]:
    """All that is measured: grids of each set of events, and the prototype block."""
    walks = random_walks(args.events, size=tuple(args.size), rng=np.random.default_rng(0))
    sets = {"random walks": walks, **{str(path): recorded(path, args.events) for path in args.recording}}
    works = []
    for name, events in sets.items():
        height, width = events.sensor_size
        title = f"{name}, {len(events)} events, {args.bins}x{height}x{width}"
        works.append(Work(title, grid_contenders(events, bins=args.bins), args.rounds, len(events)))
    for backward in () if args.skip_prototypes else (False, True):
        height, width = args.label_size
        contenders = prototype_contenders((height, width), classes=args.classes, backward=backward)
        title = f"prototype block, {height}x{width}, {args.classes} classes" + (", with gradient" if backward else "")
        works.append(Work(title, contenders, max(1, args.rounds // 5)))
    return works


def verdicts(figures: Sequence[Figure]) -> list[str]:
    """A sentence for each bar and each piece of work that both sides did, and what was left out."""
    works = dict.fromkeys(figure.work for figure in figures)
    said = bar_sentences(figures, [Bar(work, *wanted) for work in works for wanted in WANTED])
    return said if any(figure.name == TONIC for figure in figures) else [*said, NO_TONIC]


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--recording", type=Path, action="append", default=[], help="measure on its events as well")
    parser.add_argument("--events", type=int, default=500_000, help="how many")
    parser.add_argument("--bins", type=int, default=5, help="of a grid")
    parser.add_argument("--size", type=int, nargs=2, default=[480, 640], metavar=("H", "W"), help="of random events")
    parser.add_argument("--rounds", type=int, default=20, help="turns that count")
    parser.add_argument("--skip-prototypes", action="store_true", help="voxel grids only")
    parser.add_argument("--classes", type=int, default=11, help="of the prototype block")
    parser.add_argument(
        "--label-size", type=int, nargs=2, default=[440, 640], metavar=("H", "W"), help="of the prototype block"
    )
    add_output_options(parser, marker=MARKER)
    args = parser.parse_args(arguments)
    if min(args.events, *args.size, args.rounds, args.classes, *args.label_size) < 1 or args.events < 2:
        parser.error("--events must be at least 2, everything else at least 1")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    torch.set_num_threads(1)
    works = works_of(args)
    figures = [one for work in works for one in measure(work.name, work.contenders, rounds=work.rounds)]
    caption = f"One thread, fastest turn; torch {torch.__version__}."
    report = Report(caption, [work.table(figures) for work in works], verdicts(figures))
    publish(args, figures, report, marker=MARKER)


if __name__ == "__main__":
    run_tool(main)
