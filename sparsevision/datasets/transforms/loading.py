"""Transforms that read an image, its dense truth and its sparse labels.

Class maps are uint8 or int64 (H, W); images uint8 RGB (H, W, 3). Keys: `img`, `gt_sem_seg`, `gt_mask`,
`sparse_sem_seg`.
"""

import numpy as np
from mmcv.transforms import BaseTransform

from sparsevision.datasets.image_io import read_grey, read_image, read_mask
from sparsevision.datasets.sparse_labels import read_sparse_labels
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """`img_path` -> `img`, `ori_shape`, `img_shape`. See `read_image` for how odd files are read."""

    def transform(self, results: dict) -> dict:
        image = read_image(results["img_path"])
        return {**results, "img": image, "ori_shape": image.shape[:2], "img_shape": image.shape[:2]}


@TRANSFORMS.register_module()
class LoadMask(BaseTransform):
    """`mask_path` -> `gt_sem_seg` (class map) and, for binary masks, `gt_mask` (bool). Without a path: nothing.

    Args:
        threshold: a pixel is foreground where its grey level is larger; 0 for masks coded 0/1. None: the file holds
            class ids, which are taken as they are, and there is no `gt_mask`.

    Raises:
        UserError: the file is unreadable, or of another size than the image.
    """

    def __init__(self, *, threshold: int | None = 128) -> None:
        self.threshold = threshold

    def transform(self, results: dict) -> dict:
        path = results.get("mask_path")
        if path is None:
            return results
        if self.threshold is None:
            classes = read_grey(path)
            found = {"gt_sem_seg": classes}
        else:
            mask = read_mask(path, threshold=self.threshold)
            found = {"gt_sem_seg": mask.astype(np.uint8), "gt_mask": mask}
        check_same_size(found["gt_sem_seg"], path, results)
        return {**results, **found}


@TRANSFORMS.register_module()
class LoadSparseLabels(BaseTransform):
    """`sparse_path` -> `sparse_sem_seg`: a class map that holds `ignore_index` wherever nothing is labelled.

    Args:
        ignore_index: the value of unlabelled pixels.

    Raises:
        UserError: the sample has no sparse label, its file is unreadable, or of another size than the image.
    """

    def __init__(self, *, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        path = results.get("sparse_path")
        if path is None:
            raise UserError(
                f"{results['img_path']}: the sample has no sparse label. Give the data set its sparse_dir, or make "
                "labels with tools/dataset_converters or sparsevision.annotation.simulate_scribbles."
            )
        labels = read_sparse_labels(path, ignore_index=self.ignore_index)
        check_same_size(labels, path, results)
        return {**results, "sparse_sem_seg": labels}


def check_same_size(labels: np.ndarray, path: str, results: dict) -> None:
    """Raise UserError unless labels (H, W) fit the image as it was loaded."""
    if labels.shape[:2] != tuple(results["ori_shape"]):
        theirs, ours = labels.shape[:2], results["ori_shape"]
        raise UserError(
            f"{path}: {theirs[1]}x{theirs[0]} pixels (width x height), but its image {results['img_path']} has "
            f"{ours[1]}x{ours[0]}. A label must have its image's size; are they a pair, or was one of them resized?"
        )
