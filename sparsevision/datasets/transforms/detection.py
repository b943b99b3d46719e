"""The ends of a detector's pipeline: boxes and points in, a `DetectionSample` out.

Keys: `gt_bboxes` (M,4) with `gt_labels` (M,), `ignored_bboxes` (K,4) with `ignored_labels` (K,), `gt_points` (P,2) with
`gt_point_labels` (P,); coordinates float32 in pixels of `img`.
"""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData

from sparsevision.annotation import points_in_boxes
from sparsevision.annotation.box_protocols import check_spread
from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

META_KEYS = (
    *("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "flip"),
    *("ann_file", "sample_id", "dataset"),
)
IMAGES = {"image": "img", "strong_image": "strong_img"}
FIELDS = {  # of the sample: name of its coordinates, their key, the key of the labels
    "gt_instances": ("bboxes", "gt_bboxes", "gt_labels"),
    "ignored_instances": ("bboxes", "ignored_bboxes", "ignored_labels"),
    "gt_points": ("points", "gt_points", "gt_point_labels"),
}


@TRANSFORMS.register_module()
class LoadBoxes(BaseTransform):
    """The data set's boxes -> `gt_bboxes` and, of crowds, `ignored_bboxes`; its points, if any -> `gt_points`.

    Args:
        crowds: False forgets crowds, so that their places are taught as background; detectron2's loader does, and with
            it the released code of DETRs.

    Raises:
        UserError: the image has another size than the annotation file says.
    """

    def __init__(self, *, crowds: bool = True) -> None:
        self.crowds = crowds

    def transform(self, results: dict) -> dict:
        height, width = results["ori_shape"]
        if (height, width) != (results["height"], results["width"]):
            turned = (width, height) == (results["height"], results["width"])
            hint = " It seems to be turned: EXIF orientation is ignored, save it upright." if turned else ""
            raise UserError(
                f"{results['img_path']}: has {width}x{height} pixels (width x height), but the annotation file says "
                f"{results['width']}x{results['height']} for image id {results['img_id']}, so its boxes do not fit."
                f"{hint}"
            )
        boxes, labels, crowd = (results[key] for key in ("boxes", "labels", "crowd"))
        found = {
            "gt_bboxes": boxes[~crowd],
            "gt_labels": labels[~crowd],
            "ignored_bboxes": boxes[crowd & self.crowds],
            "ignored_labels": labels[crowd & self.crowds],
        }
        if "points" in results:
            found |= {"gt_points": results["points"], "gt_point_labels": results["point_labels"]}
        return {**results, **found}


@TRANSFORMS.register_module()
class PointsInBoxes(BaseTransform):
    """One point in each box of `gt_bboxes` -> `gt_points`, after those that are there already.

    A point is the same in every epoch; put this before what moves pixels.

    Args:
        spread: 0 in the box's centre, 1 anywhere inside.
        seed: of the places.
        keep_boxes: False takes the boxes away: only points are known.

    Raises:
        UserError: from the constructor, a spread out of [0, 1].
    """

    def __init__(self, *, spread: float = 0.0, seed: int = 0, keep_boxes: bool = True) -> None:
        check_spread(spread)
        self.spread = spread
        self.seed = seed
        self.keep_boxes = keep_boxes

    def transform(self, results: dict) -> dict:
        boxes, labels = results["gt_bboxes"], results["gt_labels"]
        ids = results["annotation_ids"][~results["crowd"]]
        points = points_in_boxes(boxes, ids, spread=self.spread, seed=self.seed, image_id=results["img_id"])
        found = {
            "gt_points": np.concatenate([results.get("gt_points", points[:0]), points]),
            "gt_point_labels": np.concatenate([results.get("gt_point_labels", labels[:0]), labels]),
        }
        if not self.keep_boxes:
            found |= {"gt_bboxes": boxes[:0], "gt_labels": labels[:0]}
        return {**results, **found}


@TRANSFORMS.register_module()
class PackDetectionInputs(BaseTransform):
    """Results -> {"inputs": {"image": uint8 RGB (3, H, W)}, "data_samples": DetectionSample}; `strong_img`, if
    there is one (see `StrongView`), becomes inputs["strong_image"] of the same size.

    Metainfo holds those of `meta_keys` that are present; `scale_factor` and `flip` are (1, 1) and False where nothing
    was resized or mirrored.
    """

    def __init__(self, *, meta_keys: tuple[str, ...] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        inputs = {name: _image(results[key]) for name, key in IMAGES.items() if key in results}
        known = {"scale_factor": (1.0, 1.0), "flip": False, **results}
        sample = DetectionSample(metainfo={key: known[key] for key in self.meta_keys if key in known})
        for field, (name, places, labels) in FIELDS.items():
            if places in results:
                found = {name: _tensor(results[places], np.float32), "labels": _tensor(results[labels], np.int64)}
                sample.set_data({field: InstanceData(**found)})
        return {"inputs": inputs, "data_samples": sample}


def _image(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _tensor(array: np.ndarray, kind: type) -> torch.Tensor:
    return torch.from_numpy(np.array(array, dtype=kind, order="C"))
