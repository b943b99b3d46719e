"""Write the synthetic detection world as files, in the layout of COCO 2017."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from sparsevision.synthetic.detection_outlines import CLASSES
from sparsevision.synthetic.detection_world import Picture, Sources, load_sources, make_picture
from sparsevision.synthetic.set_folder import write_set
from sparsevision.utils import UserError

NAME = "TinyShapes"
FORMAT = 1  # raise when the same settings would give other files


@dataclass(frozen=True)
class DetectionSetSettings:
    """What the files depend on.

    Attributes:
        seed: seed of the pictures.
        train, val: numbers of pictures.
    """

    seed: int = 0
    train: int = 1500
    val: int = 200

    def __post_init__(self) -> None:
        if self.train < 1 or self.val < 1 or self.seed < 0:
            raise UserError(f"Expected train >= 1, val >= 1 and seed >= 0, got {self}.")


def write_detection_set(
    out: str | Path,
    settings: DetectionSetSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Write `out`/{train2017,val2017}/*.jpg, `out`/annotations/instances_{train2017,val2017}.json and a data card.

    The folder appears whole or not at all. A box is tight around the visible pixels of its thing, `area` counts them.

    Args:
        out: folder to make.
        settings: see `DetectionSetSettings`.
        overwrite: replace another synthetic set.
        progress: called with (pictures done, pictures in all).

    Returns:
        False if `out` already holds exactly this set, so that nothing was done.

    Raises:
        UserError: `out` holds another set and `overwrite` is not set, or something that is no set.
    """
    card = {"set": NAME, "format": FORMAT, "settings": asdict(settings)}
    return write_set(out, card, lambda root: _write_all(root, settings, progress), overwrite=overwrite)


def _write_all(root: Path, settings: DetectionSetSettings, progress: Callable[[int, int], None]) -> None:
    sources = load_sources()
    total = settings.train + settings.val
    for split, count, before in (("train", settings.train, 0), ("val", settings.val, settings.train)):
        _write_split(
            root, split, count, sources, settings.seed, lambda done, before=before: progress(before + done, total)
        )


def _write_split(
    root: Path, split: str, count: int, sources: Sources, seed: int, progress: Callable[[int], None]
) -> None:
    (root / f"{split}2017").mkdir()
    images, annotations = [], []
    for index in range(count):
        picture = make_picture(sources, split=split, index=index, seed=seed)
        name = f"{index + 1:012d}.jpg"
        Image.fromarray(picture.image).save(root / f"{split}2017" / name, quality=95)
        height, width = picture.owner.shape
        images.append({"id": index + 1, "file_name": name, "width": width, "height": height})
        annotations += _annotations(picture, image_id=index + 1, first_id=len(annotations) + 1)
        progress(index + 1)
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
    content = {
        "info": {"description": f"{NAME}, {split}"},
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(content) + "\n")


def _annotations(picture: Picture, *, image_id: int, first_id: int) -> list[dict]:
    found = zip(picture.labels, picture.boxes().tolist(), picture.areas().tolist(), strict=True)
    return [
        {
            "id": number,
            "image_id": image_id,
            "category_id": label + 1,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": area,
            "iscrowd": 0,
        }
        for number, (label, (x0, y0, x1, y1), area) in enumerate(found, start=first_id)
    ]
