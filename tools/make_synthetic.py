"""Make a small data set: rendered ones, and photographs with outlines.

python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
python tools/make_synthetic.py photos --out data/photos
python tools/make_synthetic.py street --out data/tiny_street --seed 0
python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0
python tools/make_synthetic.py removal_room --out data/tiny_removal_room --seed 0
python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
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
from sparsevision.synthetic.street_set import SMALL, StreetSetSettings, write_street_set
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser
from sparsevision.utils.processes import usable_processors

ROOM_COUNTS = {
    "s3dis_train": "rooms in Areas 1, 2, 3, 4 and 6",
    "s3dis_test": "rooms in Area 5",
    "scannet_train": "ScanNet scenes for training",
    "scannet_val": "for validation",
    "scannet_test": "without labels",
    "s3dis_points": "points of an S3DIS room, about",
    "scannet_points": "vertices of a ScanNet scene, about",
    "positions": "places from which a room is scanned",
}
REMOVAL_ROOM_FIELDS = {
    "train": "views with the thing",
    "test": "views without it",
    "height": "rows of the small images",
    "width": "columns of the small images",
    "factor": "how much larger the images in `images` are",
    "samples": "rays across a pixel of these",
}
MOVING_SHAPES_FIELDS = {
    "seed": "seed of the clips",
    "train": "training clips",
    "val": "for validation",
    "size": "side of the frames in pixels",
    "frames": "of a clip, the first included",
}


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line: one subcommand for each kind of data set, which sets `make`."""
    parser = tool_parser(__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    _add_camouflage(kinds)
    _add_photos(kinds)
    _add_street(kinds)
    _add_rooms(kinds)
    _add_removal_room(kinds)
    _add_detection(kinds)
    _add_moving_shapes(kinds)
    return parser.parse_args(arguments)


def _add_camouflage(kinds: argparse._SubParsersAction) -> None:
    defaults = CamouflageSetSettings()
    camouflage = kinds.add_parser(
        "camouflage", help="camouflaged animals cut from photographs of scikit-image, with scribbles and points"
    )
    camouflage.add_argument("--out", default="data/tiny_camouflage", help="folder to make (default: %(default)s)")
    camouflage.add_argument("--seed", type=int, default=defaults.seed)
    camouflage.add_argument(
        "--train", type=int, default=defaults.train, help="training pictures (default: %(default)s)"
    )
    camouflage.add_argument("--test", type=int, default=defaults.test, help="test pictures (default: %(default)s)")
    camouflage.add_argument("--size", type=int, default=defaults.size, help="side in pixels (default: %(default)s)")
    camouflage.add_argument("--overwrite", action="store_true", help="replace another synthetic set")
    camouflage.set_defaults(make=make_camouflage)


def _add_photos(kinds: argparse._SubParsersAction) -> None:
    photos = kinds.add_parser("photos", help="four photographs with masks outlined by hand")
    photos.add_argument("--out", default="data/photos", help="folder to make (default: %(default)s)")
    photos.set_defaults(make=make_photos)


def _add_street(kinds: argparse._SubParsersAction) -> None:
    street = kinds.add_parser(
        "street",
        help="drives of an event camera through rendered streets, as DSEC-Semantic, DSEC-Night and DDD17 files",
    )
    street.add_argument("--out", default="data/tiny_street", help="folder to make (default: %(default)s)")
    street.add_argument("--seed", type=int, default=StreetSetSettings().seed)
    street.add_argument("--small", action="store_true", help="a few tiny recordings in seconds, to try the layouts")
    street.add_argument("--overwrite", action="store_true", help="replace another synthetic set")
    street.set_defaults(make=make_street_set)


def _add_rooms(kinds: argparse._SubParsersAction) -> None:
    rooms = kinds.add_parser("rooms", help="scanned furnished rooms, as S3DIS and ScanNet files")
    rooms.add_argument("--out", default="data/tiny_rooms", help="folder to make (default: %(default)s)")
    rooms.add_argument("--seed", type=int, default=RoomSetSettings().seed)
    rooms.add_argument("--small", action="store_true", help="a few coarse rooms in seconds, to try the layouts")
    for field, what in ROOM_COUNTS.items():
        standard, small = getattr(RoomSetSettings(), field), getattr(SMALL_ROOMS, field)
        rooms.add_argument(
            f"--{field.replace('_', '-')}", type=int, help=f"{what} (default: {standard}, with --small {small})"
        )
    rooms.add_argument("--dirty", action="store_true", help="with the faults that the real S3DIS files have")
    rooms.add_argument("--overwrite", action="store_true", help="replace another synthetic set")
    rooms.set_defaults(make=make_room_set)


def _add_removal_room(kinds: argparse._SubParsersAction) -> None:
    room = kinds.add_parser(
        "removal_room",
        help="posed views of a table with and without one thing, in the layout of the SPIn-NeRF benchmark",
    )
    room.add_argument("--out", default="data/tiny_removal_room", help="folder to make (default: %(default)s)")
    room.add_argument("--seed", type=int, default=RemovalRoomSettings().seed)
    room.add_argument("--small", action="store_true", help="a few tiny views, to try the layout")
    for field, what in REMOVAL_ROOM_FIELDS.items():
        standard, small = getattr(RemovalRoomSettings(), field), getattr(SMALL_REMOVAL_ROOM, field)
        room.add_argument(f"--{field}", type=int, help=f"{what} (default: {standard}, with --small {small})")
    room.add_argument("--things-behind", action="store_true", help="the thing hides parts of others behind it")
    room.add_argument("--target-shadow", action="store_true", help="the thing throws a shadow, which no mask covers")
    room.add_argument("--overwrite", action="store_true", help="replace another synthetic set")
    room.set_defaults(make=make_removal_room)


def _add_detection(kinds: argparse._SubParsersAction) -> None:
    defaults = DetectionSetSettings()
    detection = kinds.add_parser(
        "detection", help="textured shapes and cut-outs of photographs over textures, in the layout of COCO 2017"
    )
    detection.add_argument("--out", default="data/tiny_shapes", help="folder to make (default: %(default)s)")
    detection.add_argument("--seed", type=int, default=defaults.seed)
    detection.add_argument("--train", type=int, default=defaults.train, help="training pictures (default: %(default)s)")
    detection.add_argument("--val", type=int, default=defaults.val, help="for validation (default: %(default)s)")
    detection.add_argument("--overwrite", action="store_true", help="replace another synthetic set")
    detection.set_defaults(make=make_detection_set)


def _add_moving_shapes(kinds: argparse._SubParsersAction) -> None:
    defaults = MovingShapesSettings()
    shapes = kinds.add_parser(
        "moving_shapes", help="clips of textured shapes on curved paths, with exact flow from the first frame"
    )
    shapes.add_argument("--out", default="data/tiny_moving_shapes", help="folder to make (default: %(default)s)")
    for field, what in MOVING_SHAPES_FIELDS.items():
        standard = getattr(defaults, field)
        shapes.add_argument(f"--{field}", type=int, default=standard, help=f"{what} (default: %(default)s)")
    shapes.add_argument("--overwrite", action="store_true", help="replace another synthetic set")
    shapes.set_defaults(make=make_moving_shapes)


def _written(
    args: argparse.Namespace, write: Callable[..., bool], settings: Any, *, verb: str, contents: str, **more
) -> str:
    """Let `write` make the set with a progress bar; returns a sentence about what was done."""
    with Progress(transient=True) as bar:
        task = bar.add_task(verb, total=None)
        written = write(
            args.out,
            settings,
            overwrite=args.overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **more,
        )
    return f"{args.out}: {'wrote' if written else 'already holds these'} {contents}"


def make_photos(args: argparse.Namespace) -> str:
    """Write the photographs; returns a sentence about what was done."""
    return f"{args.out}: wrote {', '.join(write_photos(args.out))}, each with its mask"


def make_camouflage(args: argparse.Namespace) -> str:
    """Write the camouflage set; returns a sentence about what was done."""
    settings = CamouflageSetSettings(seed=args.seed, train=args.train, test=args.test, size=args.size)
    contents = f"{args.train} training and {args.test} test pictures"
    return _written(args, write_camouflage_set, settings, verb="painting", contents=contents)


def make_street_set(args: argparse.Namespace) -> str:
    """Write the street set; returns a sentence about what was done."""
    settings = replace(SMALL if args.small else StreetSetSettings(), seed=args.seed)
    contents = (
        f"{settings.train} training and {settings.test} test drives by day, {settings.night} by night, "
        f"{settings.ddd17} in the layout of DDD17"
    )
    return _written(
        args,
        write_street_set,
        settings,
        verb="driving",
        contents=contents,
        workers=1 if args.small else usable_processors(),
    )


def make_room_set(args: argparse.Namespace) -> str:
    """Write the rooms; returns a sentence about what was done."""
    chosen = {field: getattr(args, field) for field in ROOM_COUNTS if getattr(args, field) is not None}
    settings = replace(SMALL_ROOMS if args.small else RoomSetSettings(), seed=args.seed, dirty=args.dirty, **chosen)
    contents = (
        f"{settings.s3dis_train} training and {settings.s3dis_test} test rooms in the layout of S3DIS, "
        f"{settings.scannet_train} training, {settings.scannet_val} validation and {settings.scannet_test} test scenes "
        "in the layout of ScanNet"
    )
    return _written(
        args,
        write_room_set,
        settings,
        verb="scanning",
        contents=contents,
        workers=1 if args.small else usable_processors(),
    )


def make_removal_room(args: argparse.Namespace) -> str:
    """Write the removal room; returns a sentence about what was done."""
    chosen = {field: getattr(args, field) for field in REMOVAL_ROOM_FIELDS if getattr(args, field) is not None}
    settings = replace(SMALL_REMOVAL_ROOM if args.small else RemovalRoomSettings(), seed=args.seed, **chosen)
    settings = replace(settings, target_shadow=args.target_shadow, things_behind=args.things_behind)
    contents = f"{settings.train} views with the thing to be removed and {settings.test} without it"
    return _written(args, write_removal_room, settings, verb="rendering", contents=contents)


def make_detection_set(args: argparse.Namespace) -> str:
    """Write the detection world; returns a sentence about what was done."""
    settings = DetectionSetSettings(seed=args.seed, train=args.train, val=args.val)
    contents = f"{args.train} training and {args.val} validation pictures"
    return _written(args, write_detection_set, settings, verb="pasting", contents=contents)


def make_moving_shapes(args: argparse.Namespace) -> str:
    """Write the moving shapes; returns a sentence about what was done."""
    settings = MovingShapesSettings(**{field: getattr(args, field) for field in MOVING_SHAPES_FIELDS})
    contents = f"{args.train} training and {args.val} validation clips of {args.frames} frames"
    return _written(args, write_moving_shapes, settings, verb="moving", contents=contents)


def main(arguments: list[str] | None = None) -> None:
    """Make the data set and say so."""
    args = parse_args(arguments)
    try:
        print(args.make(args))
    except OSError as error:
        raise UserError(f"{args.out}: cannot be written ({error.strerror or error}); choose another --out.") from error


if __name__ == "__main__":
    run_tool(main)
