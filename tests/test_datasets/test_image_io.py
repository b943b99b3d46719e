"""Odd image files: converted by the documented rule, or refused in a sentence that names the file."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from sparsevision.apis.images import image_sources
from sparsevision.datasets.detection.yolo import images_of
from sparsevision.datasets.image_io import (
    image_files,
    image_size,
    read_class_map,
    read_grey,
    read_image,
    read_mask,
    read_soft_mask,
    write_png,
)
from sparsevision.datasets.video.clips import probe_clip
from sparsevision.datasets.video.videos import VideoFolder
from sparsevision.datasets.views.files import list_images
from sparsevision.utils import UserError


@pytest.fixture
def littered(tmp_path):
    """A folder as macOS and notebooks leave it: two images to find, and five things that look like images."""
    for name in ("b.png", "sub/a.PNG", "._b.png", "sub/._a.png", ".cache/c.png", "._clip.mp4", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name in ("b.png", "sub/a.PNG"):
            write_png(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
        else:
            (tmp_path / name).write_bytes(b"no image")
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def test_hidden_files_and_folders_are_no_images(littered):
    whole = [littered / "b.png", littered / "sub" / "a.PNG"]
    assert image_files(littered) == whole[:1]
    assert image_files(littered, recursive=True) == whole
    assert image_files(littered, suffixes=(".txt",)) == [littered / "notes.txt"]


def test_every_reader_of_a_folder_leaves_hidden_files_alone(littered):
    whole = [littered / "b.png", littered / "sub" / "a.PNG"]
    assert [source.path for source in image_sources(littered)] == whole[:1]
    assert list_images(littered) == whole[:1]
    assert images_of((littered,)) == whole
    assert [clip["video_path"] for clip in VideoFolder(folder=littered, test_mode=True)] == [str(littered / "sub")]
    assert probe_clip(littered / "sub").frames == 1


def test_greyscale_is_repeated(tmp_path):
    Image.fromarray(np.full((3, 4), 77, np.uint8)).save(tmp_path / "grey.png")
    image = read_image(tmp_path / "grey.png")
    assert image.shape == (3, 4, 3)
    assert image.dtype == np.uint8
    assert (image == 77).all()


def test_alpha_is_dropped(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[..., 0] = 200
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    assert read_image(tmp_path / "rgba.png")[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize(("stored", "read"), [(65535, 255), (256, 1), (255, 255), (0, 0)])
def test_sixteen_bits_keep_their_high_byte(tmp_path, stored, read):
    Image.fromarray(np.full((2, 3), stored, np.uint16)).save(tmp_path / "deep.png")
    assert (read_image(tmp_path / "deep.png") == read).all()


def test_one_pixel(tmp_path):
    Image.fromarray(np.full((1, 1, 3), 5, np.uint8)).save(tmp_path / "dot.bmp")
    assert read_image(tmp_path / "dot.bmp").tolist() == [[[5, 5, 5]]]
    assert image_size(tmp_path / "dot.bmp") == (1, 1)


def test_exif_orientation_is_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees"
    Image.fromarray(np.zeros((4, 8, 3), np.uint8)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").shape == (4, 8, 3)


def test_palette_label_maps_keep_their_indices_but_black_and_white_becomes_grey(tmp_path):
    indices = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode="P")
    indices.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    indices.save(tmp_path / "classes.png")
    assert read_grey(tmp_path / "classes.png").tolist() == [[0, 1, 2]]
    mask = Image.fromarray(np.array([[0, 1, 1]], np.uint8), mode="P")
    mask.putpalette([0, 0, 0, 255, 255, 255])
    mask.save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").tolist() == [[False, True, True]]


def test_not_an_image(tmp_path):
    (tmp_path / "page.jpg").write_text("<html>sign in</html>")
    with pytest.raises(UserError, match=r"page\.jpg: not an image that can be read"):
        read_image(tmp_path / "page.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match=rf"photo\.{suffix}: the image is damaged or cut off"):
        read_image(path)


def test_missing_and_empty(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_image(tmp_path / "none.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UserError, match="the file is empty"):
        read_image(tmp_path / "empty.jpg")


def test_mask_threshold(tmp_path):
    write_png(tmp_path / "mask.png", np.array([[0, 128, 129, 255]], np.uint8))
    assert read_mask(tmp_path / "mask.png").tolist() == [[False, False, True, True]]
    assert read_mask(tmp_path / "mask.png", threshold=0).tolist() == [[False, True, True, True]]


def test_mask_in_class_codes_is_not_taken_for_empty(tmp_path):
    write_png(tmp_path / "mask.png", np.array([[0, 1]], np.uint8))
    with pytest.raises(UserError, match="threshold=0"):
        read_mask(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", threshold=0).tolist() == [[False, True]]


def test_writing_leaves_no_temporary_file(tmp_path):
    write_png(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(TypeError):
        write_png(tmp_path / "a.png", np.zeros((2, 2, 7), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert read_grey(tmp_path / "a.png").shape == (2, 2)


@pytest.mark.parametrize(("kind", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_probabilities_by_the_depth_of_the_file(tmp_path, kind, full):
    levels = np.array([[0, 2, full // 3, full]], kind)
    Image.fromarray(levels).save(tmp_path / "soft.png")
    soft = read_soft_mask(tmp_path / "soft.png")
    assert soft.dtype == np.float32
    assert np.allclose(soft, levels / full, atol=1e-7)


def test_dark_16_bit_probabilities_stay_dark(tmp_path):
    Image.fromarray(np.full((2, 3), 200, np.uint16)).save(tmp_path / "soft.png")
    assert read_soft_mask(tmp_path / "soft.png").max() < 0.01


def test_what_is_no_probability(tmp_path):
    write_png(tmp_path / "classes.png", np.array([[0, 1]], np.uint8))
    with pytest.raises(UserError, match=r"classes\.png: the largest level is 1.*write foreground as 255"):
        read_soft_mask(tmp_path / "classes.png")
    Image.fromarray(np.full((2, 2), 0.5, np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(UserError, match="neither 8-bit nor 16-bit"):
        read_soft_mask(tmp_path / "float.tif")
    write_png(tmp_path / "empty.png", np.zeros((2, 2), np.uint8))
    assert read_soft_mask(tmp_path / "empty.png").max() == 0


def coloured(indices, colours):
    image = Image.fromarray(np.array(indices, np.uint8), mode="P")
    image.putpalette(colours)
    return image


def test_class_maps_are_what_the_file_stores(tmp_path):
    ids = {"grey": [[0, 11, 255]], "deep": [[3, 300, 65535]], "palette": [[0, 1, 1]], "small palette": [[0, 3, 2]]}
    Image.fromarray(np.array(ids["grey"], np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.array(ids["deep"], np.uint16)).save(tmp_path / "deep.png")
    coloured(ids["palette"], [0, 0, 0, 255, 255, 255]).save(tmp_path / "palette.png", bits=8)
    coloured(ids["small palette"], [9, 8, 7] * 4).save(tmp_path / "small palette.png", bits=2)
    for name, expected in ids.items():
        found = read_class_map(tmp_path / f"{name}.png")
        assert found.tolist() == expected
        assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("image", "name", "kind"),
    [
        (Image.new("RGB", (4, 4)), "a.png", "PNG of mode RGB"),
        (Image.new("RGBA", (4, 4)), "a.png", "PNG of mode RGBA"),
        (Image.new("LA", (4, 4)), "a.png", "PNG of mode LA"),
        (Image.new("1", (4, 4)), "a.png", "PNG of mode 1 with less than 8 bits"),
        (Image.new("F", (4, 4)), "a.tif", "TIFF of mode F"),
        (Image.new("L", (4, 4)), "a.jpg", "JPEG of mode L"),
    ],
)
def test_what_is_no_class_map(tmp_path, image, name, kind):
    image.save(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name}: a {kind} is no map of class ids; expected a PNG of 8-bit grey"):
        read_class_map(tmp_path / name)


def test_grey_of_four_bits_is_read_in_two_ways_and_so_refused(tmp_path):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 2, 1, 4, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00\x12")) + chunk(b"IEND", b"")
    (tmp_path / "four.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(UserError, match=r"four\.png: a PNG of mode L with less than 8 bits"):
        read_class_map(tmp_path / "four.png")


def test_a_photograph_is_turned_upright_on_request_only(tmp_path):
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show it
    Image.fromarray(stored).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "turned.png"), stored)
    assert np.array_equal(read_image(tmp_path / "turned.png", upright=True), np.rot90(stored, -1))
