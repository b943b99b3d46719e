"""Transforms of event samples that read labels, and that move grids and labels together."""

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform

from sparsevision.datasets.image_io import read_class_map
from sparsevision.datasets.transforms.event_grids import LABEL_KEYS, STREAMS
from sparsevision.datasets.transforms.geometry import resize_labels
from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError

UNKNOWN = np.iinfo(np.int64).min  # in the table of ids; no class and no ignore index
FILES = {"gt_sem_seg": "mask_path", "sparse_sem_seg": "sparse_path"}


@TRANSFORMS.register_module()
class LoadEventLabels(BaseTransform):
    """`mask_path` -> `gt_sem_seg`, `sparse_path` -> `sparse_sem_seg`, `ori_shape`: class maps int64 (H, W).

    Files have the size of the sensor, whose `crop_bottom` lowest rows are then cut off, or that size without these
    rows. Ids are mapped by the sample's `label_ids`, and the map is mirrored if the sample is.

    Args:
        fields: which of the two to read.
        unlabelled: value of unlabelled pixels in the files.
        ignore_index: their value in the class maps.

    Raises:
        UserError: the sample has no such label, its file is unreadable, of another size, or holds an unknown id.
    """

    def __init__(
        self, *, fields: tuple[str, ...] = ("sparse_sem_seg",), unlabelled: int = 255, ignore_index: int = 255
    ) -> None:
        if not fields or set(fields) - set(FILES):
            raise UserError(f"LoadEventLabels: fields={fields!r}; expected some of {', '.join(FILES)}.")
        self.fields = tuple(fields)
        self.unlabelled = unlabelled
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """See the class."""
        maps = {field: self._read(field, results) for field in self.fields}
        return {**results, **maps, "ori_shape": next(iter(maps.values())).shape}

    def _read(self, field: str, results: dict) -> np.ndarray:
        path = results.get(FILES[field])
        if path is None:
            raise UserError(
                f"{results['sample_id']}: the sample has no {FILES[field]} for {field}. Give the data set its points "
                "(clicks per class) for sparse labels, or its folder of dense labels."
            )
        labels = crop_rows(read_class_map(path), path, results)
        classes = map_ids(
            labels, results["label_ids"], path, unlabelled=self.unlabelled, ignore_index=self.ignore_index
        )
        return np.ascontiguousarray(classes[:, ::-1]) if results.get("flip") else classes


@TRANSFORMS.register_module()
class ResizeEvents(BaseTransform):
    """Resize grids bilinearly (corners aligned), class maps by nearest pixel.

    DDD17's sensor is 346 pixels wide, and the network needs a multiple of 8: 352. That doubles six columns of labels.

    Args:
        size: (height, width) of the result.
        resize_truth: resize `gt_sem_seg` as well, and with it `ori_shape`, at which predictions are scored: so does
            EV-WSSS. False leaves both at their native size: so does ESS.
    """

    def __init__(self, *, size: tuple[int, int], resize_truth: bool = True) -> None:
        if len(size) != 2 or min(size) < 1:
            raise UserError(f"ResizeEvents: size={size!r}; expected (height, width), both at least 1.")
        self.size = tuple(size)
        self.resize_truth = resize_truth

    def transform(self, results: dict) -> dict:
        """See the class."""
        changed = {key: resize_grids(results[key], self.size) for key in STREAMS.values() if key in results}
        for key in LABEL_KEYS:
            if key in results and (key != "gt_sem_seg" or self.resize_truth):
                changed[key] = resize_labels(results[key], self.size)
        if "gt_sem_seg" in changed:
            changed["ori_shape"] = self.size
        return {**results, **changed, "img_shape": self.size}


@TRANSFORMS.register_module()
class RandomCropEvents(BaseTransform):
    """Cut a window out of grids and labels, the same of both streams; draws from numpy's global generator.

    Args:
        size: (height, width) of the window; sides that are smaller already stay as they are.
    """

    def __init__(self, *, size: tuple[int, int]) -> None:
        if len(size) != 2 or min(size) < 1:
            raise UserError(f"RandomCropEvents: size={size!r}; expected (height, width), both at least 1.")
        self.size = tuple(size)

    def transform(self, results: dict) -> dict:
        """See the class."""
        rows, columns = (
            self._stretch(length, wanted) for length, wanted in zip(results["img_shape"], self.size, strict=True)
        )
        keys = [key for key in (*STREAMS.values(), *LABEL_KEYS) if key in results]
        cut = {key: np.ascontiguousarray(results[key][..., rows, columns]) for key in keys}
        return {**results, **cut, "img_shape": (rows.stop - rows.start, columns.stop - columns.start)}

    @staticmethod
    def _stretch(length: int, wanted: int) -> slice:
        kept = min(length, wanted)
        start = int(np.random.randint(length - kept + 1))  # noqa: NPY002 (SeededDataset seeds the global generator)
        return slice(start, start + kept)


def crop_rows(labels: np.ndarray, path: str, results: dict) -> np.ndarray:
    """labels (H, W) of a file, without the sensor's `crop_bottom` lowest rows.

    Raises:
        UserError: the file has neither the sensor's size nor that without these rows.
    """
    height, width = results["sensor_size"]
    cropped = height - results.get("crop_bottom", 0)
    if labels.shape not in ((height, width), (cropped, width)):
        raise UserError(
            f"{path}: a label map of {labels.shape[0]} rows and {labels.shape[1]} columns; expected ({cropped}, "
            f"{width}), or ({height}, {width}) of which the lowest rows are cut off. Correct the file, or the data "
            "set's sensor_size and crop_bottom."
        )
    return labels[:cropped]


def map_ids(
    labels: np.ndarray, label_ids: dict[int, int], path: str, *, unlabelled: int, ignore_index: int
) -> np.ndarray:
    """Ids of a file, 0 or more, to class ids, int64 of the same shape.

    Raises:
        UserError: an id that is neither `unlabelled` nor in `label_ids`.
    """
    beyond = max(*label_ids, unlabelled) + 1
    table = np.full(beyond + 1, UNKNOWN, dtype=np.int64)
    table[list(label_ids)] = list(label_ids.values())
    table[unlabelled] = ignore_index
    classes = table[np.minimum(labels.astype(np.int64), beyond)]
    strange = np.unique(labels[classes == UNKNOWN])
    if strange.size:
        raise UserError(
            f"{path}: holds the unknown id {strange[0]}; this data set's files hold {min(label_ids)} to "
            f"{max(label_ids)}, and {unlabelled} for unlabelled pixels. Are these labels of another coding?"
        )
    return classes


def resize_grids(grids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(C, H, W) -> (C, height, width), bilinear with aligned corners."""
    if grids.shape[-2:] == tuple(size):
        return grids
    return F.interpolate(torch.from_numpy(grids)[None], size=size, mode="bilinear", align_corners=True)[0].numpy()
