"""Write the world of moving shapes as files: a folder of video clips with captions, and their truth."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sparsevision.annotation import npz
from sparsevision.synthetic.detection_world import load_sources
from sparsevision.synthetic.moving_shapes import Clip, make_clip
from sparsevision.synthetic.set_folder import write_set
from sparsevision.utils import UserError

NAME = "MovingShapes"
FORMAT = 1  # raise when the same settings would give other files


@dataclass(frozen=True)
class MovingShapesSettings:
    """What the files depend on.

    Attributes:
        seed: seed of the clips.
        train, val: numbers of clips.
        size: side of the frames, pixels.
        frames: of a clip, the first included.
    """

    seed: int = 0
    train: int = 1500
    val: int = 60
    size: int = 64
    frames: int = 16

    def __post_init__(self) -> None:
        if self.train < 1 or self.val < 1 or self.seed < 0 or self.size < 16 or self.frames < 2:
            raise UserError(f"Expected train and val >= 1, seed >= 0, size >= 16 and frames >= 2, got {self}.")


def write_moving_shapes(
    out: str | Path,
    settings: MovingShapesSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Write `out`/{train,val}/{clips,truth} and a data card; the folder appears whole or not at all.

    clips/<number>/<frame>.png are the frames, without loss, clips/<number>.txt the caption. truth/<number>.npz holds
    `flow` float16 (F,2,H,W), `visible` bool (F,H,W), `objects` uint8 (H,W) and `centres` float32 (things,F+1,2); see
    `Clip`.

    Args:
        out: folder to make.
        settings: see `MovingShapesSettings`.
        overwrite: replace another synthetic set.
        progress: called with (clips done, clips in all).

    Returns:
        False if `out` already holds exactly this set, so that nothing was done.

    Raises:
        UserError: `out` holds another set and `overwrite` is not set, or something that is no set.
    """
    card = {"set": NAME, "format": FORMAT, "settings": asdict(settings)}
    return write_set(out, card, lambda root: _write_all(root, settings, progress), overwrite=overwrite)


def _write_all(root: Path, settings: MovingShapesSettings, progress: Callable[[int, int], None]) -> None:
    textures = load_sources().textures
    wanted = [("train", index) for index in range(settings.train)] + [("val", index) for index in range(settings.val)]
    for done, (split, index) in enumerate(wanted, start=1):
        clip = make_clip(
            textures, split=split, index=index, seed=settings.seed, size=settings.size, frames=settings.frames
        )
        _write_clip(root / split, f"{index:05d}", clip)
        progress(done, len(wanted))


def _write_clip(root: Path, name: str, clip: Clip) -> None:
    folder = root / "clips" / name
    folder.mkdir(parents=True)
    (root / "truth").mkdir(exist_ok=True)
    for number, frame in enumerate(clip.frames):
        Image.fromarray(frame).save(folder / f"{number:03d}.png")
    folder.with_suffix(".txt").write_text(clip.caption + "\n")
    truth = {"flow": clip.flow.astype(np.float16), "visible": clip.visible}
    truth |= {"objects": clip.objects, "centres": clip.centres}
    (root / "truth" / f"{name}.npz").write_bytes(npz.pack_arrays(truth))
