"""Write the synthetic camouflage set as files, in the layout of the common COD repack."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sparsevision.annotation import (
    save_annotations,
    simulate_boxes,
    simulate_points,
    simulate_scribbles,
    write_label_png,
)
from sparsevision.datasets.image_io import write_png
from sparsevision.synthetic.camouflage import Scene, load_sources, make_scene
from sparsevision.synthetic.set_folder import write_set
from sparsevision.utils import UserError

NAME = "TinyCamo"
SCRIBBLE_WIDTH = 2  # pixels of a brush
SQUARE_SIDE = 3  # pixels of the square that stands for a point in a P-COD PNG
UNLABELLED = -1
BOX_JITTER = 0.05  # share of a box's side by which its edges are off
FORMAT = 2  # raise when the same settings would give other files


@dataclass(frozen=True)
class CamouflageSetSettings:
    """What the files depend on.

    Attributes:
        seed: seed of pictures and of sparse labels.
        train, test: numbers of pictures.
        size: side of a picture in pixels.
    """

    seed: int = 0
    train: int = 320
    test: int = 80
    size: int = 128

    def __post_init__(self) -> None:
        if self.train < 1 or self.test < 1 or self.size < 32:
            raise UserError(f"Expected train >= 1, test >= 1 and size >= 32, got {self}.")


def write_camouflage_set(
    out: str | Path,
    settings: CamouflageSetSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Write `out`/{TrainDataset/{Imgs,GT,Scribble,Point,Annotations},TestDataset/TinyCamo/{Imgs,GT}} and a data card.

    The folder appears whole or not at all. Sparse labels are simulated from the truth: S-COD scribble and P-COD point
    PNGs (0 unlabelled, 1 foreground, 2 background) and the same as annotation JSON; boxes as annotation JSON alone.

    Args:
        out: folder to make.
        settings: see `CamouflageSetSettings`.
        overwrite: replace another synthetic set.
        progress: called with (pictures done, pictures in all).

    Returns:
        False if `out` already holds exactly this set, so that nothing was done.

    Raises:
        UserError: `out` holds another set and `overwrite` is not set, or something that is no set.
    """
    card = {"set": NAME, "format": FORMAT, "settings": asdict(settings)}
    return write_set(out, card, lambda root: _write_all(root, settings, progress), overwrite=overwrite)


def _write_all(root: Path, settings: CamouflageSetSettings, progress: Callable[[int, int], None]) -> None:
    sources = load_sources()
    total = settings.train + settings.test
    for done, (split, index) in enumerate(_pictures(settings), start=1):
        scene = make_scene(sources, split=split, index=index, seed=settings.seed, size=settings.size)
        stem = f"camo_{split}_{index:04d}"
        folder = root / ("TrainDataset" if split == "train" else f"TestDataset/{NAME}")
        _write_pair(folder, stem, scene)
        if split == "train":
            _write_sparse(folder, stem, scene, np.random.default_rng([settings.seed, 2, index]))
        progress(done, total)


def _pictures(settings: CamouflageSetSettings) -> Iterator[tuple[str, int]]:
    for split, count in (("train", settings.train), ("test", settings.test)):
        for index in range(count):
            yield split, index


def _write_pair(folder: Path, stem: str, scene: Scene) -> None:
    for name in ("Imgs", "GT"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.image).save(folder / "Imgs" / f"{stem}.jpg", quality=95)
    write_png(folder / "GT" / f"{stem}.png", scene.mask.astype(np.uint8) * 255)


def _write_sparse(folder: Path, stem: str, scene: Scene, rng: np.random.Generator) -> None:
    """Two strokes (one on the animal, one beside it), a point on each, and a box around the animal."""
    scribbles = simulate_scribbles(scene.mask, rng=rng, width=SCRIBBLE_WIDTH)
    points = simulate_points(scene.mask, rng=rng, per_component=(1,), centre_bias=0.5)
    labels = {
        "Scribble": (scribbles, scribbles.densify(UNLABELLED)),
        "Point": (points, points.densify(UNLABELLED, side=SQUARE_SIDE)),
    }
    for name, (annotation, label_map) in labels.items():
        write_label_png(folder / name / f"{stem}.png", label_map, ignore_index=UNLABELLED)
        save_annotations(folder / "Annotations" / name.lower() / f"{stem}.json", annotation)
    boxes = simulate_boxes(scene.mask, rng=rng, jitter=BOX_JITTER)
    save_annotations(folder / "Annotations" / "box" / f"{stem}.json", boxes)
