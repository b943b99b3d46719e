"""Segment point clouds and meshes with a trained network: every point gets a class.

For each cloud a .ply is written with the points in the colours of their classes, `label` and `confidence`, and the
faces of a mesh; and a picture, its colours beside its classes, seen from above without the ceiling.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from sparsevision.apis import PointSegInferencer, PointSegResult
from sparsevision.apis.points import MAX_VOXELS
from sparsevision.datasets.points.read_cloud import AXES, UNITS
from sparsevision.engine import plain_warnings, run_tool
from sparsevision.methods.cpcm.voting import FULL_VOTING
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/point_segment.py tiny_cpcm_res16unet_0p1pct_40e_rooms rooms.pth room.ply --out-dir segmented
  python tools/point_segment.py cpcm_res16unet34c_0p1pct_180e_scannet scannet.pth scans/*.las --voting --out-dir out
  python tools/point_segment.py cpcm_res16unet34c_0p1pct_180e_scannet scannet.pth mesh.ply --unit mm --up y \\
      --out-dir out
"""
SHOWN = 6  # classes named in the line of a cloud


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument("clouds", nargs="+", type=Path, help=".ply, .pcd, .las, .laz, .npy, .txt, .xyz, .csv, .bin")
    parser.add_argument("--out-dir", type=Path, required=True, help="where to write")
    parser.add_argument(
        "--voting", action="store_true", help="look thirteen times, and predict every point from its own colour"
    )
    parser.add_argument(
        "--max-fragments",
        type=int,
        help="with --voting: looks a pose at most; default: the fullest voxel's points, which may take long",
    )
    parser.add_argument("--max-voxels", type=int, default=MAX_VOXELS, help="cut larger clouds into blocks")
    parser.add_argument("--unit", choices=list(UNITS), default="m", help="of the coordinates")
    parser.add_argument("--up", choices=AXES, default="z", help="the axis that points upward; write --up=-y for -y")
    parser.add_argument("--bin-columns", type=int, default=4, help="float32 numbers a point of .bin files")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    args = parser.parse_args(arguments)
    if args.max_fragments is not None and not args.voting:
        parser.error("--max-fragments needs --voting")
    return args


def check_names(clouds: Sequence[Path]) -> None:
    """Raises UserError when two clouds would be written to the same files, or one is missing."""
    for cloud in clouds:
        if not cloud.is_file():
            raise UserError(f"{cloud}: {'is a folder; name its files' if cloud.is_dir() else 'there is no such file'}.")
    stem, count = Counter(cloud.stem for cloud in clouds).most_common(1)[0]
    if count > 1:
        raise UserError(
            f"{count} clouds are called '{stem}' and would overwrite each other; give each its own --out-dir."
        )


def summary(result: PointSegResult) -> str:
    """The commonest classes in words."""
    shares = list(result.shares().items())
    words = [f"{name} {share:.0%}" for name, share in shares[:SHOWN]]
    return ", ".join(words) + (f", {len(shares) - SHOWN} more" if len(shares) > SHOWN else "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_names(args.clouds)
    check_out_folder(args.out_dir, "--out-dir")
    voting = dict(FULL_VOTING) | {"max_fragments": args.max_fragments} if args.voting else None
    options = {"unit": args.unit, "up": args.up, "bin_columns": args.bin_columns, "max_voxels": args.max_voxels}
    with plain_warnings():
        inferencer = PointSegInferencer(args.config, args.checkpoint, device=args.device)
        for cloud in args.clouds:
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task(cloud.name, total=None)
                result = inferencer(
                    cloud,
                    out_dir=args.out_dir,
                    voting=voting,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),  # noqa: B023
                    **options,
                )
            print(f"{cloud}: {len(result.labels)} points: {summary(result)}")
    print(f"wrote {len(args.clouds)} clouds to {args.out_dir}")


if __name__ == "__main__":
    run_tool(main)
