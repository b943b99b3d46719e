"""Which predictions of one model are good enough to be labels for another.

Two published screens, for the answers of a promptable segmenter:

* area: a foreground under .1 % or over half of the image is refused (the response filter of SAM-COD; Chen et al.,
  ECCV 2024);
* entropy: an image on which the passes of the model disagree is refused (the image selection of WS-SAM; He et al.,
  NeurIPS 2023; here the mean entropy of its pixels in bits).
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import FULL_8_BITS, read_soft_mask, write_png
from sparsevision.datasets.layouts import index_by_stem
from sparsevision.utils import UserError


@dataclass(frozen=True, kw_only=True)
class Screen:
    """What a pseudo label must be like.

    Args:
        area: smallest and largest share of the image that is foreground (p > .5).
        max_entropy: highest mean entropy of the pixels, in bits; 1 refuses nothing.
    """

    area: tuple[float, float] = (0.001, 0.5)
    max_entropy: float = 1.0

    def __post_init__(self) -> None:
        low, high = self.area
        if not (0 <= low < high <= 1 and 0 <= self.max_entropy <= 1):
            raise UserError(
                f"area={self.area}, max_entropy={self.max_entropy}: expected 0 <= smallest < largest <= 1 for the area "
                "and 0 to 1 bits for the entropy."
            )

    def reason(self, mask: np.ndarray) -> str:
        """Why a soft mask (H, W) is refused: "too small", "too large" or "undecided"; "" if it is taken."""
        area = float((mask > 0.5).mean())
        if not self.area[0] <= area <= self.area[1]:
            return "too small" if area < self.area[0] else "too large"
        return "undecided" if mean_entropy(mask) > self.max_entropy else ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one prediction: `reason` is empty if it was taken; `iou` is with the truth, if there is one."""

    stem: str
    area: float
    entropy: float
    reason: str
    iou: float | None = None


def mean_entropy(mask: np.ndarray) -> float:
    """Mean entropy in bits of foreground probabilities (H, W)."""
    p = np.clip(mask.astype(np.float64), 1e-12, 1 - 1e-12)
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean())


def make_pseudo_labels(
    predictions: str | Path, out: str | Path, *, screen: Screen, truth: str | Path | None = None
) -> Iterator[Verdict]:
    """Copy the predictions that pass the screen to `out`/<stem>.png, 8-bit; yields a verdict for each.

    The folder appears once all are judged; after an error there is none.

    Args:
        predictions: folder of soft masks, as `tools/test.py --out` writes them (`pred_soft_mask` or `pred_mask`).
        out: folder of pseudo labels; must be empty or missing, so that none of an older run stays in it.
        screen: see `Screen`.
        truth: folder of true masks with the same stems, for the verdicts' IoU only.

    Raises:
        UserError: no folder, nothing in it, `out` in use, or a truth of another size.
    """
    predictions, out = Path(predictions), Path(out)
    if not predictions.is_dir():
        raise UserError(f"'{predictions}' is not a folder of predictions; tools/test.py --out writes one.")
    found, _ = index_by_stem(predictions, (".png",))
    if not found:
        raise UserError(f"'{predictions}' holds no PNG. Expected <out>/pred_soft_mask or <out>/pred_mask of a test.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"'{out}' is not an empty folder. Choose another one for the pseudo labels, or delete it.")
    truths = {} if truth is None else index_by_stem(Path(truth))[0]
    return _verdicts(found, out, screen, truths)


def _verdicts(found: dict[str, Path], out: Path, screen: Screen, truths: dict[str, Path]) -> Iterator[Verdict]:
    """Judge all, in a folder beside `out` that takes its place once nothing can go wrong any more."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        kept = Path(folder, "kept")
        kept.mkdir()
        verdicts = []
        for stem, path in found.items():
            verdicts.append(_judge(stem, path, kept, screen, truths.get(stem)))
            yield verdicts[-1]
        if any(not verdict.reason for verdict in verdicts):
            os.replace(kept, out)


def _judge(stem: str, path: Path, out: Path, screen: Screen, truth: Path | None) -> Verdict:
    mask = read_soft_mask(path)
    reason = screen.reason(mask)
    if not reason:
        write_png(out / f"{stem}.png", np.rint(mask * FULL_8_BITS).astype(np.uint8))
    iou = None if truth is None else _overlap(mask > 0.5, truth)
    return Verdict(stem=stem, area=float((mask > 0.5).mean()), entropy=mean_entropy(mask), reason=reason, iou=iou)


def _overlap(mask: np.ndarray, truth: Path) -> float:
    wanted = read_soft_mask(truth) > 0.5
    if wanted.shape != mask.shape:
        raise UserError(f"{truth}: has shape {wanted.shape}, the prediction has {mask.shape}; are they a pair?")
    return float((mask & wanted).sum() / max((mask | wanted).sum(), 1))
