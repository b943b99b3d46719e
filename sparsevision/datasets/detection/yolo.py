"""YOLO folders: a data.yaml, images, and a text file of normalised boxes beside each, as Ultralytics and others write.

A row is `class cx cy w h`, shares of the image's width and height, or `class x1 y1 x2 y2 ...`, a polygon. An image
without a text file, or with an empty one, has no object. Both layouts of folders are read, images/train with
labels/train and train/images with train/labels, as well as texts beside the images, and both forms of `names`, a list
and a mapping from number to name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sparsevision.datasets.image_io import IMAGE_SUFFIXES, exif_orientation, image_files, image_size
from sparsevision.utils import UserError

SPLITS = ("train", "val", "test")
OPTIONAL = "test"  # often named and not there
TOLERANCE = 0.01  # beyond 0 and 1: rounding of other programs
DECIMALS = 3  # of a pixel
UPRIGHT = 1  # the EXIF orientation of an image that is stored as it is seen


@dataclass(frozen=True)
class YoloSet:
    """A data.yaml that was read: where images are, by split, and the names of the classes."""

    root: Path
    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Path, ...]]

    @property
    def categories(self) -> list[dict]:
        """COCO's categories; ids are the class numbers plus one."""
        return [{"id": number, "name": name} for number, name in enumerate(self.classes, start=1)]


@dataclass(frozen=True)
class YoloImage:
    """One image in COCO's terms: its record, its annotations without ids, and what is wrong with its labels."""

    record: dict
    annotations: list[dict]
    repeated: int
    problems: tuple[str, ...]


def read_data_yaml(path: str | Path) -> YoloSet:
    """Read the data.yaml of a set, or the only yaml file in its folder.

    Raises:
        UserError: there is none, it is no YAML mapping, names are missing or do not fit nc, or no split is there.
    """
    path = _yaml_file(Path(path))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: is no YAML file that can be read ({str(error).splitlines()[0]}).") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys such as train, val and names.")
    classes = _class_names(content, path)
    root, splits = _find_splits(content, path)
    return YoloSet(root, classes, splits)


def read_image(path: Path, image_id: int, dataset: YoloSet) -> YoloImage:
    """One image with its labels. Raises UserError if it is no image that can be read."""
    height, width = image_size(path)
    record = {"id": image_id, "file_name": _relative(path, dataset.root), "width": width, "height": height}
    text = label_file(path)
    rows = text.read_text(encoding="utf-8", errors="replace").splitlines() if text.is_file() else []
    rows = [(number, row.split()) for number, row in enumerate(rows, start=1) if row.strip()]
    unique = {tuple(row): number for number, row in reversed(rows)}
    found, problems = [], []
    for row, number in sorted(unique.items(), key=lambda item: item[1]):
        try:
            found.append(_annotation(row, image_id, (height, width), len(dataset.classes)))
        except UserError as error:
            problems.append(f"{text}, line {number}: {error}")
    if found and exif_orientation(path) != UPRIGHT:
        problems.append(
            f"{path}: is stored turned (EXIF orientation {exif_orientation(path)}), so that it is not certain which "
            "way its boxes are meant; save it upright, e.g. with ImageMagick: mogrify -auto-orient"
        )
    return YoloImage(record, found, len(rows) - len(unique), tuple(problems))


def label_file(image: Path) -> Path:
    """The text file of an image: in labels/ instead of the last images/ of its path, or beside it."""
    parts = list(image.parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def images_of(split: tuple[Path, ...]) -> list[Path]:
    """All images of a split, sorted: those in its folders and their folders, and those that its text files list.

    Raises:
        UserError: none at all, or a listed one is not there.
    """
    found: set[Path] = set()
    for source in split:
        if source.is_dir():
            found |= set(image_files(source, recursive=True))
        else:
            found |= set(_listed(source))
    if not found:
        raise UserError(f"{', '.join(map(str, split))}: no image there ({', '.join(IMAGE_SUFFIXES)}).")
    return sorted(found)


def _yaml_file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"{path}: there is no such file or folder; expected a data.yaml, or the folder that holds it.")
    found = sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
    named = [file for file in found if file.stem == "data"]
    if len(named or found) != 1:
        listed = ", ".join(file.name for file in found) or "none"
        raise UserError(f"{path}: expected one data.yaml in this folder; its yaml files: {listed}. Name the file.")
    return (named or found)[0]


def _class_names(content: dict, path: Path) -> tuple[str, ...]:
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise UserError(f"{path}: names: expected a list of class names, or a mapping from class number to name.")
    if set(names) != set(range(len(names))):
        raise UserError(f"{path}: names: expected the class numbers 0 to {len(names) - 1}, got {list(names)[:10]}.")
    classes = tuple(str(names[number]) for number in range(len(names)))
    if len(set(classes)) < len(classes):
        raise UserError(f"{path}: names: two classes have the same name; give them different ones.")
    if content.get("nc", len(classes)) != len(classes):
        raise UserError(f"{path}: nc is {content['nc']}, but names has {len(classes)}: {', '.join(classes[:10])}.")
    return classes


def _find_splits(content: dict, path: Path) -> tuple[Path, dict[str, tuple[Path, ...]]]:
    """The root of the set, and the sources of each split."""
    given = {split: content[split] for split in SPLITS if content.get(split)}
    if not given:
        raise UserError(f"{path}: names no images; expected train, val or test with a folder each.")
    own = str(content.get("path") or "")
    roots = [root for root in dict.fromkeys([path.parent / own, path.parent]) if root.is_dir()]
    for root in roots:
        found = {split: _sources(root, value) for split, value in given.items()}
        if all(sources or split == OPTIONAL for split, sources in found.items()):
            return root, {split: sources for split, sources in found.items() if sources}
    missing = ", ".join(f"{split}: {value}" for split, value in given.items())
    raise UserError(
        f"{path}: its folders are not there ({missing}); looked in {' and '.join(map(str, roots))}. Correct path and "
        "the folders, which are relative to it."
    )


def _sources(root: Path, value: Any) -> tuple[Path, ...]:
    """Existing folders or lists; () if one is missing. Roboflow writes ../train/images for train/images."""
    sources = []
    for text in value if isinstance(value, list) else [value]:
        places = [root / str(text), root / str(text).removeprefix("../")]
        sources += [next((place for place in places if _exists(place)), None)]
    return () if None in sources else tuple(sources)


def _listed(source: Path) -> list[Path]:
    lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    paths = [Path(line.strip()) for line in lines if line.strip()]
    paths = [path if path.is_absolute() else source.parent / path for path in paths]
    missing = [path for path in paths if not _exists(path)]
    if missing:
        raise UserError(f"{source}: {len(missing)} of {len(paths)} images are not there, the first is {missing[0]}.")
    return paths


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # such as a name that is too long
        return False


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _annotation(row: tuple[str, ...], image_id: int, size: tuple[int, int], classes: int) -> dict:
    try:
        label, numbers = float(row[0]), np.array(row[1:], dtype=np.float64)
    except ValueError:
        raise UserError(f"expected numbers, got '{' '.join(row)[:60]}'.") from None
    if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
        raise UserError(
            f"expected a class and 4 numbers, or a polygon of 3 points or more, got {len(numbers)} numbers."
        )
    if not label.is_integer() or not 0 <= label < classes:
        raise UserError(f"class {row[0][:20]}, but data.yaml has the classes 0 to {classes - 1}.")
    if not (np.isfinite(numbers).all() and (numbers >= -TOLERANCE).all() and (numbers <= 1 + TOLERANCE).all()):
        raise UserError("coordinates are shares of the image's width and height, from 0 to 1; these are not.")
    scale = np.array(size[::-1])
    record = {"image_id": image_id, "category_id": int(label) + 1, "iscrowd": 0}
    if len(numbers) == 4:
        extent = numbers[2:] * scale
        corner = numbers[:2] * scale - extent / 2
        return record | {"bbox": _rounded(corner, extent), "area": round(float(extent.prod()), DECIMALS)}
    polygon = numbers.reshape(-1, 2) * scale
    corner, far = polygon.min(axis=0), polygon.max(axis=0)
    x, y = polygon.T
    area = abs(float((x * np.roll(y, 1) - y * np.roll(x, 1)).sum())) / 2
    outline = polygon.round(DECIMALS).ravel().tolist()
    return record | {"bbox": _rounded(corner, far - corner), "area": round(area, DECIMALS), "segmentation": [outline]}


def _rounded(corner: np.ndarray, extent: np.ndarray) -> list[float]:
    return np.concatenate([corner, extent]).round(DECIMALS).tolist()
