"""What a sparse encoder saves: multiply-adds by part, and the times of encoders and of deformable attention.

One image. Multiply-adds are counted by torch while detectors run on noise; what samples features is not counted, as in
the literature, whose "GFLOPs" are multiply-adds. Encoders are timed on noise in the shapes of the image; they take
turns, and each one's fastest turn counts. "Plain" is the encoder with the same weights as the release runs it: every
layer sorts all tokens, gathers from all of them and writes back image by image. It is checked to give the same numbers.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from sparsevision.apis.example import Example, build_example
from sparsevision.engine import run_tool
from sparsevision.layers.ms_deform_attn import multi_scale_deformable_attention, sample_by_grid
from sparsevision.methods.focus_detr import cost
from sparsevision.methods.focus_detr.budget import Budget, Selection, select_tokens
from sparsevision.methods.focus_detr.encoder_plain import encode_plainly, sample_by_stacked_grids
from sparsevision.methods.focus_detr.network import FocusNetwork
from sparsevision.methods.focus_detr.pyramid import Pyramid
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.timings import (
    Bar,
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
  python tools/analysis_tools/detr_benchmark.py
  python tools/analysis_tools/detr_benchmark.py --size 256 320 --rounds 1 --queries 500 --out speed.json
  python tools/analysis_tools/detr_benchmark.py --readme configs/focus_detr/README.md
"""
MARKER = "detr_benchmark"
SPARSE, DENSE = "focus_detr_r50_boxes_12e_coco", "dino_r50_boxes_12e_coco"
RATIOS = (0.1, 0.3, 0.5)
DINO, PLAIN, PLAIN_OURS = "DINO, dense", "keep 0.5, plain", "keep 0.5, plain, with our deformable attention"
OURS, BY_LEVEL, STACKED = "ours", "grid_sample, level by level", "grid_sample, levels stacked"
STRIDES = (8, 16, 32, 64)
GMAC, ENCODER, ATTENTION = "GMAC", "encoder", "deformable attention"
ALIKE = 1e-3  # difference of two memories that are equal but for rounding; tokens have variance 1


def kept(ratio: float) -> str:
    """Name of our encoder at a keep ratio."""
    return f"keep {ratio:g}"


BARS = (
    Bar(ENCODER, kept(0.5), DINO, 1.9),
    Bar(ENCODER, kept(0.1), DINO, 2.6),
    Bar(ENCODER, kept(0.5), PLAIN, 1.3),
    Bar(ATTENTION, OURS, BY_LEVEL, 1.4),
)
PUBLISHED_GMAC = {kept(0.5): 53.5, DINO: 154.9}  # of the encoder at 800 x 1216


def detector_of(config: str, size: tuple[int, int]) -> Example:
    """A config's detector with random weights and one image, in evaluation mode, and nothing of it learns."""
    example = build_example(config, size=size, options={"model.backbone.pretrained": None})
    example.model.requires_grad_(False)
    return example


def multiply_adds(example: Example, name: str) -> list[Figure]:
    """GMAC of each part of a detector and of all of it."""
    found = cost.multiply_adds(example.model, lambda: example.forward("tensor"))
    return [Figure(GMAC, f"{name}: {part}", value) for part, value in found.items()]


def count_all(dense: Example, sparse: Example) -> list[Figure]:
    """GMAC of the dense detector, and of the sparse one at each keep ratio."""
    figures, network = multiply_adds(dense, DINO), sparse.model.network
    for ratio in reversed(RATIOS):
        network.budget = replace(network.budget, keep_ratio=ratio)
        figures += multiply_adds(sparse, kept(ratio))
    return figures


def noise_pyramid(size: tuple[int, int], channels: int, generator: torch.Generator) -> Pyramid:
    """Features of one image of this size, of variance 1."""
    shapes = [tuple(-(-side // stride) for side in size) for stride in STRIDES]
    tokens = sum(height * width for height, width in shapes)
    features, positions = (torch.randn(1, tokens, channels, generator=generator) for _ in range(2))
    padding = torch.zeros(1, tokens, dtype=torch.bool)
    return Pyramid(features, positions, padding, shapes, torch.tensor([shapes]))


@dataclass(frozen=True)
class Sparse:
    """The released sparse encoder on a pyramid with given foreground logits (1,N)."""

    network: FocusNetwork
    pyramid: Pyramid
    logits: Tensor

    def selection(self, ratio: float) -> Selection:
        """Of the tokens."""
        return select_tokens(self.logits, self.pyramid, Budget(keep_ratio=ratio, by_batch=True))

    def run(self, ratio: float) -> Tensor:
        """The memory."""
        head = self.network.class_heads[-1]
        return self.network.encoder(self.pyramid, selection=self.selection(ratio), class_head=head)

    def run_plainly(self, ratio: float, sampling: Callable[..., Tensor]) -> Tensor:
        """The same memory by the plain formulation."""
        selection = self.selection(ratio)
        return encode_plainly(
            self.network.encoder,
            self.pyramid,
            self.logits,
            counts=list(selection.counts),
            own=list(selection.own[0]),
            class_head=self.network.class_heads[-1],
            sampling=sampling,
        )


def encoder_contenders(
    dense: FocusNetwork, sparse: FocusNetwork, size: tuple[int, int], generator: torch.Generator
) -> dict[str, Callable[[], Tensor]]:
    """Encoders of six layers on one pyramid. UserError if the plain one gives other numbers than ours."""
    for network in (sparse, dense):
        settle(network, generator)
    pyramid = noise_pyramid(size, sparse.level_embedding.shape[1], generator)
    encoder = Sparse(sparse, pyramid, torch.randn(pyramid.padding.shape, generator=generator))
    difference = float((encoder.run(0.5) - encoder.run_plainly(0.5, sample_by_stacked_grids)).abs().max())
    if difference > ALIKE:
        raise UserError(f"the plain encoder's memory differs from ours by {difference:.2g}; nothing is to be compared.")
    return {
        DINO: partial(dense.encoder, pyramid),
        **{kept(ratio): partial(encoder.run, ratio) for ratio in reversed(RATIOS)},
        PLAIN_OURS: partial(encoder.run_plainly, 0.5, multi_scale_deformable_attention),
        PLAIN: partial(encoder.run_plainly, 0.5, sample_by_stacked_grids),
    }


def settle(network: FocusNetwork, generator: torch.Generator) -> None:
    """Offsets and weights of deformable attention depend on the token, as after training."""
    for name, parameter in network.named_parameters():
        if name.endswith(("sampling_offsets.weight", "attention_weights.weight")):
            nn.init.normal_(parameter, std=0.02, generator=generator)


def attention_contenders(
    size: tuple[int, int], queries: int, generator: torch.Generator
) -> dict[str, Callable[[], Tensor]]:
    """Ways of deformable attention, 8 heads of width 32, 4 points in each of 4 levels, without its projections."""
    pyramid = noise_pyramid(size, 256, generator)
    value = pyramid.features.view(1, -1, 8, 32)
    locations = torch.rand(1, queries, 8, 4, 4, 2, generator=generator)
    weights = torch.rand(1, queries, 8, 16, generator=generator).softmax(-1).view(1, queries, 8, 4, 4)
    ways = {OURS: multi_scale_deformable_attention, BY_LEVEL: sample_by_grid, STACKED: sample_by_stacked_grids}
    return {name: partial(way, value, pyramid.shapes, locations, weights) for name, way in ways.items()}


def verdicts(figures: Sequence[Figure], *, size: tuple[int, int]) -> list[str]:
    """A sentence for each bar that both sides were measured for, and for published multiply-adds at their size."""
    values = {figure.name: figure.value for figure in figures if figure.work == GMAC}
    said = []
    for name, wanted in PUBLISHED_GMAC.items():
        value = values.get(f"{name}: encoder")
        if value is not None and size == (800, 1216):
            met = unless_met(abs(value / wanted - 1) <= 0.01)
            said.append(f"encoder, {name}: {value:.1f} GMAC ({wanted} within 1 % wanted{met})")
    return said + bar_sentences(figures, BARS)


def tables(figures: Sequence[Figure]) -> list[tuple[list[str], list[list[str]]]]:
    """Headers and rows: multiply-adds by part, and times."""
    counted = [figure for figure in figures if figure.work == GMAC]
    names = list(dict.fromkeys(figure.name.split(": ")[0] for figure in counted))
    values = {figure.name: f"{figure.value:.1f}" for figure in counted}
    columns = [*cost.PARTS, "all"]
    parts = [[name, *(values.get(f"{name}: {part}", "") for part in columns)] for name in names]
    times = [[figure.work, figure.name, f"{figure.value:.1f}"] for figure in figures if figure.work != GMAC]
    return [(["GMAC", *columns], parts), (["what", "how", "ms"], times)]


def benchmark(args: argparse.Namespace) -> list[Figure]:
    """All figures. Deformable attention alone is measured on one thread."""
    generator, size = torch.Generator().manual_seed(0), tuple(args.size)
    dense, sparse = (detector_of(config, size) for config in (DENSE, SPARSE))
    figures = count_all(dense, sparse)
    with torch.no_grad():
        contenders = encoder_contenders(dense.model.network, sparse.model.network, size, generator)
    figures += measure(ENCODER, contenders, rounds=args.rounds, clock=args.clock)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ways = attention_contenders(size, args.queries, generator)
        return figures + measure(ATTENTION, ways, rounds=4 * args.rounds, clock=args.clock)
    finally:
        torch.set_num_threads(threads)


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--size", type=int, nargs=2, default=[800, 1216], metavar=("H", "W"), help="of the image")
    parser.add_argument("--queries", type=int, default=10_000, help="of deformable attention alone")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each encoder that count")
    add_timing_options(parser, marker=MARKER)
    args = parser.parse_args(arguments)
    if min(*args.size, args.queries, args.rounds) < 1:
        parser.error("all numbers must be at least 1")
    args.clock = start_clock(args, parser)
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    size = tuple(args.size)
    figures = benchmark(args)
    clock = "processor" if args.processor_time else "wall"
    caption = (
        f"One image of {size[0]} x {size[1]}; encoders on {torch.get_num_threads()} of {os.cpu_count()} threads, "
        f"deformable attention of {args.queries} queries on one; {clock} time; torch {torch.__version__}."
    )
    report = Report(caption, tables(figures), verdicts(figures, size=size))
    publish(args, figures, report, marker=MARKER)


if __name__ == "__main__":
    run_tool(main)
