"""Annotations and masks for the tests: one of each type, and hypothesis strategies for the rest."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparsevision.annotation import Boxes, Clicks, PointLabels, Scribbles, Tracks

META = {"seed": 3, "source": "by hand", "nested": {"list": [1, 2.5, None, True]}}


def one_of_each() -> dict:
    """An annotation of each type, by name; the points come twice, on an image and on a cloud."""
    return {
        "points": PointLabels(xy=[[0, 0], [63, 47], [7, 9]], labels=[2, 0, 5], size=(48, 64), meta=META),
        "cloud": PointLabels(indices=[99, 0, 41], labels=[1, 0, 1], size=(100,), meta=META),
        "clicks": Clicks(xy=[[10.5, 3.25], [0, 0]], positive=[True, False], size=(48, 64), meta=META),
        "scribbles": Scribbles(
            polylines=[[[1, 1], [20, 1], [20, 9.5]], [[40, 40]]],
            labels=[1, 0],
            widths=[3, 1.5],
            size=(48, 64),
            meta=META,
        ),
        "boxes": Boxes(xyxy=[[0, 0, 64, 48], [1.5, 2, 3, 4]], labels=[0, 7], size=(48, 64), meta=META),
        "tracks": Tracks(
            paths=[[[1, 2], [3, 4]], [[5, 6]]], frames=[[0, 3], [2]], num_frames=5, size=(48, 64), meta=META
        ),
    }


SIZE = (12, 17)
_coordinates = st.tuples(
    st.floats(-0.5, SIZE[1] - 0.5, exclude_max=True), st.floats(-0.5, SIZE[0] - 0.5, exclude_max=True)
)
_lines = st.lists(_coordinates, min_size=1, max_size=5)


@st.composite
def annotations(draw):
    """Any annotation of any type on a frame of SIZE."""
    count = draw(st.integers(0, 5))
    labels = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    kind = draw(st.sampled_from(["points", "cloud", "clicks", "scribbles", "boxes", "tracks"]))
    if kind in ("points", "cloud"):
        places = draw(st.lists(st.integers(0, SIZE[0] * SIZE[1] - 1), min_size=count, max_size=count, unique=True))
        if kind == "cloud":
            return PointLabels(indices=places, labels=labels, size=(SIZE[0] * SIZE[1],))
        return PointLabels(xy=[(p % SIZE[1], p // SIZE[1]) for p in places], labels=labels, size=SIZE)
    if kind == "clicks":
        positive = draw(st.lists(st.booleans(), min_size=count, max_size=count))
        return Clicks(xy=draw(st.lists(_coordinates, min_size=count, max_size=count)), positive=positive, size=SIZE)
    if kind == "scribbles":
        lines = draw(st.lists(_lines, min_size=count, max_size=count))
        return Scribbles(polylines=lines, labels=labels, widths=draw(st.floats(1, 5)), size=SIZE)
    if kind == "boxes":
        corner = st.tuples(
            st.integers(0, SIZE[1] - 1), st.integers(0, SIZE[0] - 1), st.floats(0.01, 1), st.floats(0.01, 1)
        )
        corners = draw(st.lists(corner, min_size=count, max_size=count))
        return Boxes(xyxy=[(x, y, x + w, y + h) for x, y, w, h in corners], labels=labels, size=SIZE)
    paths = draw(st.lists(_lines, min_size=count, max_size=count))
    frames = [list(range(len(path))) for path in paths]
    return Tracks(paths=paths, frames=frames, num_frames=6, size=SIZE)


def class_maps(*, classes: int = 4, ignore_index: int | None = 255, max_side: int = 20):
    """Dense truth of up to max_side x max_side with few classes and, perhaps, pixels without truth."""
    values = [*range(classes)] + ([] if ignore_index is None else [ignore_index])
    shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=max_side)
    return hnp.arrays(np.int64, shapes, elements=st.sampled_from(values))


def blobs() -> np.ndarray:
    """A 40 x 56 class map with two objects of class 1, one of class 2 and a border without truth."""
    truth = np.zeros((40, 56), dtype=np.uint8)
    rows, columns = np.mgrid[:40, :56]
    truth[(rows - 14) ** 2 + (columns - 14) ** 2 < 81] = 1
    truth[25:31, 5:12] = 1
    truth[8:30, 34:46] = 2
    truth[:2] = 255
    return truth
