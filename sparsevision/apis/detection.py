"""Find objects in photographs, without a Runner."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from numpy.typing import NDArray

from sparsevision.apis.detection_result import DetectionResult
from sparsevision.apis.images import ImageLike, ImageSource, check_names, image_pipeline, image_sources
from sparsevision.apis.model import given_model
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError, check_out_folder
from sparsevision.visualization import class_colours
from sparsevision.visualization.detections import SCORE_THRESHOLD


class DetInferencer:
    """`DetInferencer(config, checkpoint)("photo.jpg")`: boxes, classes and scores, and a picture that shows them.

    Images are prepared as the config's test pipeline says. A photograph is turned upright first if its camera noted how
    it was held (EXIF).

    Args:
        model: a shipped config's name, a path, a Config, or a model of `init_model`.
        checkpoint: weights; None with a model.
        device: None takes a GPU if there is one, and leaves a model where it is.
        classes: names, index = class id; None takes those that the checkpoint noted, else those of the config's data.

    Raises:
        UserError: no such config or checkpoint, or not those of a detector, or another number of classes than the
            model has.
    """

    def __init__(
        self,
        model: str | Path | Config | BaseModel,
        checkpoint: str | Path | None = None,
        *,
        device: str | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        model = given_model(model, checkpoint, device=device)
        if not hasattr(model, "cfg"):
            raise UserError(
                f"{type(model).__name__} was not built by init_model, so its config is unknown; DetInferencer needs "
                "e.g. a config of configs/focus_detr."
            )
        self.model = model.eval()
        self.classes, self.palette = _classes_of(model, classes)
        self._pipeline = image_pipeline(model.cfg)

    def __call__(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        out_dir: str | Path | None = None,
        score_threshold: float = SCORE_THRESHOLD,
        batch_size: int = 1,
    ) -> list[DetectionResult]:
        """Detect in images; one result an image, in order. For long lists, `iterate`.

        Args:
            images: a file, a folder, a glob, a uint8 RGB array (H,W,3), or several of these.
            out_dir: where `<name>_boxes.jpg` and `<name>_boxes.json` go; None writes nothing.
            score_threshold: less certain detections are left out of these files; the results have them.
            batch_size: images at once. With `preset="published"` images of several sizes in a batch change each
                other's results, as in the released code.

        Raises:
            UserError: a file that is no image, an empty folder, an out_dir that is a file or in which two images would
                overwrite each other, a method that gives no boxes.
        """
        return list(self.iterate(images, out_dir=out_dir, score_threshold=score_threshold, batch_size=batch_size))

    def iterate(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        out_dir: str | Path | None = None,
        score_threshold: float = SCORE_THRESHOLD,
        batch_size: int = 1,
    ) -> Iterator[DetectionResult]:
        """As a call, but one result after the other: only the images of a batch are in memory."""
        if not 0 <= score_threshold <= 1 or batch_size < 1:
            raise UserError(
                f"score_threshold={score_threshold}, batch_size={batch_size}: expected 0 to 1, and at least 1."
            )
        check_out_folder(out_dir, "out_dir")
        sources = image_sources(images)
        if out_dir is not None:
            check_names(sources)
        return self._iterate(sources, out_dir, score_threshold, batch_size)

    def _iterate(
        self, sources: list[ImageSource], out_dir: str | Path | None, score_threshold: float, batch_size: int
    ) -> Iterator[DetectionResult]:
        for start in range(0, len(sources), batch_size):
            for result in self._detect(sources[start : start + batch_size]):
                if out_dir is not None:
                    result.write(out_dir, score_threshold=score_threshold)
                yield result

    def prepare(self, image: NDArray[np.uint8], name: str = "image_0") -> dict[str, Any]:
        """One image (H,W,3) as the test pipeline packs it: {"inputs": {"image": ...}, "data_samples": ...}."""
        size = image.shape[:2]
        meta = {"img_path": name, "sample_id": name, "img_id": name, "ori_shape": size, "img_shape": size}
        return self._pipeline({"img": image, "flip": False, **meta})

    def _detect(self, sources: list[ImageSource]) -> list[DetectionResult]:
        images = [source.read(upright=True) for source in sources]
        packed = [self.prepare(image, source.name) for image, source in zip(images, sources, strict=True)]
        with torch.inference_mode():
            samples = self.model.test_step(pseudo_collate(packed))
        return [self._result(*found) for found in zip(sources, images, samples, strict=True)]

    def _result(self, source: ImageSource, image: NDArray[np.uint8], sample: BaseDataElement) -> DetectionResult:
        if "pred_instances" not in sample:
            raise UserError(
                f"{type(self.model).__name__} gives no boxes (`pred_instances`); DetInferencer needs a detector, e.g. "
                "a config of configs/focus_detr."
            )
        found = sample.pred_instances
        found = found[found.scores.argsort(descending=True, stable=True)]
        return DetectionResult(
            name=source.name,
            path=source.path,
            image=image,
            boxes=found.bboxes.float().cpu().numpy().reshape(-1, 4),
            labels=found.labels.cpu().numpy(),
            scores=found.scores.float().cpu().numpy(),
            classes=self.classes,
            palette=self.palette,
        )


def _classes_of(model: BaseModel, given: Sequence[str] | None) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Names and colours (C,3): those given, or noted in the checkpoint, or of the config's test data."""
    meta = {"classes": given} if given is not None else getattr(model, "dataset_meta", None) or _meta_of(model.cfg)
    classes = tuple(meta.get("classes") or ())
    number = getattr(model, "num_classes", len(classes))
    if not classes or len(classes) != number:
        raise UserError(
            f"the model has {number or 'an unknown number of'} classes, but {len(classes)} names are known"
            f"{' (' + ', '.join(classes[:5]) + ', ...)' if classes else ''}; give DetInferencer classes=[...], one "
            "name a class, in the order of the labels (with tools: --classes)."
        )
    palette = meta.get("palette")
    fits = palette is not None and len(palette) == len(classes)
    return classes, np.array(palette if fits else class_colours(len(classes)), np.uint8).reshape(-1, 3)


def _meta_of(cfg: Config) -> Mapping[str, Any]:
    """`classes` and `palette` of the config's test data, as far as it says them; no file of the data is read."""
    wanted = dict(cfg.get("test_dataloader", {}).get("dataset", {}))
    if wanted.get("classes"):
        return {"classes": wanted["classes"]}
    kind = DATASETS.get(wanted["type"]) if isinstance(wanted.get("type"), str) else wanted.get("type")
    standard = getattr(kind, "METAINFO", {}) if inspect.isclass(kind) else {}
    return {**standard, **(wanted.get("metainfo") or {})}
