"""A painting as a brush: any colour but black is paint, upright as its image is, by one rule in every place."""

import numpy as np
from PIL import Image

from sparsevision.datasets.image_io import ORIENTATION, image_size, write_png
from sparsevision.datasets.transforms import LoadDrags
from sparsevision.datasets.video.brush import brush_from_painting, read_painting
from sparsevision.datasets.video.trajectories import TrajectoryJson

LEFT = np.zeros((20, 30, 3), np.uint8)
LEFT[:, :15, 2] = 2  # so dark a blue that it is no grey level


def write_turned(path, upright) -> None:
    """A picture that is stored lying, with the note that viewers turn it."""
    note = Image.Exif()
    note[ORIENTATION] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(upright))).save(path, exif=note)


def test_any_colour_but_black_is_paint(tmp_path):
    write_png(tmp_path / "left.png", LEFT)
    assert np.array_equal(read_painting(tmp_path / "left.png"), LEFT[..., 2] > 0)
    brush = brush_from_painting(read_painting(tmp_path / "left.png"), size=(10, 15))
    assert not brush[:, :7].any()
    assert brush[:, 8:].all()


def test_pictures_are_turned_upright(tmp_path):
    photo = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    for name, picture in {"photo": photo, "left": LEFT}.items():
        write_turned(tmp_path / f"{name}.png", picture)
    assert image_size(tmp_path / "photo.png") == (30, 20)
    assert image_size(tmp_path / "photo.png", upright=True) == (20, 30)
    (tmp_path / "drags.json").write_text(
        '[{"image": "photo.png", "tracks": [[[28, 10], [20, 10]]], "brush": "left.png"}]'
    )
    entry = TrajectoryJson(file=tmp_path / "drags.json").load_data_list()[0]
    loaded = LoadDrags().transform(entry)
    assert entry["ori_shape"] == (20, 30)
    assert np.array_equal(loaded["img"], photo)
    assert np.array_equal(loaded["brush"], LEFT[..., 2] == 0)
