"""Find objects in photographs: for each a picture with boxes, class names and scores, and the numbers as JSON."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sparsevision.apis import DetectionResult, DetInferencer
from sparsevision.engine import add_cfg_options, plain_warnings, read_config, run_tool
from sparsevision.utils.command_line import tool_parser
from sparsevision.visualization.detections import SCORE_THRESHOLD

EXAMPLE = """examples:
  python tools/detect.py tiny_focus_detr_lite0_boxes_4e_shapes shapes.pth photo.jpg --out-dir detected
  python tools/detect.py my_config.py best.pth photos/ --out-dir detected --score-threshold 0.5
  python tools/detect.py my_config.py best.pth photos/*.jpg --out-dir detected --cfg-options model.keep_ratio=0.3
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument("images", nargs="+", help="files, folders")
    parser.add_argument("--out-dir", type=Path, required=True, help="where <name>_boxes.jpg and .json are written")
    parser.add_argument(
        "--score-threshold", type=float, default=SCORE_THRESHOLD, help="leave out what is less certain: 0 to 1"
    )
    parser.add_argument("--batch-size", type=int, default=1, help="images at once")
    parser.add_argument("--classes", nargs="+", help="names, where neither checkpoint nor config knows them")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def summary(result: DetectionResult, score_threshold: float) -> str:
    """What was found, in words."""
    counts = result.above(score_threshold).counts()
    found = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{result.path}: {found or 'nothing'}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    options = {"score_threshold": args.score_threshold, "batch_size": args.batch_size, "out_dir": args.out_dir}
    with plain_warnings():
        config = read_config(args.config, args.cfg_options)
        inferencer = DetInferencer(config, args.checkpoint, device=args.device, classes=args.classes)
        done = []
        for result in inferencer.iterate(args.images, **options):
            print(summary(result, args.score_threshold))
            done.append(result.name)
    print(f"wrote {len(done)} pictures to {args.out_dir}")


if __name__ == "__main__":
    run_tool(main)
