"""Compare ways to remove an object from synthetic rooms: the whole chain, masked NeRF, and inpainting without a NeRF.

For each seed a room is made and tools/spin_nerf.py's chain is run on it. All are measured in the views without the
object, inside of the hole that it would leave there ("masked" protocol).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparsevision.apis.object_removal import RemovalSettings, remove_object
from sparsevision.apis.object_removal.chain import Job, stamp_of
from sparsevision.apis.object_removal.inpainting import build_inpainter
from sparsevision.apis.object_removal.results import numbers_of
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.labels import read_test_labels
from sparsevision.engine import call_tool, run_tool
from sparsevision.engine.cli import say
from sparsevision.evaluation.functional.views import psnr
from sparsevision.utils import atomic_write
from sparsevision.zoo import replace_between_markers

METRIC = "PSNR/masked"
FULL = "whole chain"
ROWS = (FULL, "masked NeRF", "each view inpainted, no NeRF")
MASKS = ("propagated masks", "masks of the field")
BEGIN, END = "<!-- rooms:begin -->", "<!-- rooms:end -->"
CHOICES = {
    "propagation": "features",
    "segmenter_side": 768,
    "masks_config": "tiny_spinnerf_densegrid_masks_300i_room",
    "scene_config": "tiny_spinnerf_densegrid_scene_600i_room",
    "final_config": "tiny_spinnerf_densegrid_inpainted_300i_room",
}
EXAMPLE = """example:
  OMP_NUM_THREADS=1 python tools/analysis_tools/removal_table.py --seeds 3 --readme configs/spin_nerf/README.md
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="rooms, and runs: one seed for both")
    parser.add_argument("--first-seed", type=int, default=1, help="number of the first one; settings were tried on 0")
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/removal_table"), help="for rooms and runs")
    parser.add_argument(
        "--readme", type=Path, help="write the table between <!-- rooms:begin --> and <!-- rooms:end -->"
    )
    return parser.parse_args(arguments)


def settings_of(work_dir: Path, seed: int) -> RemovalSettings:
    """The chain on the room of a seed, which is made if it is not there."""
    room = work_dir / f"room_{seed}"
    call_tool("make_synthetic.py", "removal_room", "--out", room, "--seed", str(seed))
    out = work_dir / f"run_{seed}"
    return RemovalSettings(scene=room, clicks=room / "clicks.json", out=out, factor=2, seed=seed, **CHOICES)


def measure(settings: RemovalSettings) -> dict[str, float]:
    """Run the chain, and give its numbers: PSNR in the hole in dB, mask IoU in percent, seconds."""
    remove_object(settings)
    job = Job(settings)
    fields = numbers_of(job)
    values = {
        FULL: fields["with inpainted views"][METRIC],
        ROWS[1]: fields["without inpainting"][METRIC],
        ROWS[2]: inpainted_psnr(job),
    }
    values |= {name: fields[name]["IoU/annotated_views"] for name in MASKS}
    return values | {"seconds": sum(stamp_of(job, path.name).get("seconds", 0.0) for path in settings.out.iterdir())}


def inpainted_psnr(job: Job) -> float:
    """The test photographs themselves, with their holes filled from what is around them."""
    images, holes = read_images(job.scene), read_test_labels(job.scene)
    inpainter = build_inpainter(job, job.settings.inpainter)
    scores = []
    for view, hole in zip(job.scene.test, holes == 1, strict=True):
        filled = inpainter(images[view], hole, name=job.scene.image_names[view])
        scores.append(psnr(filled / 255.0, images[view] / 255.0, mask=hole))
    return float(np.mean(scores))


def table_of(results: dict[int, dict[str, float]]) -> str:
    """Markdown: a row for each way, its values by seed, mean, and how much less than the whole chain it is."""
    seeds = list(results)
    head = f"| | {' | '.join(f'seed {seed}' for seed in seeds)} | mean | whole chain is better by |"
    lines = [head, "| --- " * (len(seeds) + 3) + "|"]
    for name in (*ROWS, *MASKS):
        values = np.array([results[seed][name] for seed in seeds])
        lead = "" if name in (FULL, *MASKS) else paired(np.array([results[seed][FULL] for seed in seeds]) - values)
        unit = "IoU, %" if name in MASKS else f"{METRIC}, dB"
        shown = " | ".join(f"{value:.2f}" for value in values)
        lines.append(f"| {name} ({unit}) | {shown} | **{values.mean():.2f}** | {lead} |")
    gain = paired(np.array([results[seed][MASKS[1]] - results[seed][MASKS[0]] for seed in seeds]))
    lines.append(f"| field over propagated masks (IoU, %) | {' | '.join('' for _ in seeds)} | | {gain} |")
    return "\n".join(lines)


def paired(differences: np.ndarray) -> str:
    """Mean and standard error of differences, with each of them."""
    error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else 0.0
    each = ", ".join(f"{value:+.2f}" for value in differences)
    return f"{differences.mean():+.2f} ± {error:.2f} ({each})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    results = {seed: measure(settings_of(args.work_dir, seed)) for seed in seeds}
    with atomic_write(args.work_dir / "removal_table.json") as file:
        file.write((json.dumps(results, indent=2) + "\n").encode())
    table = table_of(results)
    print(table)
    if args.readme:
        page = args.readme.read_text(encoding="utf-8")
        text = replace_between_markers(page, table, begin=BEGIN, end=END, where=str(args.readme))
        with atomic_write(args.readme) as file:
            file.write(text.encode())
        say(f"{args.readme}: written")


if __name__ == "__main__":
    run_tool(main)
