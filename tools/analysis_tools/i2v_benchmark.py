"""What prepared motion saves in stage 2 of Motion-I2V: times of splatting, of attention over time and of steps; memory.

Splatting: first frames' features, in the widths and numbers of layers of the released network, for both branches of
guidance, through a run of 25 steps; each call is timed, and calls are added up. "Direct" resizes and splats the flow at
each call, as the release does.

Steps: two networks. The released one is narrowed to an eighth: all 21 motion modules at their four resolutions of 320 x
512 and 16 frames, one head of the released widths 40, 80 and 160 where there were eight, so that the share of each kind
of work on a token stays, but for products with weights, which are an eighth of what they were beside the rest. The
tiny one is that of this project's configs for moving shapes, with both branches of guidance. "Plain" resizes and splats
at each layer, stacks the tokens of all frames in a list and projects them. "Blind to motion" is ordinary attention over
time: how fast a step could be if following the motion cost nothing. Weights are random; plain is checked to give the
same numbers. "Attention over time" is what all such layers of a step take by themselves, on noise.

Memory is the most that torch's allocator held at once beyond weights and inputs: in a step without gradients, and
forward and backward through one layer of attention over time of the released width at the finest resolution.

FLOPs are counted by torch for the full-size networks without weights: one clip, one call, an addition counts as one.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from sparsevision.engine import run_tool
from sparsevision.layers.forward_splat import forward_splat
from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.attention import MotionAugmentedAttention, TemporalAttention
from sparsevision.methods.motion_i2v.attention_plain import InterleavedMotionAttention
from sparsevision.methods.motion_i2v.controlnet import TrajectoryControlNet
from sparsevision.methods.motion_i2v.motion_fields import MotionFields
from sparsevision.methods.motion_i2v.unet import UNetMotion3D, stage1_unet, stage2_unet
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.timings import (
    Bar,
    Clock,
    Figure,
    Report,
    add_timing_options,
    bar_sentences,
    measure,
    publish,
    start_clock,
    unless_met,
)

EXAMPLE = """example:
  python tools/analysis_tools/i2v_benchmark.py
  python tools/analysis_tools/i2v_benchmark.py --parts splat step --threads 1 --processor-time --out speed.json
  python tools/analysis_tools/i2v_benchmark.py --readme configs/motion_i2v/README.md
"""
MARKER = "i2v_benchmark"
SPLAT, STEP, MEMORY, FLOPS = PARTS = ("splat", "step", "memory", "flops")
OPERATOR, DIRECT = "operators built once", "direct"
OURS, PLAIN, BLIND = "ours", "plain", "blind to motion"
KINDS = {OURS: MotionAugmentedAttention, PLAIN: InterleavedMotionAttention, BLIND: TemporalAttention}
STEPS, BRANCHES, FRAMES, LATENT_STRIDE = 25, 2, 16, 8
LAYERS = {1: (320, 10), 2: (640, 10), 4: (1280, 10), 8: (1280, 12)}  # at each stride: channels, attentions over time
RELEASED, TINY = "released layout, an eighth as wide", "tiny configs"
NARROW = Architecture(channels=(40, 80, 160, 160), norm_groups=4, spatial_heads=1, temporal_heads=1)
SMALL = Architecture(
    channels=(32, 64), layers=1, attention_levels=(False, True), text_channels=None, spatial_heads=4, temporal_heads=2
)
RUN = f"splatting of a {STEPS}-step run"
HELD, LAYER_HELD = "memory of a step", "memory of a layer, forward and backward"
PUBLISHED_TERAFLOPS = {"stage 1": 9.99, "ControlNet": 3.64, "stage 2, plain": 11.19}
ALIKE = 1e-4  # difference of two predictions of variance 1 that are equal but for rounding


def step_of(network: str) -> str:
    """Name of the work of one step."""
    return f"step, {network}"


def attention_of(network: str) -> str:
    """Name of the work of attention over time in one step."""
    return f"attention over time, {network}"


BARS = (
    Bar(RUN, OPERATOR, DIRECT, 5),
    *(Bar(work(name), OURS, PLAIN, 1.3) for name in (RELEASED, TINY) for work in (attention_of, step_of)),
)


def smooth_flow(clips: int, frames: int, size: tuple[int, int], *, pixels: float = 12) -> Tensor:
    """(B,F,2,H,W): displacements of that standard deviation which change over a fifth of the height; field 0 zero."""
    flow = F.interpolate(pixels * torch.randn(frames, 2, 5, 8), size, mode="bilinear")
    flow[0] = 0
    return flow.expand(clips, -1, -1, -1, -1)


def splat_figures(size: tuple[int, int], *, rounds: int, clock: Clock) -> list[Figure]:
    """Milliseconds of all splatting in a sampling run; each resolution's calls are timed and added up."""
    flow = smooth_flow(BRANCHES, FRAMES, size)
    totals, figures = {OPERATOR: 0.0, DIRECT: 0.0}, []
    for stride, (channels, layers) in LAYERS.items():
        grid = tuple(side // LATENT_STRIDE // stride for side in size)
        fields, tokens = MotionFields(flow), torch.randn(BRANCHES, grid[0] * grid[1], channels)
        work = f"splatting at {grid[0]} x {grid[1]} x {channels}"
        built = measure(f"{work}: building", {OPERATOR: partial(_build, flow, grid)}, rounds=rounds, clock=clock)
        ways = {OPERATOR: partial(fields.at(grid), tokens), DIRECT: partial(splat_directly, flow, tokens, grid)}
        calls = measure(f"{work}: a call", ways, rounds=2 * rounds, clock=clock)
        for figure in calls:
            totals[figure.name] += STEPS * layers * figure.value
        totals[OPERATOR] += built[0].value
        figures += [*built, *calls]
    return figures + [Figure(RUN, name, value) for name, value in totals.items()]


def splat_directly(flow: Tensor, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """The flow resized and the first frame (B,P,C) splatted by all fields: (B*(F-1),C,h,w)."""
    fields = MotionFields(flow).resized(grid)
    image = tokens.transpose(1, 2).unflatten(2, grid)
    return forward_splat(image[:, None].expand(-1, fields.shape[1], -1, -1, -1).flatten(0, 1), fields.flatten(0, 1))


def _build(flow: Tensor, grid: tuple[int, int]) -> object:
    return MotionFields(flow).at(grid)


class Steps:
    """One denoising step of a stage-2 network for each kind of attention over time, with the same weights.

    Args:
        architecture: of the network.
        clips: B; both branches of guidance count.
        frames: F.
        size: height and width of the images.
        latent_stride: pixels of a latent place.
    """

    def __init__(
        self, architecture: Architecture, *, clips: int, frames: int, size: tuple[int, int], latent_stride: int
    ) -> None:
        self.fields = MotionFields(smooth_flow(clips, frames, size))
        latents = tuple(side // latent_stride for side in size)
        self.sample = torch.randn(clips, 4, frames, *latents)
        text = architecture.text_channels
        self.text = None if text is None else torch.randn(clips, 77, text)
        self.networks = {name: self._network(architecture, kind) for name, kind in KINDS.items()}
        weights = self.networks[PLAIN].state_dict()
        for network in self.networks.values():
            network.load_state_dict({key: weights.get(key) for key in network.state_dict()})
        self.seen: list[tuple[str, torch.Size, tuple[int, int]]] = []  # path of a layer over time, tokens, grid
        self._compare()

    def run(self, name: str) -> Tensor:
        """The prediction by the network with that kind of attention."""
        return self.networks[name](self.sample, 500, self.text, flow=None if name == BLIND else self.fields)

    def attentions(self, name: str) -> Callable[[], None]:
        """All layers of attention over time of that network, one after the other, on noise in the shapes of a step."""
        layers = [(self.networks[name].get_submodule(path), shape, size) for path, shape, size in self.seen]
        noise = {shape: torch.randn(shape) for _, shape, _ in layers}

        def run() -> None:
            for layer, shape, size in layers:
                layer(noise[shape], self.fields, size)

        return run

    def _network(self, architecture: Architecture, kind: type[TemporalAttention]) -> UNetMotion3D:
        network = stage2_unet(architecture=architecture, temporal_attention=kind).eval().requires_grad_(False)
        for name, parameter in network.named_parameters():
            if name.endswith("temporal_transformer.proj_out.weight"):  # zero at first, so that motion would not matter
                nn.init.normal_(parameter, std=0.1 * parameter.shape[1] ** -0.5)
        return network

    def _compare(self) -> None:
        """Note what the layers over time are given. UserError if the plain step gives other numbers than ours."""
        hooks = [
            layer.register_forward_hook(partial(self._note, path))
            for path, layer in self.networks[OURS].named_modules()
            if isinstance(layer, TemporalAttention)
        ]
        ours, plain = (self.run(name) for name in (OURS, PLAIN))
        for hook in hooks:
            hook.remove()
        difference = float((ours - plain).abs().max() / plain.std())
        if difference > ALIKE:
            raise UserError(f"the plain step differs from ours by {difference:.2g}; nothing is to be compared.")

    def _note(self, path: str, layer: nn.Module, given: tuple, output: Tensor) -> None:
        self.seen.append((path, given[0].shape, given[2]))


def step_figures(name: str, steps: Steps, *, rounds: int, clock: Clock) -> list[Figure]:
    """Milliseconds of whole steps and of their attention over time."""
    parts = {kind: steps.attentions(kind) for kind in KINDS}
    whole = {kind: partial(steps.run, kind) for kind in KINDS}
    attention = measure(attention_of(name), parts, rounds=2 * rounds, clock=clock)
    return attention + measure(step_of(name), whole, rounds=rounds, clock=clock)


def memory_figures(steps: Mapping[str, Steps], size: tuple[int, int]) -> list[Figure]:
    """MiB at the peak of steps, and of one layer of the released width."""
    figures = []
    for name, one in steps.items():
        figures += [Figure(f"{HELD}, {name}", kind, peak_mebibytes(partial(one.run, kind))) for kind in KINDS]
    grid, channels = tuple(side // LATENT_STRIDE for side in size), LAYERS[1][0]
    fields = MotionFields(smooth_flow(1, FRAMES, size))
    tokens = torch.randn(1, grid[0] * grid[1], FRAMES, channels, requires_grad=True)
    for name, kind in KINDS.items():
        layer = kind(channels, heads=8, max_positions=2 * FRAMES)

        def forward_and_backward(layer: nn.Module = layer) -> None:
            layer(tokens, fields, grid).sum().backward()

        figures.append(Figure(LAYER_HELD, name, peak_mebibytes(forward_and_backward)))
    return figures


def peak_mebibytes(run: Callable[[], object]) -> float:
    """The most that torch's allocator held at once while this ran for the second time, beyond what it held before."""
    run()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    changes = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        held += change.nbytes()
        peak = max(peak, held)
    return peak / 2**20


def flop_figures(size: tuple[int, int]) -> list[Figure]:
    """TFLOP of one call of each full-size network for one clip."""
    latents, later = tuple(side // LATENT_STRIDE for side in size), FRAMES - 1
    zeros = partial(torch.zeros, device="meta")
    text, strides = zeros(1, 77, 768), zeros(later)
    first = (zeros(1, 8, later, *latents), 500, text)
    second = (zeros(1, 4, FRAMES, *latents), 500, text)
    flow, condition = zeros(1, FRAMES, 2, *size), zeros(1, 5, later, *latents)
    calls = {
        "stage 1": (stage1_unet, first, {"strides": strides}),
        "ControlNet": (TrajectoryControlNet, first, {"strides": strides, "condition": condition}),
        "stage 2, plain": (partial(stage2_unet, temporal_attention=KINDS[PLAIN]), second, {"flow": flow}),
        "stage 2, ours": (stage2_unet, second, {"flow": flow}),
    }
    return [Figure(FLOPS, name, teraflops(*call)) for name, call in calls.items()]


def teraflops(build: Callable[[], nn.Module], inputs: tuple, named: dict[str, Tensor]) -> float:
    """Of one call of a network that is built without weights."""
    with torch.device("meta"):
        network = build()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs, **named)
    return counter.get_total_flops() / 1e12


def verdicts(figures: Sequence[Figure], size: tuple[int, int]) -> list[str]:
    """A sentence for each bar; for steps also what is in reach, and for FLOPs of the released size."""
    said = bar_sentences(figures, BARS)
    values = {(figure.work, figure.name): figure.value for figure in figures}
    for name in (RELEASED, TINY):
        plain, blind = (values.get((step_of(name), kind)) for kind in (PLAIN, BLIND))
        if plain and blind:
            reach = "what following motion at no cost would give, but for noise"
            said.append(f"{step_of(name)}: {BLIND} {plain / blind:.2f}x {PLAIN}: {reach}")
    for name, wanted in PUBLISHED_TERAFLOPS.items():
        value = values.get((FLOPS, name))
        if value is not None and size == (320, 512):
            met = unless_met(abs(value / wanted - 1) <= 0.01)
            said.append(f"{name}: {value:.2f} TFLOP ({wanted} within 1 % wanted{met})")
    return said


def tables(figures: Sequence[Figure]) -> list[tuple[list[str], list[list[str]]]]:
    """Headers and rows: times, memory, FLOPs; those that were measured."""
    units = {"ms": [], "MiB": [], "TFLOP": []}
    for figure in figures:
        unit = "TFLOP" if figure.work == FLOPS else "MiB" if figure.work.startswith(MEMORY) else "ms"
        digits = 2 if unit == "TFLOP" else 1
        units[unit].append([figure.work, figure.name, f"{figure.value:.{digits}f}"])
    return [(["what", "how", unit], rows) for unit, rows in units.items() if rows]


@torch.no_grad()
def all_steps(args: argparse.Namespace) -> dict[str, Steps]:
    """The networks that are compared."""
    released = Steps(NARROW, clips=1, frames=FRAMES, size=tuple(args.size), latent_stride=LATENT_STRIDE)
    return {RELEASED: released, TINY: Steps(SMALL, clips=BRANCHES, frames=8, size=(64, 64), latent_stride=4)}


def benchmark(args: argparse.Namespace) -> list[Figure]:
    """Figures of the parts that are asked for."""
    torch.manual_seed(0)
    size, timing, figures = tuple(args.size), {"rounds": args.rounds, "clock": args.clock}, []
    if SPLAT in args.parts:
        figures += splat_figures(size, **timing)
    steps = all_steps(args) if {STEP, MEMORY} & set(args.parts) else {}
    if STEP in args.parts:
        for name, one in steps.items():
            figures += step_figures(name, one, **timing)
    if MEMORY in args.parts:
        figures += memory_figures(steps, size)
    return figures + (flop_figures(size) if FLOPS in args.parts else [])


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure (default: all)")
    parser.add_argument("--size", type=int, nargs=2, default=[320, 512], metavar=("H", "W"), help="of the frames")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each that count")
    add_timing_options(parser, marker=MARKER)
    args = parser.parse_args(arguments)
    if min(args.rounds, *args.size) < 1 or any(side % (8 * LATENT_STRIDE) for side in args.size):
        parser.error("--rounds must be at least 1, --size multiples of 64")
    args.clock = start_clock(args, parser)
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    figures = benchmark(args)
    clock = "processor" if args.processor_time else "wall"
    caption = (
        f"Frames of {args.size[0]} x {args.size[1]}; {torch.get_num_threads()} of {os.cpu_count()} threads, {clock} "
        f"time, fastest of {args.rounds} turns or more; torch {torch.__version__}."
    )
    report = Report(caption, tables(figures), verdicts(figures, tuple(args.size)))
    publish(args, figures, report, marker=MARKER)


if __name__ == "__main__":
    run_tool(main)
