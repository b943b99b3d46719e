"""What GenSAM costs on one image: text encoding against the published way, and everything else against SAM's encoder.

CLIP ViT-B/16 and SAM ViT-B have their full shapes and random weights, so nothing is downloaded; the words are those of
the default prompt set, so no keyword source is in the figures. About two minutes on two CPU cores. The exit code is 1
where a bar is not met.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from sparsevision.datasets.image_io import read_image
from sparsevision.engine import run_tool
from sparsevision.layers.promptable.sam import SegmentAnything
from sparsevision.methods.gensam import ClipHeatmap, SpatialCLIP, resolve_options, run_gensam
from sparsevision.methods.gensam.network import ClipConfig
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.timings import Figure, Report, add_output_options, publish

EXAMPLE = """examples:
  python tools/analysis_tools/gensam_cost.py
  python tools/analysis_tools/gensam_cost.py --image photo.jpg --passes 6 --out cost.json
"""
MARKER = "gensam_cost"
VIT_B_16 = ClipConfig(
    embed_dim=512, grid=14, patch=16, image_width=768, image_layers=12, text_width=512, text_layers=12
)
WORDS = SimpleNamespace(
    foreground=["camouflaged animal", "disguised animal", "hidden animal"], background=["environment"]
)
PROMPTS = 85 * (len(WORDS.foreground) + len(WORDS.background) + 1)  # in a pass; the last one is the empty text
TIMED_PROMPTS = 85


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Work in multiply-accumulates (MAC), times in seconds.

    `published_text` figures are for every prompt at the full context in every pass; its time is that of 85 prompts,
    measured in the same run, times their number.
    """

    passes: int
    published_text_macs: float
    published_text_seconds: float
    text_macs: float
    text_seconds: float
    sam_encoder_seconds: float
    warm_rest_seconds: float
    cold_rest_seconds: float
    warm_clip_image_seconds: float

    @property
    def text_ratio(self) -> float:
        """How many times less text work than the published way."""
        return self.published_text_macs / self.text_macs

    @property
    def bars_met(self) -> bool:
        """At least 10 times less text work, and with warm words all but SAM's encoder takes less than the encoder."""
        return self.text_ratio >= 10 and self.warm_rest_seconds < self.sam_encoder_seconds


class Stopwatch:
    """Seconds spent, and the shapes of the first inputs seen, in calls of some modules."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.shapes: list[torch.Size] = []
        self._start = 0.0

    @contextmanager
    def on(self, *modules: nn.Module) -> Iterator["Stopwatch"]:
        handles = [module.register_forward_pre_hook(self._begin) for module in modules]
        handles += [module.register_forward_hook(self._end) for module in modules]
        try:
            yield self
        finally:
            for handle in handles:
                handle.remove()

    def _begin(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.shapes.append(inputs[0].shape)
        self._start = time.perf_counter()

    def _end(self, _module: nn.Module, _inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        self.seconds += time.perf_counter() - self._start


def text_macs(sequences: int, length: int, config: ClipConfig) -> float:
    """MACs of the text tower: per block 12 w² for each token and 2 L² w for attention, then the projection."""
    width = config.text_width
    block = length * 12 * width**2 + 2 * length**2 * width
    return sequences * (config.text_layers * block + width * config.embed_dim)


def measure(image: np.ndarray, *, clip: SpatialCLIP, segmenter: nn.Module, sam_encoder: nn.Module, passes: int) -> Cost:
    """Run GenSAM (`published`) on one uint8 RGB image with a cold, then with a warm cache of words.

    sam_encoder: the module inside `segmenter` whose time is the yardstick.
    """
    backend = ClipHeatmap(clip=clip)

    def run() -> tuple[float, Stopwatch, Stopwatch, Stopwatch, list[torch.Size]]:
        sam, vision, text = Stopwatch(), Stopwatch(), Stopwatch()
        first_block = Stopwatch()
        blocks = clip.transformer.resblocks
        with sam.on(sam_encoder), vision.on(clip.visual), text.on(*blocks), first_block.on(blocks[0]):
            start = time.perf_counter()
            run_gensam(
                image,
                words=[WORDS],
                backend=backend,
                segmenter=segmenter,
                options=resolve_options("published", recursive=passes - 1),
            )
            total = time.perf_counter() - start
        return total, sam, vision, text, first_block.shapes

    cold_total, cold_sam, _, text, text_shapes = run()
    warm_total, warm_sam, vision, warm_text, _ = run()
    assert not warm_text.shapes, "the warm run encoded text"
    published = passes * PROMPTS
    return Cost(
        passes=passes,
        published_text_macs=text_macs(published, clip.config.context, clip.config),
        published_text_seconds=time_full_context(clip) * published / TIMED_PROMPTS,
        text_macs=sum(text_macs(shape[0], shape[1], clip.config) for shape in text_shapes),
        text_seconds=text.seconds,
        sam_encoder_seconds=warm_sam.seconds,
        warm_rest_seconds=warm_total - warm_sam.seconds,
        cold_rest_seconds=cold_total - cold_sam.seconds,
        warm_clip_image_seconds=vision.seconds,
    )


@torch.no_grad()
def time_full_context(clip: SpatialCLIP) -> float:
    """Seconds in the text blocks for TIMED_PROMPTS prompts that fill the whole context."""
    tokens = torch.zeros(TIMED_PROMPTS, clip.config.context, dtype=torch.long)
    tokens[:, -1] = clip.config.vocab - 1
    with Stopwatch().on(*clip.transformer.resblocks) as watch:
        clip.encode_text(tokens)
    return watch.seconds


def figures_of(cost: Cost) -> list[Figure]:
    """Milliseconds of text and of everything else, and tera-multiply-accumulates of text."""
    text, image = f"text of {cost.passes} passes", f"one image, {cost.passes} passes"
    return [
        Figure(text, "ours", 1000 * cost.text_seconds),
        Figure(text, "as published", 1000 * cost.published_text_seconds),
        Figure(text, "ours, TMAC", cost.text_macs / 1e12),
        Figure(text, "as published, TMAC", cost.published_text_macs / 1e12),
        Figure(image, "SAM image encoder", 1000 * cost.sam_encoder_seconds),
        Figure(image, "all but the encoder, words warm", 1000 * cost.warm_rest_seconds),
        Figure(image, "CLIP image passes", 1000 * cost.warm_clip_image_seconds),
        Figure(image, "all but the encoder, words cold", 1000 * cost.cold_rest_seconds),
    ]


def report_of(cost: Cost) -> Report:
    """A table of the figures and whether the two bars are met."""
    rows = [
        ["text, every prompt at 77 tokens in every pass*", cost.published_text_macs, cost.published_text_seconds],
        ["text, ours, cold", cost.text_macs, cost.text_seconds],
        ["text, ours, warm", 0, 0],
        ["SAM image encoder", None, cost.sam_encoder_seconds],
        ["all but the encoder, words warm", None, cost.warm_rest_seconds],
        ["    of it CLIP image passes", None, cost.warm_clip_image_seconds],
        ["all but the encoder, words cold", None, cost.cold_rest_seconds],
    ]
    cells = [
        [what, "" if macs is None else f"{macs / 1e12:.3f} TMAC", f"{seconds:.1f} s"] for what, macs, seconds in rows
    ]
    share = cost.warm_rest_seconds / cost.sam_encoder_seconds
    sentences = [
        f"* time of {TIMED_PROMPTS} such prompts, measured in this run, times {cost.passes * PROMPTS // TIMED_PROMPTS}",
        f"Text work {cost.text_ratio:.0f} times less than published (at least 10 wanted).",
        f"With warm words all but the encoder takes {share:.2f} of the encoder's time (below 1 wanted).",
    ]
    caption = f"GenSAM on one image, {cost.passes} passes, {torch.get_num_threads()} threads"
    return Report(caption, [(["", "work", "time"], cells)], sentences)


def load_image(path: Path | None) -> np.ndarray:
    """The picture to segment, or a smooth random one of 768 x 1024 pixels."""
    if path is not None:
        return read_image(path)
    coarse = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0)) * 255
    smooth = nn.functional.interpolate(coarse, size=(768, 1024), mode="bicubic").clamp(0, 255)
    return smooth[0].permute(1, 2, 0).to(torch.uint8).numpy()


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--image", type=Path, help="picture to segment (a smooth random one by default)")
    parser.add_argument("--passes", type=int, default=6, help="passes of GenSAM (6 in the paper)")
    add_output_options(parser, marker=MARKER)
    args = parser.parse_args(arguments)
    if args.passes < 1:
        parser.error("--passes must be at least 1")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    torch.manual_seed(0)
    segmenter = SegmentAnything(network="vit_b")
    clip = SpatialCLIP(VIT_B_16).eval().requires_grad_(False)
    cost = measure(
        load_image(args.image),
        clip=clip,
        segmenter=segmenter,
        sam_encoder=segmenter.network.image_encoder,
        passes=args.passes,
    )
    publish(args, figures_of(cost), report_of(cost), marker=MARKER)
    sys.exit(int(not cost.bars_met))


if __name__ == "__main__":
    run_tool(main)
