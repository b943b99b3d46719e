"""Make a small data set: rendered ones, and photographs with outlines."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rich.progress import Progress

from sparsevision.engine import run_tool
from sparsevision.synthetic.camouflage_set import CamouflageSetSettings, write_camouflage_set
from sparsevision.synthetic.detection_set import DetectionSetSettings, write_detection_set
from sparsevision.synthetic.moving_shapes_set import MovingShapesSettings, write_moving_shapes
from sparsevision.synthetic.photos import write_photos
from sparsevision.synthetic.removal_room_set import SMALL as SMALL_REMOVAL_ROOM
from sparsevision.synthetic.removal_room_set import RemovalRoomSettings, write_removal_room
from sparsevision.synthetic.room_set import SMALL as SMALL_ROOMS
from sparsevision.synthetic.room_set import RoomSetSettings, write_room_set
from sparsevision.synthetic.street_set import SMALL as SMALL_STREET
from sparsevision.synthetic.street_set import StreetSetSettings, write_street_set
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.utils.processes import usable_processors

EXAMPLE = """examples:
  python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
  python tools/make_synthetic.py photos --out data/photos
  python tools/make_synthetic.py street --out data/tiny_street --seed 0
  python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0
  python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
  python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
  python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A rendered data set on the command line.

    Attributes:
        about: its help.
        out: the folder that is made if none is named.
        write: makes it of the settings.
        standard: settings without --small.
        small: settings with --small, and what they are for; none: there is no such option.
        counts: {setting that is a number: its help}.
        switches: {setting that is off or on: its help}.
        verb: what the progress bar says.
        contents: what there is afterwards, in terms of the settings.
        parallel: its parts are made in several processes.
    """

    about: str
    out: str
    write: Callable[..., bool]
    standard: Any
    small: tuple[Any, str] | None = None
    counts: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    verb: str
    contents: str
    parallel: bool = False


KINDS = {
    "camouflage": Kind(
        about="camouflaged animals cut from photographs of scikit-image, with scribbles and points",
        out="data/tiny_camouflage",
        write=write_camouflage_set,
        standard=CamouflageSetSettings(),
        counts={"train": "training pictures", "test": "test pictures", "size": "side in pixels"},
        verb="painting",
        contents="{train} training and {test} test pictures",
    ),
    "street": Kind(
        about="drives of an event camera through rendered streets, as DSEC-Semantic, DSEC-Night and DDD17 files",
        out="data/tiny_street",
        write=write_street_set,
        standard=StreetSetSettings(),
        small=(SMALL_STREET, "a few tiny recordings in seconds, to try the layouts"),
        verb="driving",
        contents="{train} training and {test} test drives by day, {night} by night, {ddd17} in the layout of DDD17",
        parallel=True,
    ),
    "rooms": Kind(
        about="scanned furnished rooms, as S3DIS and ScanNet files",
        out="data/tiny_rooms",
        write=write_room_set,
        standard=RoomSetSettings(),
        small=(SMALL_ROOMS, "a few coarse rooms in seconds, to try the layouts"),
        counts={
            "s3dis_train": "rooms in Areas 1, 2, 3, 4 and 6",
            "s3dis_test": "rooms in Area 5",
            "scannet_train": "ScanNet scenes for training",
            "scannet_val": "for validation",
            "scannet_test": "without labels",
            "s3dis_points": "points of an S3DIS room, about",
            "scannet_points": "vertices of a ScanNet scene, about",
            "positions": "places from which a room is scanned",
        },
        switches={"dirty": "with the faults that the real S3DIS files have"},
        verb="scanning",
        contents="{s3dis_train} training and {s3dis_test} test rooms in the layout of S3DIS, {scannet_train} training, "
        "{scannet_val} validation and {scannet_test} test scenes in the layout of ScanNet",
        parallel=True,
    ),
    "removal_room": Kind(
        about="posed views of a table with and without one thing, in the layout of the SPIn-NeRF benchmark",
        out="data/tiny_removal_room",
        write=write_removal_room,
        standard=RemovalRoomSettings(),
        small=(SMALL_REMOVAL_ROOM, "a few tiny views, to try the layout"),
        counts={
            "train": "views with the thing",
            "test": "views without it",
            "height": "rows of the small images",
            "width": "columns of the small images",
            "factor": "how much larger the images in `images` are",
            "samples": "rays across a pixel of these",
        },
        switches={
            "things_behind": "the thing hides parts of others behind it",
            "target_shadow": "the thing throws a shadow, which no mask covers",
        },
        verb="rendering",
        contents="{train} views with the thing to be removed and {test} without it",
    ),
    "detection": Kind(
        about="textured shapes and cut-outs of photographs over textures, in the layout of COCO 2017",
        out="data/tiny_shapes",
        write=write_detection_set,
        standard=DetectionSetSettings(),
        counts={"train": "training pictures", "val": "for validation"},
        verb="pasting",
        contents="{train} training and {val} validation pictures",
    ),
    "moving_shapes": Kind(
        about="clips of textured shapes on curved paths, with exact flow from the first frame",
        out="data/tiny_moving_shapes",
        write=write_moving_shapes,
        standard=MovingShapesSettings(),
        counts={
            "train": "training clips",
            "val": "for validation",
            "size": "side of the frames in pixels",
            "frames": "of a clip, the first included",
        },
        verb="moving",
        contents="{train} training and {val} validation clips of {frames} frames",
    ),
}


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line: one subcommand for each kind of data set."""
    parser = tool_parser(__doc__, EXAMPLE)
    kinds = parser.add_subparsers(dest="kind", required=True)
    photos = kinds.add_parser("photos", help="four photographs with masks outlined by hand")
    photos.add_argument("--out", default="data/photos", help="folder to make (default: %(default)s)")
    for name, kind in KINDS.items():
        add_options(kinds.add_parser(name, help=kind.about), kind)
    return parser.parse_args(arguments)


def add_options(parser: argparse.ArgumentParser, kind: Kind) -> None:
    """Options of a rendered set; a number that is not given stays None."""
    parser.add_argument("--out", default=kind.out, help="folder to make (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=kind.standard.seed, help="of everything (default: %(default)s)")
    if kind.small:
        parser.add_argument("--small", action="store_true", help=kind.small[1])
    for name, what in kind.counts.items():
        default = str(getattr(kind.standard, name))
        default += f", with --small {getattr(kind.small[0], name)}" if kind.small else ""
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"{what} (default: {default})")
    for name, what in kind.switches.items():
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true", help=what)
    parser.add_argument("--overwrite", action="store_true", help="replace another synthetic set")


def settings_of(args: argparse.Namespace, kind: Kind) -> Any:
    """What the command line asks for. Raises UserError when no such set can be made."""
    base = kind.small[0] if kind.small and args.small else kind.standard
    names = ("seed", *kind.counts, *kind.switches)
    return replace(base, **{name: getattr(args, name) for name in names if getattr(args, name) is not None})


def make_set(args: argparse.Namespace, kind: Kind) -> str:
    """Make a rendered set with a progress bar; returns a sentence about what was done."""
    settings = settings_of(args, kind)
    more = {"workers": 1 if args.small else usable_processors()} if kind.parallel else {}
    with Progress(transient=True) as bar:
        task = bar.add_task(kind.verb, total=None)
        written = kind.write(
            args.out,
            settings,
            overwrite=args.overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **more,
        )
    return f"{args.out}: {'wrote' if written else 'already holds these'} {kind.contents.format(**asdict(settings))}"


def make_photos(out: str) -> str:
    """Write the photographs; returns a sentence about what was done."""
    return f"{out}: wrote {', '.join(write_photos(out))}, each with its mask"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the data set and say so."""
    args = parse_args(arguments)
    try:
        print(make_photos(args.out) if args.kind == "photos" else make_set(args, KINDS[args.kind]))
    except OSError as error:
        raise UserError(f"{args.out}: cannot be written ({error.strerror or error}); choose another --out.") from error


if __name__ == "__main__":
    run_tool(main)
