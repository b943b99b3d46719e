"""How good videos look, in the Runner: scores by CLIP, and FVD; each only with weights that the user gives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray
from torch import Tensor, nn

from sparsevision.evaluation.functional.consistency import frame_consistency, prompt_scores
from sparsevision.evaluation.functional.views import frechet_distance
from sparsevision.evaluation.samples import Sample, mean_scores
from sparsevision.registry import METRICS, built
from sparsevision.utils import UserError

FEWEST_CLIPS = 2


class ClipQuality(NamedTuple):
    """What is kept of one clip: its scores, and I3D's features (400,) of prediction and truth."""

    scores: dict[str, float]
    features: tuple[NDArray, NDArray] | None


@METRICS.register_module()
class VideoQualityMetric(BaseMetric):
    """Frame consistency, prompt consistency and FVD of `pred_video` (3,F+1,H,W) in [0,1].

    With CLIP: frame_consistency, the mean cosine of consecutive frames; and for samples with a `prompt`
    prompt_consistency, the mean logit of frame and prompt (100 x cosine), and CLIPSIM, the mean cosine (Motion-I2V,
    section 4.1; it does not say which CLIP it used, and numbers of different ones do not compare). With I3D, for
    samples with `gt_video`: FVD, the Frechet distance of I3D's class scores of predicted and true clips, and FVD_clips,
    the number n of clips behind it; FVD falls with n, so compare it at equal n alone.

    Without weights these keys are absent, and the log says so. Nothing else is ever called FVD.

    Args:
        clip: weights of `CLIPFeatures`, a config of it, or a module with its methods.
        i3d: weights of `I3DFeatures`, a config of it, or a module (B,3,T,H,W) -> (B,D).
        prefix: of the keys.
        kwargs: of mmengine's BaseMetric.

    Raises:
        UserError: from the constructor, weights that are not there; from `process`, a sample without `pred_video`, or
            clips that are too short; names the clip.
    """

    default_prefix = "video"

    def __init__(
        self,
        *,
        clip: str | Path | dict | nn.Module | None = None,
        i3d: str | Path | dict | nn.Module | None = None,
        prefix: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        self.clip = _network(clip, "CLIPFeatures")
        self.i3d = _network(i3d, "I3DFeatures")

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Score a batch; samples are data elements or their `to_dict()`."""
        for sample in data_samples:
            try:
                self.results.append(self._score(sample))
            except UserError as error:
                raise UserError(f"clip {sample.get('sample_id') or 'without a name'}: {error}") from error

    def _score(self, sample: Sample) -> ClipQuality:
        if sample.get("pred_video") is None:
            raise UserError("has no pred_video; use VideoQualityMetric with a method that makes frames.")
        video = _video(sample, "pred_video")
        scores, features = {}, None
        if self.clip is not None:
            scores = self._clip_scores(video, sample.get("prompt"))
        if self.i3d is not None and sample.get("gt_video") is not None:
            features = (self._features(video), self._features(_video(sample, "gt_video")))
        return ClipQuality(scores, features)

    def _clip_scores(self, video: Tensor, prompt: str | None) -> dict[str, float]:
        clip = self.clip.to(video.device)
        frames = clip.images(video.transpose(0, 1)).cpu().numpy()
        scores = {"frame_consistency": frame_consistency(frames)}
        return scores | (prompt_scores(frames, clip.texts([prompt])[0].cpu().numpy()) if prompt else {})

    def _features(self, video: Tensor) -> NDArray:
        with torch.no_grad():
            return self.i3d.to(video.device)(video[None])[0].cpu().numpy()

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over the clips, and FVD over all of them; what cannot be told is left out and named in the log."""
        clips = [ClipQuality(*result) for result in results]
        if self.clip is None:
            print_log("VideoQualityMetric without `clip`: no frame and prompt consistency, no CLIPSIM.", "current")
        counts = Counter(name for clip in clips for name in clip.scores)
        if counts:
            print_log(f"{len(clips)} clips; scored by CLIP: {dict(counts)}", "current")
        return mean_scores([clip.scores for clip in clips]) | self._fvd(clips)

    def _fvd(self, clips: Sequence[ClipQuality]) -> dict[str, float]:
        if self.i3d is None:
            print_log("VideoQualityMetric without `i3d`: no FVD; no file with I3D's weights was given.", "current")
            return {}
        pairs = [clip.features for clip in clips if clip.features is not None]
        if len(pairs) < FEWEST_CLIPS:
            print_log(f"no FVD: it needs {FEWEST_CLIPS} clips with gt_video or more, got {len(pairs)}.", "current")
            return {}
        distance = frechet_distance(*(np.stack(side) for side in zip(*pairs, strict=True)))
        print_log(f"FVD {distance:.2f} of n = {len(pairs)} clips; compare it at equal n alone.", "current")
        return {"FVD": distance, "FVD_clips": float(len(pairs))}


def _network(given: str | Path | Mapping | nn.Module | None, kind: str) -> nn.Module | None:
    return built({"type": kind, "weights": given} if isinstance(given, str | Path) else given)


def _video(sample: Sample, name: str) -> Tensor:
    video = torch.as_tensor(sample.get(name)).detach().float()
    if video.ndim != 4 or video.shape[0] != 3:
        raise UserError(f"{name}: expected a clip (3,T,H,W), got {tuple(video.shape)}.")
    return video
