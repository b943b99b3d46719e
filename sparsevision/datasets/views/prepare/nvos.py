"""NVOS (Ren et al., CVPR 2022): scribbles on one view of an LLFF scene, and the true mask of another."""

import json
from pathlib import Path

import numpy as np

from sparsevision.annotation import save_annotations
from sparsevision.datasets.image_io import read_mask
from sparsevision.datasets.vectorise import strokes_of_labels
from sparsevision.datasets.views.files import list_images
from sparsevision.datasets.views.prepare.pictures import PictureFolders
from sparsevision.utils import UserError, atomic_write

FOLDERS = ("scribbles", "masks", "reference_image")
OFF, ON, NOWHERE = 0, 1, 255
CLICKS = {ON: 6, OFF: 4}
MAX_PIXELS = 4000


def annotation_keys(annotations: Path) -> list[str]:
    """The names of the annotated objects, such as fern or horns_left.

    Raises:
        UserError: the folder is not the release's.
    """
    missing = [name for name in FOLDERS if not (annotations / name).is_dir()]
    if missing:
        raise UserError(f"--annotations {annotations}: has no {', '.join(missing)}; expected {', '.join(FOLDERS)}.")
    return sorted(path.name for path in (annotations / "scribbles").iterdir() if path.is_dir())


def scene_of_key(key: str, scenes: Path) -> str:
    """The scene's folder that an object's name begins with: horns_left is in horns or horns_undistort.

    Raises:
        UserError: there is none.
    """
    folders = {path.name.split("_undistort")[0]: path.name for path in sorted(scenes.iterdir()) if path.is_dir()}
    names = [name for name in folders if key == name or key.startswith(f"{name}_")]
    if not names:
        raise UserError(f"{scenes}: has no scene for the object '{key}'.")
    return folders[max(names, key=len)]


def prepare_nvos(annotations: Path, key: str, pictures: PictureFolders) -> None:
    """Write the target's mask into `label_full`, the scribbles, and clicks on and off the object taken from them.

    `scribbles/<view>.json` holds the strokes (class 1 on the object, 0 off it) in pixels of the scribbled image;
    `clicks.json` at the scene's root a few of their pixels, far from each other, as tools/spin_nerf.py reads them.
    """
    root = pictures.scene.root
    pictures.labels(annotations / "masks" / key, "label_full")
    reference = _reference(annotations / "reference_image" / key, pictures)
    strokes = _strokes(annotations / "scribbles" / key)
    save_annotations(
        root / "scribbles" / f"{reference}.json", {reference: strokes_of_labels(strokes, ignore_index=NOWHERE)}
    )
    clicks = [[*map(int, xy), label] for label in (ON, OFF) for xy in spread(strokes == label, CLICKS[label])]
    document = {"view": reference, "size": list(strokes.shape), "clicks": clicks}
    with atomic_write(root / "clicks.json") as stream:
        stream.write((json.dumps(document) + "\n").encode())


def spread(mask: np.ndarray, count: int) -> np.ndarray:
    """Pixels (K, 2) as (x, y) of a mask (H, W), each far from those before it; fewer where it has not as many."""
    pixels = np.argwhere(mask)[:, ::-1].astype(np.float64)
    pixels = pixels[:: max(1, len(pixels) // MAX_PIXELS)]
    if not len(pixels):
        return np.zeros((0, 2), np.int64)
    chosen = [int(np.argmin(((pixels - pixels.mean(0)) ** 2).sum(1)))]
    nearest = ((pixels - pixels[chosen[0]]) ** 2).sum(1)
    while len(chosen) < min(count, len(pixels)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((pixels - pixels[chosen[-1]]) ** 2).sum(1))
    return pixels[chosen].astype(np.int64)


def _reference(folder: Path, pictures: PictureFolders) -> str:
    views = {pictures.aliases[path.stem] for path in list_images(folder) if path.stem in pictures.aliases}
    if len(views) != 1:
        raise UserError(
            f"{folder}: expected the one scribbled image, called like a view; found {sorted(views) or 'none'}."
        )
    return views.pop()


def _strokes(folder: Path) -> np.ndarray:
    """Class map (H, W) of the pictures pos*.png and neg*.png."""
    strokes = None
    for label, beginning in ((OFF, "neg"), (ON, "pos")):
        files = [path for path in list_images(folder) if path.stem.lower().startswith(beginning)]
        if not files:
            raise UserError(f"{folder}: holds no scribbles '{beginning}*.png'.")
        for path in files:
            mask = read_mask(path, threshold=0)
            strokes = np.full(mask.shape, NOWHERE) if strokes is None else strokes
            if mask.shape != strokes.shape:
                raise UserError(f"{path}: is of another size than the other scribbles.")
            strokes[mask] = label
    return strokes
