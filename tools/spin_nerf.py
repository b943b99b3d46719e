"""Remove an object from a scene of photographs, from clicks in one of them: masks, inpainting, a radiance field."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sparsevision.apis.object_removal import STAGES, RemovalSettings, remove_object
from sparsevision.apis.object_removal.settings import INPAINTERS, PROPAGATIONS, SEGMENTERS
from sparsevision.engine import run_tool
from sparsevision.engine.cli import say
from sparsevision.utils.command_line import tool_parser

SMALL = "tiny_spinnerf_densegrid_{}_room"
FULL = "spinnerf_hashgrid_{}_statue"
CONFIGS = {
    "small": {stage: SMALL.format(part) for stage, part in
              (("masks", "masks_300i"), ("scene", "scene_600i"), ("final", "inpainted_300i"))},
    "full": {stage: FULL.format(part) for stage, part in
             (("masks", "masks_4000i"), ("scene", "background_4000i"), ("final", "inpainted_10000i"))},
}  # fmt: skip
EXAMPLE = """examples:
  python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
  python tools/spin_nerf.py data/tiny_removal_room --clicks data/tiny_removal_room/clicks.json --factor 2 \\
      --out work_dirs/removal
  python tools/spin_nerf.py SCENE --clicks clicks.json --factor 8 --out OUT --until propagate    look at the masks first
  python tools/spin_nerf.py SCENE --clicks clicks.json --factor 8 --out OUT                      go on from there
  python tools/spin_nerf.py SCENE --clicks clicks.json --factor 4 --out OUT --configs full       on a graphics card

clicks.json: {"view": "IMG_2707", "size": [378, 504], "clicks": [[x, y, 1], [x, y, 0]]}; 1 is on the object, 0 off it.
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    names = [stage.name for stage in STAGES]
    stages = "\n".join(f"  {stage.name:<10} {stage.about}" for stage in STAGES)
    order = f"stages, each in a folder of OUT and not done again once it is complete:\n{stages}\n"
    parser = tool_parser(__doc__, f"{EXAMPLE}\n{order}")
    parser.add_argument("scene", type=Path, help="folder of the scene: LLFF, the SPIn-NeRF benchmark, nerfstudio, ...")
    parser.add_argument("--clicks", type=Path, required=True, help="JSON of clicks in one view")
    parser.add_argument("--out", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--factor", type=int, required=True, help="images are that much smaller than the photographs")
    parser.add_argument("--layout", default="auto", help="of the scene's folder (default: look)")
    parser.add_argument("--segmenter", choices=SEGMENTERS, default=SEGMENTERS[0], help="what answers to clicks")
    parser.add_argument("--segmenter-side", type=int, default=1024, help="pixels of the square that MobileSAM sees")
    parser.add_argument("--propagation", choices=PROPAGATIONS, default=PROPAGATIONS[0], help="into the other views")
    parser.add_argument("--rounds", type=int, default=1, help="fields of masks, each from the masks of the one before")
    parser.add_argument(
        "--inpainter",
        default="patchmatch",
        help=f"{', '.join(INPAINTERS)}, or a folder of images (default: %(default)s)",
    )
    parser.add_argument(
        "--disparity-inpainter", default="opencv", help="the same for disparities (default: %(default)s, harmonically)"
    )
    parser.add_argument("--lama-weights", help="checkpoint of big-lama, for --inpainter lama")
    parser.add_argument("--no-refine", action="store_true", help="inpaint also what other views show")
    parser.add_argument("--configs", choices=list(CONFIGS), default="small", help="of the three fields")
    for stage in ("masks", "scene", "final"):
        parser.add_argument(f"--{stage}-config", help=f"another config of the field of '{stage}'")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="settings of all three configs; final:KEY=VALUE of one",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    parser.add_argument("--redo-from", choices=names, metavar="STAGE", help="do this stage and all after it again")
    parser.add_argument("--until", choices=names, metavar="STAGE", help="the last stage to do")
    return parser.parse_args(arguments)


def settings_of(args: argparse.Namespace) -> RemovalSettings:
    """What the chain is told."""
    configs = {
        f"{stage}_config": getattr(args, f"{stage}_config") or name for stage, name in CONFIGS[args.configs].items()
    }
    same = (
        "scene",
        "clicks",
        "out",
        "factor",
        "layout",
        "segmenter",
        "segmenter_side",
        "propagation",
        "rounds",
        "inpainter",
    )
    return RemovalSettings(
        **{name: getattr(args, name) for name in (*same, "disparity_inpainter", "lama_weights", "seed", "device")},
        **configs,
        refine=not args.no_refine,
        options=tuple(args.cfg_options),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    page = remove_object(settings_of(args), redo_from=args.redo_from, until=args.until)
    if page.is_file() and args.until in (None, STAGES[-1].name):
        say(f"Done: {page}")


if __name__ == "__main__":
    run_tool(main)
