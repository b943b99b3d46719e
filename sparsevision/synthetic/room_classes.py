"""What the things of a synthetic room are called in S3DIS and in ScanNet."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Names of one kind of thing.

    Attributes:
        s3dis: class in the names of the annotation files.
        scannet: raw category in .aggregation.json.
        nyu40: its number and name in NYU40.
    """

    s3dis: str
    scannet: str
    nyu40: tuple[int, str]


OTHER, OTHER_FURNITURE, STRUCTURE = (40, "otherprop"), (39, "otherfurniture"), (38, "otherstructure")
KINDS: dict[str, Kind] = {
    "ceiling": Kind("ceiling", "ceiling", (22, "ceiling")),
    "floor": Kind("floor", "floor", (2, "floor")),
    "wall": Kind("wall", "wall", (1, "wall")),
    "beam": Kind("beam", "beam", STRUCTURE),
    "column": Kind("column", "column", STRUCTURE),
    "window": Kind("window", "window", (9, "window")),
    "door": Kind("door", "door", (8, "door")),
    "table": Kind("table", "table", (7, "table")),
    "coffee table": Kind("table", "coffee table", (7, "table")),
    "desk": Kind("table", "desk", (14, "desk")),
    "chair": Kind("chair", "chair", (5, "chair")),
    "office chair": Kind("chair", "office chair", (5, "chair")),
    "couch": Kind("sofa", "couch", (6, "sofa")),
    "bookshelf": Kind("bookcase", "bookshelf", (10, "bookshelf")),
    "whiteboard": Kind("board", "whiteboard", (30, "whiteboard")),
    "box": Kind("clutter", "box", (29, "box")),
    "trash can": Kind("clutter", "trash can", OTHER_FURNITURE),
    "plant": Kind("clutter", "plant", OTHER),
    "bag": Kind("clutter", "backpack", OTHER),
    "monitor": Kind("clutter", "monitor", OTHER),
    "keyboard": Kind("clutter", "keyboard", OTHER),
    "books": Kind("clutter", "books", (23, "books")),
    "cup": Kind("clutter", "cup", OTHER),
    "lamp": Kind("clutter", "lamp", (35, "lamp")),
    "ceiling lamp": Kind("clutter", "ceiling light", STRUCTURE),
    "bed": Kind("clutter", "bed", (4, "bed")),
    "cabinet": Kind("clutter", "cabinet", (3, "cabinet")),
    "kitchen cabinet": Kind("clutter", "kitchen cabinets", (3, "cabinet")),
    "kitchen counter": Kind("clutter", "kitchen counter", (12, "counter")),
    "sink": Kind("clutter", "sink", (34, "sink")),
    "toilet": Kind("clutter", "toilet", (33, "toilet")),
    "bathtub": Kind("clutter", "bathtub", (36, "bathtub")),
    "shower curtain": Kind("clutter", "shower curtain", (28, "shower curtain")),
    "curtain": Kind("clutter", "curtain", (16, "curtain")),
    "refrigerator": Kind("clutter", "refrigerator", (24, "refridgerator")),
    "picture": Kind("clutter", "picture", (11, "picture")),
    "ottoman": Kind("clutter", "ottoman", OTHER_FURNITURE),
    "rack": Kind("clutter", "rack", OTHER_FURNITURE),
    "pillow": Kind("clutter", "pillow", (18, "pillow")),
}
UNANNOTATED = frozenset({"cup", "keyboard"})  # what the annotators of ScanNet passed over
