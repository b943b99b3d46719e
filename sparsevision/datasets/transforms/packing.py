"""The last transform of a pipeline: a dict of named tensors and one SegDataSample."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.registry import TRANSFORMS

META_KEYS = ("img_path", "ori_shape", "img_shape", "sample_id", "dataset", "flip")
LABEL_KEYS = ("gt_sem_seg", "gt_mask", "sparse_sem_seg", "box_sem_seg", "pseudo_mask")


@TRANSFORMS.register_module()
class PackImageInputs(BaseTransform):
    """Results -> {"inputs": {"image": uint8 RGB (3, H, W)}, "data_samples": SegDataSample}.

    `gt_sem_seg`, `gt_mask`, `sparse_sem_seg`, `box_sem_seg` and `pseudo_mask` become PixelData (1, H, W) if present:
    masks bool, class maps int64, pseudo labels float32. Metainfo holds those of `meta_keys` that are present.
    """

    def __init__(self, *, meta_keys: tuple[str, ...] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        image = torch.from_numpy(np.ascontiguousarray(results["img"].transpose(2, 0, 1)))
        sample = SegDataSample(metainfo={key: results[key] for key in self.meta_keys if key in results})
        for key in LABEL_KEYS:
            if key in results:
                sample.set_data({key: _pixel_data(results[key])})
        return {"inputs": {"image": image}, "data_samples": sample}


def _pixel_data(labels: np.ndarray) -> PixelData:
    labels = labels if labels.dtype in (np.bool_, np.float32) else labels.astype(np.int64)
    return PixelData(data=torch.from_numpy(np.ascontiguousarray(labels))[None])
