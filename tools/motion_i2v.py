"""Image to video by Motion-I2V: by drags and a brush, a camera move, for many images, or along another video."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sparsevision.apis.video_generation import (
    FLOWS,
    REGIONS,
    DragSettings,
    I2VInferencer,
    I2VResult,
    flow_extractor,
)
from sparsevision.apis.video_generation.result import FRAMES_PER_SECOND
from sparsevision.engine import add_cfg_options, plain_warnings, read_config, run_tool
from sparsevision.methods.motion_i2v import CAMERA_MOVES, SPEEDS
from sparsevision.utils import UserError, check_out_folder
from sparsevision.utils.command_line import tool_parser

CONFIG = "tiny_motion_i2v_shapes"
EXAMPLE = """examples:
  python tools/motion_i2v.py photo.png --drag "20,30 44,30" --drag "10,50" --hold 3 --motion tracks.pth \\
      --frames frames.pth --out dragged
  python tools/motion_i2v.py photo.png --drag "20,30 44,30" --brush brush.png --speed ease_in_out --region object \\
      --config my_config.py --checkpoint whole.pth --prompt "a boat on a river" --out boat
  python tools/motion_i2v.py photo.png --camera zoom_in --frames frames.pth --out zoomed
  python tools/motion_i2v.py --json trajectories.json --motion tracks.pth --frames frames.pth --out many
  python tools/motion_i2v.py --video clip.mp4 --restyled first.png --extractor gmflow --frames frames.pth --out restyled

A drag is its clicks "x,y x,y ..." in pixels of the image; one click is a point that stays. A brush is a picture of the
same size, not black where things may move. The JSON file is a list of {"image": "a.png", "tracks": [[[x, y], ...]],
"brush": "b.png", "prompt": "..."}. Without stage 2 (--frames, or --checkpoint) there is motion and a preview.
"""


def drag(text: str) -> list[tuple[float, float]]:
    """ "10,20 40,20" -> [(10, 20), (40, 20)].

    Raises:
        argparse.ArgumentTypeError: not such a list.
    """
    try:
        clicks = [tuple(float(number) for number in click.split(",")) for click in text.split()]
    except ValueError:
        clicks = []
    if not clicks or any(len(click) != 2 for click in clicks):
        raise argparse.ArgumentTypeError(f"expected clicks like '10,20 40,20' (x,y in pixels), got '{text}'")
    return clicks


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("image", nargs="?", type=Path, help="the first frame")
    parser.add_argument("--out", type=Path, required=True, help="new folder for videos, pictures and flow")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier run in it")
    _add_model(parser)
    _add_motion(parser)
    parser.add_argument("--json", type=Path, help="a list of images with tracks, in place of an image")
    parser.add_argument("--video", type=Path, help="a clip whose motion is taken, in place of an image")
    parser.add_argument("--restyled", type=Path, help="with --video: its first frame as it shall look")
    parser.add_argument("--extractor", choices=FLOWS, default="dis", help="finds the clip's flow (default: dis)")
    parser.add_argument("--extractor-weights", type=Path, help="of raft, raft_small (needed), or of gmflow")
    parser.add_argument("--stride", type=int, default=1, help="frames of the clip from one to the next")
    parser.add_argument("--prompt", default="", help="words, for models that read them")
    parser.add_argument("--negative-prompt", help="what to lead away from")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers")
    parser.add_argument("--steps", type=int, help="of each stage's sampling; default: the config's")
    parser.add_argument("--text-guidance", type=float, help="1 is none; default: the config's")
    parser.add_argument("--motion-guidance", type=float, help="1 is none; default: the config's")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"), help="to work at; default: the config's")
    parser.add_argument("--fps", type=float, default=FRAMES_PER_SECOND, help="of the videos (default: %(default)s)")
    args = parser.parse_args(arguments)
    if sum(source is not None for source in (args.image, args.json, args.video)) != 1:
        parser.error("give one of: an image, --json, --video")
    if args.restyled and not args.video:
        parser.error("--restyled needs --video, whose first frame it is")
    if args.image is None and (args.drag or args.camera or args.brush):
        parser.error("--drag, --camera and --brush need an image")
    return args


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default=CONFIG, help="a config file, or the name of a shipped one (%(default)s)")
    parser.add_argument("--checkpoint", type=Path, help="weights of both stages")
    parser.add_argument("--motion", type=Path, help="weights of stage 1, from drags to motion")
    parser.add_argument("--frames", type=Path, help="weights of stage 2, from motion to frames")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    add_cfg_options(parser)


def _add_motion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--drag", type=drag, action="append", metavar="'X,Y X,Y'", help="may be given several times")
    parser.add_argument("--brush", type=Path, help="picture, not black where things may move")
    parser.add_argument("--speed", choices=list(SPEEDS), nargs="+", default=["steady"], help="of all, or of each drag")
    parser.add_argument("--region", choices=REGIONS, help="what moves with a drag's start; default: the config's")
    parser.add_argument("--unit", type=float, help="half the side of the box, or width, in pixels of the model's image")
    parser.add_argument("--hold", type=float, metavar="R", help="freeze discs of R pixels around points that stay")
    parser.add_argument("--camera", choices=list(CAMERA_MOVES), help="in place of drags, without stage 1")


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """What every result is made with."""
    speed = args.speed[0] if len(args.speed) == 1 else args.speed
    given = {"text": args.text_guidance, "motion": args.motion_guidance}
    guidance = {name: value for name, value in given.items() if value is not None}
    return {
        "drags": DragSettings(speed=speed, region=args.region, unit=args.unit, hold=args.hold),
        "size": args.size,
        "prompt": args.prompt,
        "negative_prompt": args.negative_prompt,
        "seed": args.seed,
        "steps": args.steps,
        "guidance": guidance or None,
        "progress": True,
    }


def results(inferencer: I2VInferencer, args: argparse.Namespace) -> Iterator[tuple[Path, I2VResult]]:
    """(folder, result) of what is asked for."""
    options = options_of(args)
    if args.json:
        for name, result in inferencer.batch(args.json, **options):
            yield args.out / name, result
    elif args.video:
        extractor = flow_extractor(args.extractor, args.extractor_weights, device=inferencer.device)
        yield (
            args.out,
            inferencer.restyle(args.video, args.restyled, extractor=extractor, stride=args.stride, **options),
        )
    else:
        yield args.out, inferencer(args.image, tracks=args.drag, brush=args.brush, camera=args.camera, **options)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    check_out_folder(args.out, "--out")
    if args.out.is_dir() and any(args.out.iterdir()) and not args.overwrite:
        raise UserError(f"{args.out}: holds files already; give a new folder, or --overwrite.")
    with plain_warnings():
        config = read_config(args.config, args.cfg_options)
        inferencer = I2VInferencer(config, args.checkpoint, motion=args.motion, frames=args.frames, device=args.device)
        for folder, result in results(inferencer, args):
            files = result.save(folder, fps=args.fps, overwrite=args.overwrite)
            print(f"wrote {files.get('video.mp4') or files['preview.mp4']}")


if __name__ == "__main__":
    run_tool(main)
