"""The classes of DSEC-Semantic: the 11 that papers report, the 19 of Cityscapes, and the way from one to the other.

Source: the DSEC-Semantic release (Sun et al., "ESS: Learning Event-based Semantic Segmentation from Still Images", ECCV
2022); class 0 of the 11 holds the sky and all the rest.
"""

CLASSES_11 = (
    "background",
    "building",
    "fence",
    "person",
    "pole",
    "road",
    "sidewalk",
    "vegetation",
    "car",
    "wall",
    "traffic sign",
)
PALETTE_11 = (
    (0, 0, 0),
    (70, 70, 70),
    (190, 153, 153),
    (220, 20, 60),
    (153, 153, 153),
    (128, 64, 128),
    (244, 35, 232),
    (107, 142, 35),
    (0, 0, 142),
    (102, 102, 156),
    (220, 220, 0),
)
CLASSES_19 = (
    "road",
    "sidewalk",
    "building",
    "wall",
    "fence",
    "pole",
    "traffic light",
    "traffic sign",
    "vegetation",
    "terrain",
    "sky",
    "person",
    "rider",
    "car",
    "truck",
    "bus",
    "train",
    "motorcycle",
    "bicycle",
)
PALETTE_19 = (
    (128, 64, 128),
    (244, 35, 232),
    (70, 70, 70),
    (102, 102, 156),
    (190, 153, 153),
    (153, 153, 153),
    (250, 170, 30),
    (220, 220, 0),
    (107, 142, 35),
    (152, 251, 152),
    (70, 130, 180),
    (220, 20, 60),
    (255, 0, 0),
    (0, 0, 142),
    (0, 0, 70),
    (0, 60, 100),
    (0, 80, 100),
    (0, 0, 230),
    (119, 11, 32),
)
TRUCK = 14  # the class of the 19 that CMDA's night labels do without
TO_11 = dict(enumerate((5, 6, 1, 9, 2, 4, 10, 10, 7, 7, 0, 3, 3, 8, 8, 8, 8, 8, 8)))
TO_18 = {label: label - (label > TRUCK) for label in range(19) if label != TRUCK}
CLASSES_18 = tuple(name for label, name in enumerate(CLASSES_19) if label != TRUCK)
PALETTE_18 = tuple(colour for label, colour in enumerate(PALETTE_19) if label != TRUCK)

CLASSES = {11: CLASSES_11, 18: CLASSES_18, 19: CLASSES_19}
PALETTES = {11: PALETTE_11, 18: PALETTE_18, 19: PALETTE_19}


def class_metainfo(count: int) -> dict:
    """METAINFO of 11, 18 or 19 classes: names and colours (RGB), index = class id."""
    return {"classes": CLASSES[count], "palette": [list(colour) for colour in PALETTES[count]]}


def identity(count: int) -> dict[int, int]:
    """The map of ids for files that hold the wanted ids already."""
    return {label: label for label in range(count)}
