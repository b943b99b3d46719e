"""Seconds of training until our dense grids show unseen views as well as NeRF's network after a given time.

The network learns for --seconds and is tested at a few marks on the way; then the grids learn until they were as good
as it at each mark. Both learn colours alone, from random pixels of the same photographs. Drawing rays counts as
learning, testing does not. The tests are every 8th view with the object, which neither learns from: the scene is the
same in all of them. (The views without the object show what no photograph does; a test on them would also measure how
a field guesses.) The number is the mean PSNR over these views, protocol full: all of their pixels.

The grids are those of the config for the room's scene, with its rays, rate and decay. The network has 8 layers of 256
(--network: ours, as published, or nerfstudio's), and Adam at the published rate 5e-4. It gives density by softplus,
as nerfstudio has it, and finds its own fine samples, without a second network: both learn faster than as published.

The same seed draws the same rays and weights; how far the network comes in a time depends on the machine.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from sparsevision.datasets.views.dataset import SceneViews, extent_of
from sparsevision.datasets.views.ray_groups import PixelRays, Pixels
from sparsevision.engine import read_config, run_tool
from sparsevision.evaluation.functional.views import psnr
from sparsevision.methods.spin_nerf import SPInNeRF
from sparsevision.methods.spin_nerf.method import fit_coordinates
from sparsevision.utils import UserError, write_json
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
  python tools/analysis_tools/radiance_learning.py data/tiny_removal_room --seconds 180 --out learning.json
"""
GRIDS = "tiny_spinnerf_densegrid_scene_600i_room"
NETWORKS = {"ours": "VanillaNeRF", "nerfstudio": "StudioVanillaField"}
NETWORK_DECAY = 0.1 ** (1 / 250_000)
SCORE = "PSNR/full"
HELD_OUT = 8
WANTED = 5.0


@dataclass(frozen=True)
class Recipe:
    """How a field learns.

    Attributes:
        name: of the contender.
        renderer: config of its renderer.
        rays: a step.
        rate: of Adam.
        decay: of the rate, at each step.
    """

    name: str
    renderer: dict
    rays: int
    rate: float
    decay: float


@dataclass(frozen=True)
class Mark:
    """A test on the way: steps and seconds of training before it, and the mean PSNR in dB (protocol full)."""

    steps: int
    seconds: float
    psnr: float


@dataclass(frozen=True)
class Pair:
    """A mark of the network, and the first one of the grids that is as good; None if they did not come there."""

    network: Mark
    grids: Mark | None

    @property
    def ratio(self) -> float | None:
        """Seconds of the network for one of the grids."""
        return self.grids and self.network.seconds / self.grids.seconds


class Photographs:
    """The views of a scene with the object, in two parts: one to learn from, one to test.

    Raises:
        UserError: no such scene, or fewer than two such views.
    """

    def __init__(self, folder: Path, *, factor: int) -> None:
        self.data = SceneViews(data_root=str(folder), factor=factor, views="train", pixel_centre=0.5)
        rows = range(len(self.data))
        self.tested = rows[::HELD_OUT]
        self.learnt = [row for row in rows if row not in self.tested]
        if not self.learnt:
            raise UserError(f"{folder}: has one view with the object; expected two or more, to learn and to test.")

    def rays(self, count: int) -> PixelRays:
        """So many random pixels of the photographs to learn from, a step."""
        images = self.data.images[self.learnt]
        pixels = Pixels(
            scene=self.data.scene,
            views=tuple(self.data.views[row] for row in self.learnt),
            images=images,
            labels=np.full(images.shape[:3], -1, np.int8),
            disparities=None,
            reference=None,
            pixel_centre=self.data.pixel_centre,
        )
        return PixelRays(pixels, rays=count, where="all")

    @property
    def tested_names(self) -> list[str]:
        """Of the views to test."""
        return [self.data.scene.image_names[self.data.views[row]] for row in self.tested]


class Learner:
    """A field on its way; `seconds` and `steps` of training so far."""

    def __init__(self, recipe: Recipe, photographs: Photographs, *, seed: int) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.photographs, self.rays = photographs, photographs.rays(recipe.rays)
        self.model = SPInNeRF(renderer=recipe.renderer, preset="fixed")
        fit_coordinates(self.model, extent_of(photographs.data.scene))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.rate)
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, recipe.decay)
        self.seconds, self.steps = 0.0, 0

    def step(self) -> None:
        """Learn from one draw of rays."""
        start = time.perf_counter()
        drawn = self.rays.draw(self.rng)
        inputs = {"colours_rays": drawn["rays"], "colours_colour": drawn["colour"]}
        loss = self.model.loss(inputs | {"near_far": self.photographs.data.near_far})["loss_colours"]
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.seconds += time.perf_counter() - start
        self.steps += 1

    def test(self) -> Mark:
        """Render the views that were held out."""
        views = map(self.photographs.data.__getitem__, self.photographs.tested)
        samples = [self.model.predict(view["inputs"], [view["data_samples"]])[0] for view in views]
        scores = [psnr(sample.pred_view.numpy(), sample.gt_view.numpy()) for sample in samples]
        return Mark(self.steps, self.seconds, float(np.mean(scores)))


def grid_recipe() -> Recipe:
    """Our grids, as the config for the room's scene trains them."""
    config = read_config(GRIDS)
    rays = config.train_dataloader.dataset.groups.background.rays
    rate, decay = config.optim_wrapper.optimizer.lr, config.param_scheduler[0].gamma
    return Recipe("our dense grids", config.model.renderer, rays, rate, decay)


def network_recipe(args: argparse.Namespace) -> Recipe:
    """The network of NeRF."""
    coarse, fine = args.samples
    renderer = {"type": "Renderer", "fine": {"type": NETWORKS[args.network]}, "activation": "softplus"}
    renderer |= {"num_samples": coarse, "num_fine_samples": fine}
    return Recipe(f"NeRF's network ({args.network})", renderer, args.rays, args.rate, NETWORK_DECAY)


def learn_for(learner: Learner, name: str, *, seconds: float, marks: int, console: Console) -> list[Mark]:
    """Train for a time, and test at so many marks, evenly apart."""
    found = []
    for number in range(1, marks + 1):
        with console.status(name) as status:
            while learner.seconds < seconds * number / marks:
                learner.step()
                status.update(f"{name}: {learner.seconds:.0f} of {seconds:g} s, {learner.steps} steps")
        found.append(tested(learner, name, console))
    return found


def learn_until(
    learner: Learner, name: str, *, wanted: float, seconds: float, every: int, console: Console
) -> list[Mark]:
    """Train until a test, at every few steps, gives the PSNR that is wanted, or the time is over."""
    found = []
    while learner.seconds < seconds and not (found and found[-1].psnr >= wanted):
        with console.status(f"{name}: {learner.seconds:.0f} s, {learner.steps} steps"):
            for _ in range(every):
                learner.step()
        found.append(tested(learner, name, console))
    return found


def tested(learner: Learner, name: str, console: Console) -> Mark:
    """A test, and a line about it."""
    with console.status(f"{name}: testing"):
        mark = learner.test()
    said = f"{name}: {mark.seconds:.2f} s, {mark.steps} steps, {SCORE} {mark.psnr:.2f} dB"
    console.print(said, soft_wrap=True)
    return mark


def pairs_of(network: Sequence[Mark], grids: Sequence[Mark]) -> list[Pair]:
    """For each mark at which the network was better than before, when the grids first were as good."""
    pairs, best = [], float("-inf")
    for mark in network:
        if mark.psnr > best:
            best = mark.psnr
            pairs.append(Pair(mark, next((one for one in grids if one.psnr >= best), None)))
    return pairs


def verdict(pair: Pair) -> str:
    """A sentence about a pair."""
    reached = f"{SCORE} {pair.network.psnr:.2f} dB"
    if pair.grids is None:
        return f"{reached}: our dense grids did not come there ({WANTED:g} x wanted, NOT MET)"
    met = "" if pair.ratio >= WANTED else ", NOT MET"
    return f"{reached}: our dense grids are there {pair.ratio:.1f} x as soon ({WANTED:g} wanted{met})"


def show(pairs: Sequence[Pair], name: str, console: Console) -> None:
    """A table and the verdicts."""
    table = Table(SCORE, f"{name}: s", "steps", "our dense grids: s", "steps", SCORE, "ratio", title="time to a PSNR")
    for pair in pairs:
        cells = [f"{pair.network.psnr:.2f}", f"{pair.network.seconds:.1f}", str(pair.network.steps)]
        if pair.grids:
            cells += [f"{pair.grids.seconds:.2f}", str(pair.grids.steps), f"{pair.grids.psnr:.2f}", f"{pair.ratio:.1f}"]
        table.add_row(*cells)
    console.print(table)
    for pair in pairs:
        console.print(verdict(pair), soft_wrap=True)


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("scene", type=Path, help="folder of the scene")
    parser.add_argument("--factor", type=int, default=2, help="photographs so much smaller (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=180.0, help="the network learns (default: %(default)g)")
    parser.add_argument("--marks", type=int, default=2, help="slow tests of the network (default: %(default)s)")
    parser.add_argument("--every", type=int, default=5, help="steps between tests of the grids (default: %(default)s)")
    parser.add_argument("--network", choices=NETWORKS, default="ours", help="whose (default: %(default)s)")
    parser.add_argument("--rays", type=int, default=256, help="a step of the network (default: %(default)s)")
    parser.add_argument(
        "--samples", type=int, nargs=2, default=[32, 32], metavar=("COARSE", "FINE"), help="its own (default: 32 32)"
    )
    parser.add_argument("--rate", type=float, default=5e-4, help="of the network's Adam (default: %(default)g)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of rays and weights (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write all marks to this JSON file")
    args = parser.parse_args(arguments)
    if min(args.factor, args.marks, args.every, args.rays, args.threads) < 1 or min(args.samples) < 3:
        parser.error("--factor, --marks, --every, --rays and --threads must be at least 1, --samples at least 3")
    if not (args.seconds > 0 and args.rate > 0):
        parser.error("--seconds and --rate must be more than 0")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args, console = parse_args(arguments), Console()
    torch.set_num_threads(args.threads)
    photographs = Photographs(args.scene, factor=args.factor)
    names = photographs.tested_names
    console.print(f"{len(photographs.learnt)} views to learn from; tested: {', '.join(names)}", soft_wrap=True)
    recipe, ours = network_recipe(args), grid_recipe()
    learner = Learner(recipe, photographs, seed=args.seed)
    network = learn_for(learner, recipe.name, seconds=args.seconds, marks=args.marks, console=console)
    learner = Learner(ours, photographs, seed=args.seed)
    wanted = max(mark.psnr for mark in network)
    limits = {"wanted": wanted, "seconds": args.seconds, "every": args.every}
    grids = learn_until(learner, ours.name, **limits, console=console)
    pairs = pairs_of(network, grids)
    show(pairs, recipe.name, console)
    if args.out:
        write(args.out, args, names, network, grids)


def write(
    path: Path, args: argparse.Namespace, tested: Sequence[str], network: Sequence[Mark], grids: Sequence[Mark]
) -> None:
    """Write settings, marks and ratios as JSON. UserError if the file cannot be written."""
    content = {name: value for name, value in vars(args).items() if name not in ("scene", "out")}
    content |= {"scene": args.scene.name, "score": SCORE, "tested": list(tested), "torch": torch.__version__}
    content |= {"network_marks": [asdict(mark) for mark in network], "grid_marks": [asdict(mark) for mark in grids]}
    content["pairs"] = [asdict(pair) | {"ratio": pair.ratio} for pair in pairs_of(network, grids)]
    write_json(path, content)


if __name__ == "__main__":
    run_tool(main)
