"""Seconds of Res16UNet34C with our sparse convolution, with kernel maps that are never kept, and with spconv.

One thread on a processor, where spconv's CPU build is right only with one. All contenders have the same weights and the
same batch norms and ReLUs; they take turns, and the median of each one's turns counts. spconv is measured if installed.
"""

import argparse
import copy
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
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
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.timings import (
    Figure,
    Report,
    add_output_options,
    fastest,
    medians,
    publish,
    take_turns,
    unless_met,
)

EXAMPLE = """example:
  python tools/analysis_tools/sparse_conv_benchmark.py
  python tools/analysis_tools/sparse_conv_benchmark.py --cloud room.ply --voxel-size 0.02 --rounds 3 --out speed.json
"""
MARKER = "sparse_conv_benchmark"
OURS, UNCACHED, TABLE, SPCONV = "ours", "ours, maps never kept", "ours, gathering only", "spconv"
FORWARD, STEP = "eval forward", "training step"
AT_MOST = {FORWARD: 1.0, STEP: 1.2}  # of spconv's time
MOST_OF_MAPS = 0.05
CLASSES = 20
CELL = 16  # the coarsest stride of the network
NO_SPCONV = (
    "spconv is not installed and left out. To measure it on a processor as well: pip install --no-deps spconv==2.3.8 "
    "cumm pccm ccimport lark portalocker fire pybind11 ninja pyyaml termcolor (for this comparison only)."
)


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
    """Milliseconds of each contender, and which part of the time went into voxels of coarser strides and kernel maps.

    There is no such part of others' networks.
    """
    contestants = {contender.name: partial(turn, contender, coords, feats, work=work) for contender in found}
    turns = take_turns(work, contestants, rounds=rounds)
    figures = medians(work, {name: [1000 * whole for whole, _ in own] for name, own in turns.items()})
    for name, own in turns.items():
        shares = [of_maps / whole for whole, of_maps in own if of_maps is not None]
        figures += [Figure(work, maps_of(name), statistics.median(shares))] if shares else []
    return figures


def maps_of(name: str) -> str:
    """Under which name the part of kernel maps in a contender's time is told."""
    return f"{name}, part of kernel maps"


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
    """A sentence for each bar whose two sides were measured, for the part of the maps, and about spconv's absence."""
    values = {(figure.work, figure.name): figure.value for figure in figures}
    said = []
    for work, most in AT_MOST.items():
        if (work, SPCONV) in values:
            ratio = values[work, OURS] / values[work, SPCONV]
            met = unless_met(ratio <= most)
            said.append(f"{work}: ours takes {ratio:.2f} of {SPCONV}'s time (at most {most:g} wanted{met})")
    part = values[STEP, maps_of(OURS)]
    met = unless_met(part < MOST_OF_MAPS)
    said.append(f"{STEP}: {part:.1%} of it builds kernel maps (under {MOST_OF_MAPS:.0%} wanted{met})")
    return said if any(name == SPCONV for _, name in values) else [*said, NO_SPCONV]


def table_of(work: str, figures: Sequence[Figure]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a piece of work."""
    values = {figure.name: figure.value for figure in figures if figure.work == work}
    rows = []
    for name in (name for name in values if fastest(name) in values):
        part = f"{values[maps_of(name)]:.1%}" if maps_of(name) in values else ""
        rows.append([name, f"{values[name]:.0f}", f"{values[fastest(name)]:.0f}", part])
    return [work, "median ms", "fastest ms", "maps"], rows


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
    add_output_options(parser, marker=MARKER)
    args = parser.parse_args(arguments)
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    coords, feats = (value.to(args.device) for value in load_voxels(args))
    network = (Res16UNet14A if args.small else Res16UNet34C)(num_classes=CLASSES).to(args.device)
    found = contenders(network, table=args.table)
    differences = largest_differences(found, coords, feats)
    caption = (
        f"{len(coords)} voxels of {args.voxel_size} m, {type(network).__name__} on {args.device}, "
        f"{torch.get_num_threads()} of {os.cpu_count()} threads, torch {torch.__version__}"
    )
    figures = [one for work in AT_MOST for one in measure(found, coords, feats, work=work, rounds=args.rounds)]
    alike = [f"{name}: logits at most {difference:.1e} from ours" for name, difference in differences.items()]
    report = Report(caption, [table_of(work, figures) for work in AT_MOST], alike + verdicts(figures))
    publish(args, figures, report, marker=MARKER)


if __name__ == "__main__":
    run_tool(main)
