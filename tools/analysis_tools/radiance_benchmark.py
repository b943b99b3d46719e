"""Rays per second, forward and backward, of our radiance fields and of nerfstudio's on a processor.

Every field is asked at the same samples of the same rays, in one pass; a ray's colour is the weighted sum of its
samples, and the mean of the squared colours is what is differentiated. Contenders take turns, and the median of each
one's turns counts. nerfstudio's fields (Nerfacto's hash grid in torch, and the network of NeRF) are measured if it is
installed, with its own samples, weights and renderer.
"""

import argparse
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
from torch.nn import functional as F

from sparsevision.engine import run_tool
from sparsevision.methods.spin_nerf.radiance.coordinates import BoxCoordinates
from sparsevision.methods.spin_nerf.radiance.dense_field import DenseGridField
from sparsevision.methods.spin_nerf.radiance.hash_field import HashGridField
from sparsevision.methods.spin_nerf.radiance.sampling import depths_between
from sparsevision.methods.spin_nerf.radiance.vanilla import VanillaNeRF
from sparsevision.methods.spin_nerf.radiance.volume import volume_render
from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.utils import UserError, atomic_write
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/analysis_tools/radiance_benchmark.py
  python tools/analysis_tools/radiance_benchmark.py --rays 512 --rounds 5 --threads 1 --out speed.json
"""
DENSE, HASH, VANILLA = "our dense grids", "our hash grid", "our NeRF network"
STUDIO_HASH, STUDIO_VANILLA = "nerfstudio's hash grid", "nerfstudio's NeRF network"
WANTED = 5.0
NEAR, FAR = 1.2, 8.0
NO_STUDIO = "nerfstudio is not installed and left out; `make nerfstudio` adds it."


@dataclass(frozen=True)
class Figure:
    """How fast a contender is.

    Attributes:
        name: of the contender.
        threads: that torch took.
        rays_per_second: of the median turn.
        fastest: rays per second of the fastest turn.
    """

    name: str
    threads: int
    rays_per_second: float
    fastest: float


@dataclass(frozen=True)
class Contender:
    """A field and how it renders: (R,6) rays and (R,S) depths -> (R,3) colours."""

    name: str
    field: nn.Module
    render: Callable[[nn.Module, Tensor, Tensor], Tensor]


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


def turn(contender: Contender, rays: Tensor, z: Tensor) -> float:
    """Seconds of one forward and backward pass."""
    contender.field.zero_grad()
    start = time.perf_counter()
    contender.render(contender.field, rays, z).square().mean().backward()
    return time.perf_counter() - start


def measure(found: Sequence[Contender], rays: Tensor, z: Tensor, *, threads: int, rounds: int) -> list[Figure]:
    """One figure a contender; each has a turn that does not count before those that do."""
    torch.set_num_threads(threads)
    turns = {contender.name: [] for contender in found}
    for number in track(range(rounds + 1), description=f"threads: {threads}", transient=True):
        for contender in found:
            seconds = turn(contender, rays, z)
            if number:
                turns[contender.name].append(seconds)
    count = len(rays)
    return [Figure(name, threads, count / statistics.median(own), count / min(own)) for name, own in turns.items()]


def verdicts(figures: Sequence[Figure]) -> list[str]:
    """A sentence for each field of nerfstudio and each number of threads."""
    speeds = {(figure.name, figure.threads): figure.rays_per_second for figure in figures}
    said = []
    for (name, threads), speed in speeds.items():
        if name in (STUDIO_HASH, STUDIO_VANILLA):
            ratio = speeds[DENSE, threads] / speed
            met = "" if ratio >= WANTED else ", NOT MET"
            said.append(f"threads {threads}: {DENSE} are {ratio:.1f} x as fast as {name} ({WANTED:g} wanted{met})")
    return said


def show(figures: Sequence[Figure], console: Console) -> None:
    """A table and the verdicts."""
    table = Table("field", "threads", "rays / s", "fastest", title="forward and backward")
    for figure in figures:
        table.add_row(figure.name, str(figure.threads), f"{figure.rays_per_second:.0f}", f"{figure.fastest:.0f}")
    console.print(table)
    for sentence in verdicts(figures) or [NO_STUDIO]:
        console.print(sentence, soft_wrap=True)


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
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    args = parser.parse_args(arguments)
    if min(args.rays, args.rounds, *args.threads) < 1 or args.samples < 2:
        parser.error("--rays, --rounds and --threads must be at least 1, --samples at least 2")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args, console = parse_args(arguments), Console()
    torch.manual_seed(args.seed)
    rays, z = random_rays(args.rays, args.samples, seed=args.seed)
    found = our_contenders() + studio_contenders()
    console.print(
        f"{args.rays} rays of {args.samples} samples, {os.cpu_count()} processors, torch {torch.__version__}",
        soft_wrap=True,
    )
    figures = [one for threads in args.threads for one in measure(found, rays, z, threads=threads, rounds=args.rounds)]
    show(figures, console)
    if args.out:
        write(args.out, figures, rays=args.rays, samples=args.samples)


def write(path: Path, figures: Sequence[Figure], *, rays: int, samples: int) -> None:
    """Write the figures as JSON. UserError if the file cannot be written."""
    content = {"rays": rays, "samples": samples, "figures": [asdict(one) for one in figures]}
    try:
        with atomic_write(path) as stream:
            stream.write((json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


if __name__ == "__main__":
    run_tool(main)
