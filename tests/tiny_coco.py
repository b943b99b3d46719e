"""A tiny data set in COCO's format, as a dict to damage and as files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def tiny_document() -> dict[str, Any]:
    """Three images of 60x40 pixels: two objects and a crowd, one object, none; category ids with gaps."""
    return {
        "images": [
            {"id": 5, "file_name": "a.png", "height": 40, "width": 60},
            {"id": 90, "file_name": "b.png", "height": 40, "width": 60},
            {"id": 7, "file_name": "c.png", "height": 40, "width": 60},
        ],
        "annotations": [
            {"id": 11, "image_id": 90, "category_id": 3, "bbox": [10, 10, 20, 10], "iscrowd": 0, "area": 150.0},
            {"id": 12, "image_id": 5, "category_id": 44, "bbox": [0, 0, 60, 40], "iscrowd": 0, "area": 2400.0},
            {"id": 13, "image_id": 5, "category_id": 3, "bbox": [1.5, 2.5, 8, 6], "iscrowd": 0, "area": 48.0},
            {"id": 14, "image_id": 5, "category_id": 3, "bbox": [30, 20, 30, 20], "iscrowd": 1, "area": 600.0},
        ],
        "categories": [{"id": 44, "name": "cup"}, {"id": 3, "name": "car"}],
    }


def write_tiny_coco(folder: Path, document: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write the set into a folder; returns the arguments of the data set that reads it."""
    document = tiny_document() if document is None else document
    (folder / "annotations.json").write_text(json.dumps(document))
    (folder / "images").mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for image in document["images"]:
        pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / Path(image["file_name"]).name)
    return {"data_root": str(folder), "ann_file": "annotations.json", "data_prefix": {"img": "images"}}
