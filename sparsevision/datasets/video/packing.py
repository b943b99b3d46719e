"""The last transform of a video pipeline, and the batch on the model's device."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from sparsevision.datasets.video.sample import VideoSample
from sparsevision.registry import MODELS, TRANSFORMS
from sparsevision.utils import UserError

META_KEYS = ("sample_id", "video_path", "img_path", "ori_shape")
TRUTHS = {"flow": ("gt_flow", np.float32), "visible": ("gt_visible", bool), "objects": ("objects", np.int64)}
ASKED = {"starts": ("starts", np.float32), "tracks": ("tracks", np.float32), "brush": ("brush", bool)}


@TRANSFORMS.register_module()
class PackVideoInputs(BaseTransform):
    """Results -> {"inputs": {"video": uint8 RGB (3,F,H,W)}, "data_samples": VideoSample}.

    Takes `video` (F,H,W,3) of LoadClip, or `img` (H,W,3), a clip of its first frame alone; what else is there of
    `flow`, `visible`, `objects`, `starts`, `tracks` and `brush` becomes a field of the sample, see `VideoSample`.

    Args:
        keep_video: the sample holds the clip as `gt_video`, to compare with.
    """

    def __init__(self, *, keep_video: bool = False) -> None:
        self.keep_video = keep_video

    def transform(self, results: dict) -> dict:
        """See the class."""
        frames = results["video"] if "video" in results else results["img"][None]
        video = torch.from_numpy(np.ascontiguousarray(frames.transpose(3, 0, 1, 2)))
        sample = VideoSample(metainfo={key: results[key] for key in META_KEYS if results.get(key) is not None})
        sample.set_metainfo({"prompt": results.get("prompt") or results.get("caption") or ""})
        if "clicks" in results:
            sample.set_metainfo({"clicks": [track.tolist() for track in results["clicks"]]})
        if "offsets" in results:
            sample.set_metainfo({"offsets": tuple(results["offsets"].tolist())})
        for key, (field, kind) in (TRUTHS | ASKED).items():
            if key in results:
                sample.set_data({field: torch.from_numpy(np.ascontiguousarray(results[key], dtype=kind))})
        if self.keep_video:
            sample.set_data({"gt_video": video.float() / 255})
        return {"inputs": {"video": video}, "data_samples": sample}


@MODELS.register_module()
class VideoPreprocessor(BaseDataPreprocessor):
    """Takes {"inputs": {"video": [uint8 (3,F,H,W), ...]}, ...}, gives {"video": float (B,3,F,H,W) in [0, 1]}."""

    def forward(self, data: dict, training: bool = False) -> dict:
        """See the class.

        Raises:
            UserError: `data` is not what a pipeline ending in PackVideoInputs gives, or clips differ in size.
        """
        inputs = data.get("inputs")
        if not isinstance(inputs, dict) or "video" not in inputs:
            raise UserError(
                "VideoPreprocessor expects inputs={'video': [tensor (3,F,H,W), ...]}; end the pipeline with "
                "PackVideoInputs and collate with pseudo_collate."
            )
        data = self.cast_data(data)
        clips = data["inputs"]["video"]
        _check_sizes(clips)
        return {"inputs": {"video": torch.stack(list(clips)).float() / 255}, "data_samples": data.get("data_samples")}


def _check_sizes(clips: Sequence[Tensor]) -> None:
    shapes = sorted({tuple(clip.shape[1:]) for clip in clips})
    if len(shapes) > 1:
        raise UserError(
            f"The clips of a batch have different (frames, height, width): {shapes[:3]}. Give LoadClip a `size`, or "
            "the data loader batch_size=1."
        )
