"""Rays per second, forward and backward, of our radiance fields and of nerfstudio's on a processor.

Every field is asked at the same samples of the same rays, in one pass; a ray's colour is the weighted sum of its
samples, and the mean of the squared colours is what is differentiated. Contenders take turns, and the median of each
one's turns counts. nerfstudio's fields (Nerfacto's hash grid in torch, and the network of NeRF) are measured if it is
installed, with its own samples, weights and renderer.
"""

import argparse
import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.engine import run_tool
from sparsevision.methods.spin_nerf.radiance.coordinates import BoxCoordinates
from sparsevision.methods.spin_nerf.radiance.dense_field import DenseGridField
from sparsevision.methods.spin_nerf.radiance.hash_field import HashGridField
from sparsevision.methods.spin_nerf.radiance.sampling import depths_between
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.methods.spin_nerf.radiance.volume import volume_render
from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.timings import (
    Bar,
    Figure,
    Report,
    add_output_options,
    bar_sentences,
    fastest,
    medians,
    milliseconds_of,
    publish,
    take_turns,
)

EXAMPLE = """example:
  python tools/analysis_tools/radiance_benchmark.py
  python tools/analysis_tools/radiance_benchmark.py --rays 512 --rounds 5 --threads 1 --out speed.json
"""
MARKER = "radiance_benchmark"
DENSE, HASH, VANILLA = "our dense grids", "our hash grid", "our NeRF network"
STUDIO_HASH, STUDIO_VANILLA = "nerfstudio's hash grid", "nerfstudio's NeRF network"
WANTED = 5.0
NEAR, FAR = 1.2, 8.0
NO_STUDIO = "nerfstudio is not installed and left out; `make nerfstudio` adds it."


@dataclass(frozen=True)
class Contender:
    """A field and how it renders: (R,6) rays and (R,S) depths -> (R,3) colours."""

    name: str
    field: nn.Module
    render: Callable[[nn.Module, Tensor, Tensor], Tensor]

    def learn(self, rays: Tensor, z: Tensor) -> None:
        """One forward and backward pass."""
        self.render(self.field, rays, z).square().mean().backward()

    def turn(self, rays: Tensor, z: Tensor) -> float:
        """Milliseconds that a thousand rays take."""
        self.field.zero_grad()
        return 1000 * milliseconds_of(partial(self.learn, rays, z)) / len(rays)


def render_ours(field: nn.Module, rays: Tensor, z: Tensor) -> Tensor:
    """(R,3) by our own fields."""
    origins, directions = rays.split(3, -1)
    points = origins[:, None] + directions[:, None] * z[..., None]
    return volume_render(field(points, F.normalize(directions, dim=-1)), z, directions)["rgb"]


def render_studio(field: nn.Module, rays: Tensor, z: Tensor) -> Tensor:
    """(R,3) by nerfstudio: the intervals between our depths are its samples."""
    samples = nerfstudio("cameras.rays", why=STUDIO_HASH)
    heads = nerfstudio("field_components.field_heads", why=STUDIO_HASH).FieldHeadNames
    renderer = nerfstudio("model_components.renderers", why=STUDIO_HASH).RGBRenderer
    origins, directions = rays.split(3, -1)
    bundle = samples.RayBundle(
        origins=origins,
        directions=F.normalize(directions, dim=-1),
        pixel_area=torch.ones_like(origins[:, :1]),
        camera_indices=torch.zeros(len(rays), 1, dtype=torch.long),
    )
    edges = torch.cat([z, 2 * z[:, -1:] - z[:, -2:-1]], -1)[..., None] * directions.norm(dim=-1)[:, None, None]
    asked = bundle.get_ray_samples(bin_starts=edges[:, :-1], bin_ends=edges[:, 1:])
    found = field(asked)
    weights = asked.get_weights(found[heads.DENSITY])
    return renderer.combine_rgb(found[heads.RGB], weights, background_color="black")


def our_contenders() -> list[Contender]:
    """Our three fields, at their default sizes, in the box that the rays cross."""
    box = {"low": (-FAR,) * 3, "high": (FAR,) * 3}
    fields = {
        DENSE: DenseGridField(coordinates=BoxCoordinates(**box)),
        HASH: HashGridField(coordinates=BoxCoordinates(**box), finest=2048),
        VANILLA: VanillaNeRF(),
    }
    return [Contender(name, field, render_ours) for name, field in fields.items()]


def studio_contenders() -> list[Contender]:
    """nerfstudio's two fields at its default sizes, without the embedding of photographs; none without nerfstudio."""
    if importlib.util.find_spec("nerfstudio") is None:
        return []
    nerfacto = nerfstudio("fields.nerfacto_field", why=STUDIO_HASH).NerfactoField
    encoding = nerfstudio("field_components.encodings", why=STUDIO_VANILLA).NeRFEncoding
    position, direction = (
        encoding(in_dim=3, num_frequencies=count, min_freq_exp=0.0, max_freq_exp=count - 1.0, include_input=True)
        for count in (10, 4)
    )
    network = nerfstudio("fields.vanilla_nerf_field", why=STUDIO_VANILLA).NeRFField
    box = torch.tensor([[-FAR] * 3, [FAR] * 3])
    fields = {
        STUDIO_HASH: nerfacto(box, num_images=1, appearance_embedding_dim=0, implementation="torch"),
        STUDIO_VANILLA: network(position_encoding=position, direction_encoding=direction),
    }
    return [Contender(name, field, render_studio) for name, field in fields.items()]


def work_of(threads: int) -> str:
    """Name of what is done with so many threads."""
    return f"a thousand rays, {threads} threads"


def measure(found: Sequence[Contender], rays: Tensor, z: Tensor, *, threads: int, rounds: int) -> list[Figure]:
    """Milliseconds of a thousand rays."""
    torch.set_num_threads(threads)
    turns = {contender.name: partial(contender.turn, rays, z) for contender in found}
    return medians(work_of(threads), take_turns(f"threads: {threads}", turns, rounds=rounds))


def verdicts(figures: Sequence[Figure], threads: Sequence[int]) -> list[str]:
    """A sentence for each field of nerfstudio and each number of threads."""
    pairs = [(work_of(number), DENSE, other) for number in threads for other in (STUDIO_HASH, STUDIO_VANILLA)]
    return bar_sentences(figures, [Bar(*pair, WANTED) for pair in pairs]) or [NO_STUDIO]


def table_of(figures: Sequence[Figure]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: rays per second by field and number of threads."""
    speeds = {(one.work, one.name): f"{1e6 / one.value:.0f}" for one in figures}
    rows = [
        [name, work.split()[-2], speed, speeds[work, fastest(name)]]
        for (work, name), speed in speeds.items()
        if (work, fastest(name)) in speeds
    ]
    return ["field", "threads", "rays / s", "fastest"], rows


def random_rays(count: int, samples: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """(R,6) rays of forward-facing cameras around the origin, and (R,S) depths between near and far."""
    generator = torch.Generator().manual_seed(seed)
    origins = torch.rand(count, 3, generator=generator) - 0.5
    sideways = torch.rand(count, 2, generator=generator) - 0.5
    rays = torch.cat([origins, sideways, -torch.ones(count, 1)], -1)
    return rays, depths_between(NEAR, FAR, samples, linear_in_disparity=True).expand(count, samples)


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--rays", type=int, default=1024, help="a pass (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=64, help="a ray (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that count (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1], help="of torch (default: 2 and 1)")
    parser.add_argument("--seed", type=int, default=0, help="of rays and weights (default: %(default)s)")
    add_output_options(parser, marker=MARKER)
    args = parser.parse_args(arguments)
    if min(args.rays, args.rounds, *args.threads) < 1 or args.samples < 2:
        parser.error("--rays, --rounds and --threads must be at least 1, --samples at least 2")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    torch.manual_seed(args.seed)
    rays, z = random_rays(args.rays, args.samples, seed=args.seed)
    found = our_contenders() + studio_contenders()
    figures = [one for threads in args.threads for one in measure(found, rays, z, threads=threads, rounds=args.rounds)]
    caption = (
        f"{args.rays} rays of {args.samples} samples, forward and backward, {os.cpu_count()} processors, "
        f"torch {torch.__version__}"
    )
    report = Report(caption, [table_of(figures)], verdicts(figures, args.threads))
    publish(args, figures, report, marker=MARKER)


if __name__ == "__main__":
    run_tool(main)
