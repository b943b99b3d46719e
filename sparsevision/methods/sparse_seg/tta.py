"""Test-time augmentation: the mean of predictions on an image and on its mirror image."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.registry import MODELS
from sparsevision.utils import UserError


@MODELS.register_module()
class AverageMasks(BaseTTAModel):
    """Average `pred_mask` over the augmented views of each image; mirrored views are mirrored back.

    The pipeline is a TestTimeAug whose first view is not mirrored: its sample, truth included, carries the answer.
    """

    def merge_preds(self, data_samples_list: Sequence[Sequence[SegDataSample]]) -> list[SegDataSample]:
        """One list of views per image in, one sample per image out.

        Raises:
            UserError: the method answers no `pred_mask`, or the first view is mirrored.
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: Sequence[SegDataSample]) -> SegDataSample:
        answer = views[0]
        if "pred_mask" not in answer or answer.get("flip", False):
            raise UserError(
                "AverageMasks needs `pred_mask` (set foreground_index) and a first view that is not mirrored."
            )
        masks = [view.pred_mask.data.flip(-1) if view.get("flip", False) else view.pred_mask.data for view in views]
        answer.pred_mask = PixelData(data=torch.stack(masks).mean(0))
        return answer
