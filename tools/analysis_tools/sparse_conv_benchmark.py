"""Seconds of Res16UNet34C with our sparse convolution, with kernel maps that are never kept, and with spconv.

One thread on a processor, where spconv's CPU build is right only with one. All contenders have the same weights and the
same batch norms and ReLUs; they take turns, and the median of each one's turns counts. spconv is measured if installed.
"""

import argparse
import copy
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

from sparsevision.datasets.points.read_cloud import read_cloud
from sparsevision.datasets.points.voxelise import voxelize
from sparsevision.engine import run_tool
from sparsevision.layers.sparse_conv import (
    CoordinateManager,
    KernelMap,
    SparseConv3d,
    SparseConvTranspose3d,
    SparseTensor,
    convolve_table,
)
from sparsevision.layers.sparse_conv.coordinates import Level
from sparsevision.methods.cpcm import Res16UNet14A, Res16UNet34C
from sparsevision.synthetic.room_sample import sample_room
from sparsevision.utils import UserError, atomic_write
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/analysis_tools/sparse_conv_benchmark.py
  python tools/analysis_tools/sparse_conv_benchmark.py --cloud room.ply --voxel-size 0.02 --rounds 3 --out speed.json
"""
OURS, UNCACHED, TABLE, SPCONV = "ours", "ours, maps never kept", "ours, gathering only", "spconv"
FORWARD, STEP = "eval forward", "training step"
CLASSES = 20
CELL = 16  # the coarsest stride of the network
NO_SPCONV = (
    "spconv is not installed and left out. To measure it on a processor as well: pip install --no-deps spconv==2.3.8 "
    "cumm pccm ccimport lark portalocker fire pybind11 ninja pyyaml termcolor (for this comparison only)."
)


@dataclass(frozen=True)
class Figure:
    """How long a contender took.

    Attributes:
        work: FORWARD or STEP.
        name: of the contender.
        seconds: median of its turns.
        fastest: of its turns.
        map_share: part of the time that went into voxels of coarser strides and kernel maps; None if not ours.
    """

    work: str
    name: str
    seconds: float
    fastest: float
    map_share: float | None


@dataclass(frozen=True)
class Bar:
    """The work of `OURS` is to take at most `most` times as long as that of `other`."""

    work: str
    other: str
    most: float


BARS = (Bar(FORWARD, SPCONV, 1.0), Bar(STEP, SPCONV, 1.2))
MOST_OF_MAPS = 0.05


class TimedManager(CoordinateManager):
    """Knows the seconds that its levels and maps took."""

    def __init__(self, coords: Tensor) -> None:
        start = now()
        super().__init__(coords)
        self.seconds = now() - start

    def kernel_map(self, stride: int, *, kernel_size: int, factor: int = 1) -> KernelMap:
        """As that of every manager."""
        start = now()
        found = super().kernel_map(stride, kernel_size=kernel_size, factor=factor)
        self.seconds += now() - start
        return found


class ForgetfulManager(TimedManager):
    """Sorts its voxels and builds a map at every layer, as if each layer were the first."""

    def kernel_map(self, stride: int, *, kernel_size: int, factor: int = 1) -> KernelMap:
        """A map that nobody has asked for before."""
        self.levels = {known: Level(level.coords) for known, level in self.levels.items()}
        self.maps.clear()
        return super().kernel_map(stride, kernel_size=kernel_size, factor=factor)


class SpconvTensor:
    """spconv's tensor, with what our networks ask of theirs."""

    def __init__(self, inner: object, stride: int = 1, manager: object = None) -> None:
        self.inner, self.stride = inner, stride
        self.manager = self if manager is None else manager

    @classmethod
    def of(cls, coords: Tensor, feats: Tensor) -> "SpconvTensor":
        """Voxels at 0 or above in a grid of whole cells, so that spconv's cells are ours; contiguous, or it errs."""
        import spconv.pytorch as spconv

        least = coords.amin(0).div(CELL, rounding_mode="floor") * CELL
        places = (coords - least * torch.tensor([0, 1, 1, 1], device=coords.device)).int().contiguous()
        sides = (places[:, 1:].amax(0) + CELL).div(CELL, rounding_mode="floor") * CELL
        return cls(spconv.SparseConvTensor(feats, places, sides.tolist(), int(coords[:, 0].amax()) + 1))

    @property
    def feats(self) -> Tensor:
        """(N,C) features."""
        return self.inner.features

    def replace_feats(self, feats: Tensor) -> "SpconvTensor":
        """Other features on the same voxels."""
        return SpconvTensor(self.inner.replace_feature(feats), self.stride, self.manager)

    def map_feats(self, function: Callable[[Tensor], Tensor]) -> "SpconvTensor":
        """The function applied to the features."""
        return self.replace_feats(function(self.feats))

    def __len__(self) -> int:
        return len(self.feats)


class SpconvLayer(nn.Module):
    """spconv's layer with the weights of one of ours; its pairs are kept under a name for each stride."""

    def __init__(self, ours: SparseConv3d) -> None:
        super().__init__()
        import spconv.pytorch as spconv

        size, self.factor, self.up = ours.kernel_size, ours.stride, isinstance(ours, SparseConvTranspose3d)
        channels, options = (ours.in_channels, ours.out_channels), {"bias": ours.bias is not None, "indice_key": ""}
        if ours.kernel.device.type == "cpu":
            options["algo"] = spconv.ConvAlgo.Native
        if self.up:
            self.layer = spconv.SparseInverseConv3d(*channels, size, **options)
        elif self.factor > 1:
            self.layer = spconv.SparseConv3d(*channels, size, stride=self.factor, **options)
        else:
            self.layer = spconv.SubMConv3d(*channels, size, **options)
        self.layer.to(ours.kernel.device)
        self.copy_weights(ours, size)

    def copy_weights(self, ours: SparseConv3d, size: int) -> None:
        """(K, C_in, C_out), x fastest -> (C_out, kx, ky, kz, C_in); 1x1x1 kernels are read as they lie in memory."""
        with torch.no_grad():
            kernel = ours.kernel.reshape(size, size, size, *ours.kernel.shape[-2:]).permute(4, 2, 1, 0, 3)
            self.layer.weight.copy_(kernel)
            if size == 1:
                self.layer.weight.view(ours.kernel.shape).copy_(ours.kernel)
            if ours.bias is not None:
                self.layer.bias.copy_(ours.bias[0])

    def forward(self, x: SpconvTensor) -> SpconvTensor:
        """x (N,C_in) -> (M,C_out)."""
        fine = x.stride // self.factor if self.up else x.stride
        self.layer.indice_key = f"{self.layer.kernel_size} {self.factor} {fine}"
        return SpconvTensor(self.layer(x.inner), fine if self.up else fine * self.factor, x.manager)


def with_spconv(network: nn.Module) -> nn.Module:
    """A copy of the network with spconv's convolutions in place of ours."""
    twin = copy.deepcopy(network)
    for name, module in network.named_modules():
        if isinstance(module, SparseConv3d):
            parent, _, own = name.rpartition(".")
            setattr(twin.get_submodule(parent), own, SpconvLayer(module))
    return twin


def with_table(network: nn.Module) -> nn.Module:
    """A copy of the network that gathers only."""
    twin = copy.deepcopy(network)
    for module in twin.modules():
        if isinstance(module, SparseConv3d):
            module.convolve = convolve_table
    return twin


def spconv_is_here() -> bool:
    """Whether spconv can be imported; on a processor it is then told not to ask for a CUDA stream.

    Raises:
        UserError: it is installed, but something that it needs is not.
    """
    if importlib.util.find_spec("spconv") is None:
        return False
    try:
        import spconv.pytorch  # noqa: F401
        from spconv.pytorch import ops
    except ImportError as error:
        raise UserError(f"spconv cannot be imported ({error}); install it with all that it needs.") from error
    if not torch.cuda.is_available():
        ops.get_current_stream = lambda: 0
    return True


@dataclass(frozen=True)
class Contender:
    """A network and how it takes coordinates and features."""

    name: str
    network: nn.Module
    tensor: Callable[[Tensor, Tensor], object]


def managed(manager: type[CoordinateManager]) -> Callable[[Tensor, Tensor], SparseTensor]:
    """Makes tensors with such a manager."""
    return lambda coords, feats: SparseTensor(coords, feats, manager=manager(coords))


def contenders(network: nn.Module, *, table: bool) -> list[Contender]:
    """All that can be measured here."""
    found = [
        Contender(OURS, network, managed(TimedManager)),
        Contender(UNCACHED, copy.deepcopy(network), managed(ForgetfulManager)),
    ]
    if table:
        found.append(Contender(TABLE, with_table(network), managed(TimedManager)))
    if spconv_is_here():
        found.append(Contender(SPCONV, with_spconv(network), SpconvTensor.of))
    return found


def now() -> float:
    """Seconds: of this process on a processor, where other programs then disturb less; of the clock with a GPU."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def logits(contender: Contender, coords: Tensor, feats: Tensor) -> tuple[Tensor, float | None]:
    """(M,C) logits, and the seconds that levels and maps took; voxels and maps are new each time."""
    x = contender.tensor(coords, feats)
    return contender.network(x)[0], getattr(x.manager, "seconds", None)


def turn(contender: Contender, coords: Tensor, feats: Tensor, *, work: str) -> tuple[float, float | None]:
    """Seconds of one forward pass without gradients, or of one with them and its backward pass; and of the maps."""
    contender.network.train(work == STEP)
    contender.network.zero_grad()
    start = now()
    with torch.set_grad_enabled(work == STEP):
        out, of_maps = logits(contender, coords, feats)
        if work == STEP:
            out.square().mean().backward()
    return now() - start, of_maps


def measure(found: Sequence[Contender], coords: Tensor, feats: Tensor, *, work: str, rounds: int) -> list[Figure]:
    """One figure a contender; each has a turn that does not count before those that do."""
    turns = {contender.name: [] for contender in found}
    for number in track(range(rounds + 1), description=work, transient=True):
        for contender in found:
            taken = turn(contender, coords, feats, work=work)
            if number:
                turns[contender.name].append(taken)
    return [figure(work, name, own) for name, own in turns.items()]


def figure(work: str, name: str, turns: Sequence[tuple[float, float | None]]) -> Figure:
    """The medians of some turns."""
    seconds = statistics.median(whole for whole, _ in turns)
    shares = [of_maps / whole for whole, of_maps in turns if of_maps is not None]
    return Figure(work, name, seconds, min(whole for whole, _ in turns), statistics.median(shares) if shares else None)


def largest_differences(found: Sequence[Contender], coords: Tensor, feats: Tensor) -> dict[str, float]:
    """How far the logits of the others are from those of the first, in eval mode."""
    outputs = []
    with torch.no_grad():
        for contender in found:
            contender.network.eval()
            outputs.append(logits(contender, coords, feats)[0])
    others = zip(found[1:], outputs[1:], strict=True)
    return {contender.name: float((out - outputs[0]).abs().max()) for contender, out in others}


def verdicts(figures: Sequence[Figure]) -> list[str]:
    """A sentence for each bar whose two sides were measured, and for the share of the maps."""
    by_name = {(figure.work, figure.name): figure for figure in figures}
    said = []
    for bar in BARS:
        ours, other = by_name[bar.work, OURS], by_name.get((bar.work, bar.other))
        if other:
            ratio = ours.seconds / other.seconds
            met = "" if ratio <= bar.most else ", NOT MET"
            said.append(f"{bar.work}: ours takes {ratio:.2f} of {bar.other}'s time (at most {bar.most:g} wanted{met})")
    share = by_name[STEP, OURS].map_share
    met = "" if share < MOST_OF_MAPS else ", NOT MET"
    said.append(f"{STEP}: {share:.1%} of it builds kernel maps (under {MOST_OF_MAPS:.0%} wanted{met})")
    return said


def show(figures: Sequence[Figure], differences: dict[str, float], console: Console) -> None:
    """A table for each piece of work, the differences of the outputs, and the verdicts."""
    for work in dict.fromkeys(figure.work for figure in figures):
        table = Table("how", "median ms", "fastest ms", "maps", title=work)
        for figure in figures:
            if figure.work == work:
                share = "" if figure.map_share is None else f"{figure.map_share:.1%}"
                table.add_row(figure.name, f"{1000 * figure.seconds:.0f}", f"{1000 * figure.fastest:.0f}", share)
        console.print(table)
    for name, difference in differences.items():
        console.print(f"{name}: logits at most {difference:.1e} from ours", soft_wrap=True)
    for sentence in verdicts(figures):
        console.print(sentence, soft_wrap=True)
    if not any(figure.name == SPCONV for figure in figures):
        console.print(NO_SPCONV, soft_wrap=True)


def load_voxels(args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """(M,4) voxels and (M,3) colours / 255 - 0.5 of a file's cloud, or of a synthetic room."""
    if args.cloud:
        cloud = read_cloud(args.cloud)
        points, colours = cloud.points[cloud.finite], cloud.colours[cloud.finite]
    else:
        room = sample_room(seed=args.seed, points=args.points, style="office")
        points, colours = room.points, room.colours
    voxels = voxelize(points, voxel_size=args.voxel_size)
    places = torch.from_numpy(voxels.coords).long()
    coords = torch.nn.functional.pad(places, (1, 0))
    return coords, torch.from_numpy(colours[voxels.representative]).float() / 255 - 0.5


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--cloud", type=Path, help="measure on this cloud instead of a synthetic room")
    parser.add_argument("--points", type=int, default=75_000, help="of the synthetic room (default: %(default)s)")
    parser.add_argument("--voxel-size", type=float, default=0.05, help="metres (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of room and weights (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="turns that count (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--table", action="store_true", help="also measure our gather-only convolution")
    parser.add_argument("--small", action="store_true", help="Res16UNet14A instead of 34C, to try it out")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    args = parser.parse_args(arguments)
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args, console = parse_args(arguments), Console()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    coords, feats = (value.to(args.device) for value in load_voxels(args))
    network = (Res16UNet14A if args.small else Res16UNet34C)(num_classes=CLASSES).to(args.device)
    found = contenders(network, table=args.table)
    differences = largest_differences(found, coords, feats)
    console.print(
        f"{len(coords)} voxels of {args.voxel_size} m, {type(network).__name__} on {args.device}, "
        f"{torch.get_num_threads()} of {os.cpu_count()} threads, torch {torch.__version__}",
        soft_wrap=True,
    )
    figures = [one for work in (FORWARD, STEP) for one in measure(found, coords, feats, work=work, rounds=args.rounds)]
    show(figures, differences, console)
    if args.out:
        write(args.out, figures, voxels=len(coords))


def write(path: Path, figures: Sequence[Figure], *, voxels: int) -> None:
    """Write the figures as JSON. UserError if the file cannot be written."""
    content = {"voxels": voxels, "figures": [asdict(one) for one in figures]}
    try:
        with atomic_write(path) as stream:
            stream.write((json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


if __name__ == "__main__":
    run_tool(main)
