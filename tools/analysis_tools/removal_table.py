"""Compare ways to remove an object from synthetic rooms: the whole chain, masked NeRF, and inpainting without a NeRF.

For each seed a room is made and tools/spin_nerf.py's chain is run on it. All are measured in the views without the
object, inside of the hole that it would leave there ("masked" protocol). The last column is the whole chain less that
row (for masks: those of the field less the propagated ones): mean and standard error over seeds, and each of them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sparsevision.apis.object_removal import RemovalSettings, remove_object
from sparsevision.apis.object_removal.chain import Job, stamp_of
from sparsevision.apis.object_removal.inpainting import build_inpainter
from sparsevision.apis.object_removal.results import numbers_of
from sparsevision.datasets.views.images import read_images
from sparsevision.datasets.views.labels import read_test_labels
from sparsevision.engine import call_tool, run_tool
from sparsevision.evaluation import ViewMetric
from sparsevision.utils import write_json
from sparsevision.utils.command_line import tool_parser
from sparsevision.zoo.runs import write_block

METRICS = {"PSNR/masked": "dB", "LPIPS/masked": "less is better"}
FULL = "whole chain"
ROWS = (FULL, "masked NeRF", "each view inpainted, no NeRF")
MASKS = ("propagated masks", "masks of the field")
IOU = "IoU/annotated_views"
MARKER = "rooms"
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
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--seeds", type=int, default=3, help="rooms, and runs: one seed for both")
    parser.add_argument("--first-seed", type=int, default=4, help="number of the first; 0 to 3 were looked at before")
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


def measure(settings: RemovalSettings) -> dict[str, dict[str, float]]:
    """Run the chain, and give its numbers: metric -> row -> value; "seconds" of the stages (None: one was killed)."""
    remove_object(settings)
    job = Job(settings)
    fields, inpainted = numbers_of(job), inpainted_numbers(job)
    results = {
        metric: dict(
            zip(ROWS, (fields["with inpainted views"][metric], fields["without inpainting"][metric], own), strict=True)
        )
        for metric, own in inpainted.items()
    }
    results[IOU] = {name: fields[name][IOU] for name in MASKS}
    seconds = {path.name: stamp_of(job, path.name).get("seconds", 0.0) for path in settings.out.iterdir()}
    return results | {"seconds": seconds}


def inpainted_numbers(job: Job) -> dict[str, float]:
    """Of the test photographs themselves, with their holes filled from what is around them."""
    images, holes = read_images(job.scene), read_test_labels(job.scene) == 1
    inpainter = build_inpainter(job, job.settings.inpainter)
    metric = ViewMetric(protocols=("masked",), lpips="vgg")
    for view, hole in zip(job.scene.test, holes, strict=True):
        filled = inpainter(images[view], hole, name=job.scene.image_names[view])
        shown, true = (torch.from_numpy(image / 255).float().permute(2, 0, 1) for image in (filled, images[view]))
        sample = {"scene": job.scene.name, "view": str(view), "pred_view": shown, "gt_view": true}
        metric.process({}, [sample | {"gt_mask": torch.from_numpy(hole)}])
    found = metric.evaluate(len(holes))
    return {name: found[name] for name in METRICS}


def table_of(results: dict[int, dict[str, dict[str, float]]]) -> str:
    """Markdown: a row for each way and metric: its values by seed, their mean, the chain's lead over it."""
    seeds = list(results)
    lines = [f"| | {' | '.join(f'seed {seed}' for seed in seeds)} | mean | difference |"]
    lines.append("| --- " * (len(seeds) + 3) + "|")
    for metric, unit in METRICS.items():
        chain = np.array([results[seed][metric][FULL] for seed in seeds])
        for name in ROWS:
            values = np.array([results[seed][metric][name] for seed in seeds])
            lines.append(row_of(f"{name} ({metric}, {unit})", values, chain - values if name != FULL else None))
    propagated, field = (np.array([results[seed][IOU][name] for seed in seeds]) for name in MASKS)
    lines.append(row_of(f"{MASKS[0]} ({IOU}, %)", propagated, field - propagated))
    lines.append(row_of(f"{MASKS[1]} ({IOU}, %)", field, None))
    return "\n".join(lines)


def row_of(name: str, values: np.ndarray, differences: np.ndarray | None) -> str:
    """One row, with what the whole method has more than it."""
    shown = " | ".join(f"{value:.3f}" for value in values)
    return f"| {name} | {shown} | **{values.mean():.3f}** | {'' if differences is None else paired(differences)} |"


def paired(differences: np.ndarray) -> str:
    """Mean and standard error of differences, with each of them."""
    error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else 0.0
    each = ", ".join(f"{value:+.3f}" for value in differences)
    return f"{differences.mean():+.3f} ± {error:.3f} ({each})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    results = {seed: measure(settings_of(args.work_dir, seed)) for seed in seeds}
    write_json(args.work_dir / "removal_table.json", results)
    table = table_of(results)
    print(table)
    if args.readme:
        write_block(args.readme, table, marker=MARKER)


if __name__ == "__main__":
    run_tool(main)
