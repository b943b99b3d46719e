"""Draw which tokens each layer of a sparse encoder keeps for a photograph, its foreground scores, and what was found.

The photograph stays bright where a layer keeps a token of any level. Each dot is a token: the larger the dot, the
coarser the level.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sparsevision.apis import DetInferencer
from sparsevision.apis.tokens import kept_tokens
from sparsevision.engine import add_cfg_options, plain_warnings, read_config, run_tool
from sparsevision.utils.command_line import tool_parser
from sparsevision.visualization import write_image
from sparsevision.visualization.detections import SCORE_THRESHOLD

EXAMPLE = """examples:
  python tools/analysis_tools/show_tokens.py tiny_focus_detr_lite0_boxes_4e_shapes shapes.pth photo.jpg --out tokens.png
  python tools/analysis_tools/show_tokens.py my_config.py best.pth photo.jpg --out tokens.png \\
      --cfg-options model.keep_ratio=0.1
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("config", help="a config file, or the name of a shipped one")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument("image", type=Path, help="the photograph")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write, .png or .jpg")
    parser.add_argument(
        "--score-threshold", type=float, default=SCORE_THRESHOLD, help="of the boxes in the first panel: 0 to 1"
    )
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    with plain_warnings():
        inferencer = DetInferencer(read_config(args.config, args.cfg_options), args.checkpoint, device=args.device)
        (found,) = inferencer(args.image, score_threshold=args.score_threshold)
        tokens = kept_tokens(inferencer, found.image)
    picture = tokens.draw(found.image, detections=found.draw(score_threshold=args.score_threshold))
    total = len(tokens.scores)
    for number, kept in enumerate(tokens.kept, start=1):
        print(f"layer {number}: {len(kept)} of {total} tokens ({len(kept) / total:.0%})")
    print(f"wrote {write_image(args.out, picture)}")


if __name__ == "__main__":
    run_tool(main)
