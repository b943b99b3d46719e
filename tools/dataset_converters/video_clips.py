"""Make training clips for image to video from any videos: frames, captions, flow and where it can be trusted."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from rich.progress import track

from sparsevision.datasets.video.prepare import LAYOUTS, ClipSettings, Prepared, open_videos, prepare_clips
from sparsevision.layers.optical_flow import FLOWS, checked_flow, flow_extractor
from sparsevision.utils import check_out_folder
from sparsevision.utils.command_line import resumable, tool_parser

EXAMPLE = """examples:
  python tools/dataset_converters/video_clips.py data/my_videos --out data/my_clips --flow dis
  python tools/dataset_converters/video_clips.py data/webvid/2M_train --layout webvid --out data/webvid_clips
  python tools/dataset_converters/video_clips.py data/list.jsonl --out data/clips --frames 16 --stride 4 \\
      --size 256 256 --clips-per-video 3 --flow raft --raft-weights raft_large.pth

The source is a folder of videos (captions in .txt files beside them), WebVid's layout, or a file with one JSON object a
line ("video_path", "caption"). Out come clips/<name>/<frame>.png, clips/<name>.txt and truth/<name>.npz: `flow` float16
(F,2,H,W) from the first frame to each later one, `visible` (where flow there and flow back agree) and `offsets` (frame
numbers in the video). The same command goes on where it was interrupted. Read the clips with
VideoFolder(folder="<out>/clips", truth="<out>/truth"), LoadClip(frames=16, stride=1, random_start=False) and
LoadClipTruth()."""
SHOWN_PROBLEMS = 20


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """See `EXAMPLE`."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("source", type=Path, help="folder of videos, or a list of them")
    parser.add_argument("--out", type=Path, required=True, help="folder of the clips")
    parser.add_argument("--layout", choices=LAYOUTS, help="default: folder or list, whichever the source is")
    parser.add_argument("--frames", type=int, default=16, help="of each clip (default: %(default)s)")
    parser.add_argument("--stride", type=int, default=8, help="frames from one to the next (default: %(default)s)")
    parser.add_argument("--size", type=int, nargs=2, default=(320, 512), metavar=("H", "W"), help="default: 320 512")
    parser.add_argument("--clips-per-video", type=int, default=1, help="at most (default: %(default)s)")
    parser.add_argument("--flow", choices=FLOWS, default="gmflow", help="what measures it (default: %(default)s)")
    parser.add_argument("--chained", action="store_true", help="frame by frame, not from the first one; dis always is")
    parser.add_argument("--raft-weights", type=Path, help="a file of torchvision's RAFT")
    parser.add_argument("--seed", type=int, default=0, help="of where clips begin (default: %(default)s)")
    parser.add_argument("--device", help="cpu, cuda, ...; default: a GPU if there is one")
    args = parser.parse_args(arguments)
    if args.flow.startswith("raft") != (args.raft_weights is not None):
        parser.error("--raft-weights and --flow raft or raft_small go together")
    args.chained = args.chained or args.flow == "dis"
    return args


def prepare(args: argparse.Namespace) -> list[Prepared]:
    """What became of each video, behind a bar."""
    check_out_folder(args.out, "--out")
    settings = ClipSettings(
        frames=args.frames,
        stride=args.stride,
        size=tuple(args.size),
        clips_per_video=args.clips_per_video,
        seed=args.seed,
        flow=f"{args.flow}, chained" if args.chained else args.flow,
    )
    videos = open_videos(args.source, args.layout)
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    extract = flow_extractor(args.flow, weights=args.raft_weights, chained=args.chained, device=device)
    measure = partial(checked_flow, extract=extract, chained=args.chained)
    root = args.source if args.source.is_dir() else args.source.parent
    results = prepare_clips(videos, args.out, settings, measure, root=root)
    unusable = [Prepared(problem=problem) for problem in videos.broken.values()]
    return unusable + list(track(results, "clips", total=len(videos)))


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when every video gave its clips, 1 when some were skipped, 2 on bad input, 130 after Ctrl-C."""
    args = parse_arguments(arguments)
    return resumable(lambda: report(args.out, prepare(args)))


def report(out: Path, results: Sequence[Prepared]) -> int:
    """Print what became of the videos; returns 1 when some were skipped."""
    problems = [result.problem for result in results if result.problem is not None]
    for problem in problems[:SHOWN_PROBLEMS]:
        print(f"skipped: {problem}", file=sys.stderr)
    if len(problems) > SHOWN_PROBLEMS:
        print(f"and {len(problems) - SHOWN_PROBLEMS} more", file=sys.stderr)
    written, kept = (sum(getattr(result, name) for result in results) for name in ("written", "kept"))
    print(f"{out}: {written} clips written, {kept} already there, {len(problems)} of {len(results)} videos skipped")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
