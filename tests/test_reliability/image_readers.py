"""Readers of images, masks, flow and annotations, each with an example to damage."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
from fuzzing import Reader
from PIL import Image

from sparsevision.annotation import (
    Boxes,
    Clicks,
    PointLabels,
    Scribbles,
    load_annotations,
    read_flow,
    read_label_png,
    save_annotations,
)
from sparsevision.annotation.formats.data_set import image_size as size_for_annotations
from sparsevision.apis.features import read_matrix
from sparsevision.datasets.dense_masks import MaskReader
from sparsevision.datasets.image_io import (
    exif_orientation,
    image_size,
    read_class_map,
    read_grey,
    read_image,
    read_mask,
    read_soft_mask,
)
from sparsevision.datasets.sparse_labels import read_sparse_maps
from sparsevision.datasets.video.flow_files import read_flow_file, write_flow_file

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (11, 14, 3), np.uint8)
CODES = RNG.integers(0, 3, (11, 14), np.uint8)
FLOW = RNG.normal(size=(2, 7, 9)).astype(np.float32)


def saved(name: str, image: np.ndarray, **options):
    """Writes the image by Pillow."""

    def make(folder: Path) -> Path:
        Image.fromarray(image).save(folder / name, **options)
        return folder / name

    return make


def palette(folder: Path) -> Path:
    """A label map with a palette."""
    image = Image.fromarray(CODES, mode="P")
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    image.save(folder / "a.png")
    return folder / "a.png"


def turned(folder: Path) -> Path:
    """A photograph with EXIF data."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(folder / "a.jpg", exif=exif)
    return folder / "a.jpg"


def annotated(name: str):
    """Four kinds of annotations of one image."""
    size = (20, 30)
    content = {
        "points": PointLabels(xy=[[1, 2], [3, 4]], labels=[1, 0], size=size),
        "clicks": Clicks(xy=[[1.5, 2]], positive=[True], size=size, meta={"label": 1}),
        "scribbles": Scribbles(polylines=[[[1, 1], [9, 9]]], labels=[1], widths=[3], size=size),
        "boxes": Boxes(xyxy=[[1, 2, 9, 9]], labels=[1], size=size),
    }

    def make(folder: Path) -> Path:
        save_annotations(folder / name, content)
        return folder / name

    return make


def flow_file(suffix: str):
    """A small field of flow."""

    def make(folder: Path) -> Path:
        write_flow_file(folder / f"a{suffix}", FLOW)
        return folder / f"a{suffix}"

    return make


def array(name: str, values: np.ndarray):
    """A .npy or .npz file."""

    def make(folder: Path) -> Path:
        if name.endswith(".npz"):
            np.savez_compressed(folder / name, flow=values)
        else:
            np.save(folder / name, values)
        return folder / name

    return make


def deep_grey(folder: Path) -> Path:
    """16 bits a pixel."""
    cv2.imwrite(str(folder / "a.png"), RNG.integers(0, 2**16, (11, 14), np.uint16))
    return folder / "a.png"


LABELS = partial(read_sparse_maps, ignore_index=255)
IMAGES = {  # the last bytes of an image file may say nothing: a cut there is no loss
    "png": Reader(saved("a.png", RGB), read_image, cut_is_seen=False),
    "jpeg": Reader(saved("a.jpg", RGB), read_image, cut_is_seen=False),
    "jpeg_exif_upright": Reader(turned, partial(read_image, upright=True), cut_is_seen=False),
    "jpeg_exif": Reader(turned, exif_orientation, cut_is_seen=False),
    "bmp": Reader(saved("a.bmp", RGB), read_image, cut_is_seen=False),
    "webp": Reader(saved("a.webp", RGB, lossless=True), read_image, cut_is_seen=False),
    "png_16_bit": Reader(deep_grey, read_image, cut_is_seen=False),
    "png_size": Reader(saved("a.png", RGB), image_size, cut_is_seen=False),
    "mask": Reader(saved("a.png", CODES * 127), read_mask, cut_is_seen=False),
    "grey_palette": Reader(palette, read_grey, cut_is_seen=False),
    "class_map_palette": Reader(palette, read_class_map, cut_is_seen=False),
    "class_map_16_bit": Reader(deep_grey, read_class_map, cut_is_seen=False),
    "soft_mask": Reader(saved("a.png", CODES * 100), read_soft_mask, cut_is_seen=False),
    "dense_mask": Reader(saved("a.png", CODES), MaskReader(), cut_is_seen=False),
    "label_png": Reader(saved("a.png", CODES), partial(read_label_png, ignore_index=255), cut_is_seen=False),
    "size_for_annotations": Reader(saved("a.png", RGB), size_for_annotations, cut_is_seen=False),
    "size_of_a_jpeg_for_annotations": Reader(saved("a.jpg", RGB), size_for_annotations, cut_is_seen=False),
}
ANNOTATIONS = {
    "annotation_json": Reader(annotated("a.json"), load_annotations, cut_is_seen=False),  # its last byte is a line end
    "annotation_npz": Reader(annotated("a.npz"), load_annotations),
    "annotation_json_as_labels": Reader(annotated("a.json"), LABELS, cut_is_seen=False),
    "label_png_as_labels": Reader(saved("a.png", CODES), LABELS, cut_is_seen=False),
}
FLOWS = {
    "flo": Reader(flow_file(".flo"), read_flow_file),
    "kitti_flow_png": Reader(flow_file(".png"), read_flow_file, cut_is_seen=False),
    "pfm": Reader(flow_file(".pfm"), read_flow_file),
    "flow_npy": Reader(array("a.npy", FLOW.transpose(1, 2, 0)), read_flow),
    "flow_npz": Reader(array("a.npz", FLOW.transpose(1, 2, 0)), read_flow),
    "flow_flo": Reader(flow_file(".flo"), read_flow),
    "features_npy": Reader(array("a.npy", RNG.random((9, 4))), read_matrix),
}
READERS = IMAGES | ANNOTATIONS | FLOWS
