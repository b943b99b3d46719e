"""Transforms that read an image, its dense truth, its sparse labels and its pseudo label.

Class maps are uint8 or int64 (H, W); images uint8 RGB (H, W, 3); pseudo labels float32 (H, W). Keys: `img`,
`gt_sem_seg`, `gt_mask`, `sparse_sem_seg`, `box_sem_seg`, `pseudo_mask`.
"""

import numpy as np
from mmcv.transforms import BaseTransform

from sparsevision.datasets.image_io import read_class_map, read_image, read_mask, read_soft_mask
from sparsevision.datasets.sparse_labels import SparseMaps, read_sparse_maps
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
            class ids, which are taken as they are (see `read_class_map`), and there is no `gt_mask`.

    Raises:
        UserError: the file is unreadable, of another size than the image, or no map of class ids though it should be.
    """

    def __init__(self, *, threshold: int | None = 128) -> None:
        self.threshold = threshold

    def transform(self, results: dict) -> dict:
        path = results.get("mask_path")
        if path is None:
            return results
        if self.threshold is None:
            found = {"gt_sem_seg": read_class_map(path)}
        else:
            mask = read_mask(path, threshold=self.threshold)
            found = {"gt_sem_seg": mask.astype(np.uint8), "gt_mask": mask}
        check_same_size(found["gt_sem_seg"].shape, path, results)
        return {**results, **found}


@TRANSFORMS.register_module()
class LoadSparseLabels(BaseTransform):
    """`sparse_path` -> `sparse_sem_seg`: a class map that holds `ignore_index` wherever nothing is labelled.

    And `box_sem_seg`: the class inside each box, 0 outside, `ignore_index` everywhere if the file has no box. What a
    file may hold, and which annotation stands where several contradict each other: `read_sparse_maps`.

    Args:
        ignore_index: the value of unlabelled pixels.
        boxes_complete: outside all boxes of an image is background.
        point_side: side in pixels of the squares that points and clicks of annotation files become (odd).
        num_classes: how many classes the model knows; a larger class id in a file is then refused here, by name,
            instead of inside a loss. None: not checked.

    Raises:
        UserError: the sample has no sparse label, its file is unreadable, or of another size than the image, or holds
            a class that is not known.
    """

    def __init__(
        self,
        *,
        ignore_index: int = 255,
        boxes_complete: bool = True,
        point_side: int = 1,
        num_classes: int | None = None,
    ) -> None:
        if point_side < 1 or point_side % 2 == 0:
            raise UserError(f"LoadSparseLabels: point_side={point_side}; expected an odd number of pixels, such as 3.")
        self.ignore_index = ignore_index
        self.boxes_complete = boxes_complete
        self.point_side = point_side
        self.num_classes = num_classes

    def transform(self, results: dict) -> dict:
        path = results.get("sparse_path")
        if path is None:
            raise UserError(
                f"{results['img_path']}: the sample has no sparse label. Give the data set its sparse_dir, or make "
                "labels with tools/dataset_converters or sparsevision.annotation.simulate_scribbles."
            )
        maps = read_sparse_maps(
            path,
            ignore_index=self.ignore_index,
            boxes_complete=self.boxes_complete,
            point_side=self.point_side,
            check_size=lambda size: check_same_size(size, path, results),
        )
        self._check_classes(maps, path)
        return {**results, "sparse_sem_seg": maps.labels, "box_sem_seg": maps.boxes}

    def _check_classes(self, maps: SparseMaps, path: str) -> None:
        if self.num_classes is None:
            return
        for labels in (maps.labels, maps.boxes):
            largest = int(labels.max(where=labels != self.ignore_index, initial=-1))
            if largest >= self.num_classes:
                raise UserError(
                    f"{path}: holds class {largest}, but the model knows the classes 0 to {self.num_classes - 1}. "
                    "Correct the file, or give the head and LoadSparseLabels more num_classes."
                )


@TRANSFORMS.register_module()
class LoadPseudoMask(BaseTransform):
    """`pseudo_path` -> `pseudo_mask`: float32 in [0, 1], the foreground probability that a pseudo label gives.

    The file is a grey PNG, 0 to 255 or, with 16 bits, 0 to 65535: what `tools/test.py --out` writes.

    Args:
        sure: (low, high): also make `sparse_sem_seg` of the pixels that the label is sure of, background (0) where its
            probability is at most `low` and foreground (1) from `high` on. None: no such map.
        ignore_index: value of the other pixels in that map.

    Raises:
        UserError: the sample has no pseudo label, its file is unreadable, or of another size than the image; or `sure`
            is not 0 <= low < high <= 1.
    """

    def __init__(self, *, sure: tuple[float, float] | None = None, ignore_index: int = 255) -> None:
        if sure is not None and not 0 <= sure[0] < sure[1] <= 1:
            raise UserError(f"LoadPseudoMask: sure={sure!r}; expected (low, high) with 0 <= low < high <= 1.")
        self.sure = sure
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        path = results.get("pseudo_path")
        if path is None:
            raise UserError(
                f"{results['img_path']}: the sample has no pseudo label. Give the data set its pseudo_dir, the folder "
                "of grey PNG files that e.g. tools/test.py CONFIG --out DIR writes (DIR/pred_mask)."
            )
        probability = read_soft_mask(path)
        check_same_size(probability.shape, path, results)
        return {**results, "pseudo_mask": probability, **self._sure_labels(probability)}

    def _sure_labels(self, probability: np.ndarray) -> dict:
        if self.sure is None:
            return {}
        low, high = self.sure
        labels = np.select([probability <= low, probability >= high], [0, 1], self.ignore_index)
        return {"sparse_sem_seg": labels.astype(np.int64)}


def check_same_size(theirs: tuple[int, int], path: str, results: dict) -> None:
    """Raise UserError unless a label of the size (height, width) fits the image as it was loaded."""
    ours = tuple(results["ori_shape"])
    if tuple(theirs) != ours:
        raise UserError(
            f"{path}: {theirs[1]}x{theirs[0]} pixels (width x height), but its image {results['img_path']} has "
            f"{ours[1]}x{ours[0]}. A label must have its image's size; are they a pair, or was one of them resized?"
        )
