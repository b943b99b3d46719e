"""Give nerfstudio a trained field, for its viewer and renderings, or a scene, for any of its methods.

`run` writes the run folder of a trained SPIn-NeRF field: config.yml and nerfstudio_models/. Open it with
`ns-viewer --load-config .../config.yml`. `scene` writes transforms.json, with masks of what to leave out and depths.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sparsevision.datasets.views.layouts import load_scene
from sparsevision.engine import add_cfg_options, read_config, run_tool
from sparsevision.methods.spin_nerf.studio.export import export_run, export_scene
from sparsevision.utils import check_out_folder
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """example:
  python tools/misc/export_nerfstudio.py run configs/spin_nerf/CONFIG.py work_dirs/CONFIG/iter_10000.pth --out outputs
  python tools/misc/export_nerfstudio.py scene data/spin_nerf/2 --factor 4 --out data/nerfstudio/2
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    kinds = parser.add_subparsers(dest="kind", required=True)
    run = kinds.add_parser("run", help="a trained field as a run folder")
    run.add_argument("config", help="of the training: a file, or the name of a shipped one")
    run.add_argument("checkpoint", type=Path, help="that the training wrote")
    run.add_argument("--out", type=Path, required=True, help="folder of nerfstudio's runs")
    run.add_argument("--data", type=Path, help="the scene, if it is not where the config says")
    add_cfg_options(run)
    scene = kinds.add_parser("scene", help="a scene as transforms.json")
    scene.add_argument("scene", type=Path, help="folder of the scene, in a layout that sparsevision reads")
    scene.add_argument(
        "--factor", type=float, default=1, help="the images are that much smaller (default: %(default)s)"
    )
    scene.add_argument("--layout", default="auto", help="of the folder (default: %(default)s)")
    scene.add_argument("--labels", help="folder of masks beside the images, such as label")
    scene.add_argument("--disparities", help="folder of disparities beside the images, such as depth")
    scene.add_argument("--out", type=Path, required=True, help="folder for transforms.json, masks, depths")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write, and say what to do with it."""
    args = parse_args(arguments)
    check_out_folder(args.out, "--out")
    if args.kind == "run":
        config = read_config(args.config, args.cfg_options)
        written = export_run(config, args.checkpoint, out=args.out, data=args.data)
        print(f"{written}: open it with ns-viewer --load-config {written}")
    else:
        scene = load_scene(args.scene, factor=args.factor, layout=args.layout)
        written = export_scene(scene, args.out, labels=args.labels, disparities=args.disparities)
        print(f"{written}: {len(scene)} views; train with ns-train nerfacto --data {args.out}")


if __name__ == "__main__":
    run_tool(main)
