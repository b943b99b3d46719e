"""TrajectoryJson: what it gives, and an error for each thing that can be wrong in the file."""

import json

import numpy as np
import pytest

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.video.trajectories import TrajectoryJson
from sparsevision.utils import UserError


@pytest.fixture
def write(tmp_path):
    write_png(tmp_path / "cat.png", np.zeros((20, 30, 3), np.uint8))
    write_png(tmp_path / "brush.png", np.zeros((20, 30), np.uint8))
    write_png(tmp_path / "small.png", np.zeros((10, 30), np.uint8))

    def written(content) -> TrajectoryJson:
        path = tmp_path / "drags.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return TrajectoryJson(file=path, test_mode=True)

    return written


def test_entries(write):
    entry = {"image": "cat.png", "tracks": [[[1, 2], [10, 12.5]], [[3, 3]]], "brush": "brush.png", "prompt": "a cat"}
    found = write([entry, {"image": "cat.png", "brush": "brush.png"}])
    first, second = found[0], found[1]
    assert first["tracks"][0].tolist() == [[1, 2], [10, 12.5]]
    assert first["tracks"][1].shape == (1, 2)
    assert (first["prompt"], first["ori_shape"], first["sample_id"]) == ("a cat", (20, 30), "cat_0")
    assert first["brush_path"].endswith("brush.png")
    assert second["tracks"] == []
    assert second["sample_id"] == "cat_1"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("no json", "cannot be read as JSON"),
        ({}, "expected a list"),
        ([{"tracks": []}], 'entry 0: expected an object with "image"'),
        ([{"image": "cat.png", "track": []}], "no others"),
        ([{"image": "dog.png", "tracks": [[[1, 1]]]}], r"entry 0: image: .*dog\.png"),
        ([{"image": "cat.png", "tracks": []}], "neither a track nor a brush"),
        (
            [{"image": "cat.png", "tracks": [[[1, 1], [30, 5]]]}],
            r"number 0: the point \(30, 5\) lies outside .*30 x 20",
        ),
        ([{"image": "cat.png", "tracks": [[1, 1]]}], r"number 0: expected points"),
        ([{"image": "cat.png", "tracks": [[[1, 1], [2]]]}], r"number 0: expected points"),
        ([{"image": "cat.png", "tracks": "x"}], "expected a list of polylines"),
        ([{"image": "cat.png", "brush": "small.png"}], "brush: .*not of the image's size, 30 x 20"),
        ([{"image": "cat.png", "brush": "none.png"}], r"brush: .*none\.png"),
    ],
)
def test_what_is_wrong_is_named(write, content, problem):
    with pytest.raises(UserError, match=problem):
        write(content)
