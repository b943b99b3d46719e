"""A page in the browser that makes videos of images: draw drags and a brush, look at the preview, sample, download."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sparsevision.apis.video_generation import I2VInferencer
from sparsevision.apis.video_generation.page import Workbench, launch_page
from sparsevision.engine import add_cfg_options, plain_warnings, read_config, run_tool
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/motion_i2v_page.py --config tiny_motion_i2v_shapes --motion tracks.pth --frames frames.pth
  python tools/motion_i2v_page.py --config my_config.py --checkpoint whole.pth --port 7861
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("--config", default="tiny_motion_i2v_shapes", help="a config file, or a shipped one's name")
    parser.add_argument("--checkpoint", type=Path, help="weights of both stages")
    parser.add_argument("--motion", type=Path, help="weights of stage 1, from drags to motion")
    parser.add_argument("--frames", type=Path, help="weights of stage 2, from motion to frames")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, this machine alone")
    parser.add_argument("--port", type=int, default=7860, help="default: %(default)s")
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    with plain_warnings(), tempfile.TemporaryDirectory(prefix="motion_i2v_") as folder:
        config = read_config(args.config, args.cfg_options)
        inferencer = I2VInferencer(config, args.checkpoint, motion=args.motion, frames=args.frames, device=args.device)
        launch_page(Workbench(inferencer, folder), host=args.host, port=args.port)


if __name__ == "__main__":
    run_tool(main)
