"""Videos from one image in the Runner: flow, tracks and frames against what was asked for and what is true."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from sparsevision.evaluation.functional.flow import flow_leak, flow_scores, warp_error
from sparsevision.evaluation.functional.tracks import track_scores, tracks_of_flow
from sparsevision.evaluation.functional.views import counted_psnr
from sparsevision.evaluation.samples import Sample, array_of, mean_scores
from sparsevision.registry import METRICS
from sparsevision.utils import UserError


@METRICS.register_module()
class VideoMetric(BaseMetric):
    """Scores of `pred_flow` and `pred_video`, each in the mean over the clips that have what it needs.

    Fields of a sample: `pred_flow` (F,2,H,W) in pixels from the first frame to each later one, `pred_video` (3,F+1,H,W)
    in [0,1] (one of them at least); and, as far as known, `gt_flow`, `gt_visible` (F,H,W), `objects` (H,W), 0 where
    nothing moves, `gt_video`, of tracks that were asked for `starts` (n,2) and `tracks` (F,n,2) in (x,y), and
    `pred_flow_free`, what is predicted without the tracks.

    Keys: EPE, Fl, angle, displacement, EPE_object, EPE_background (see `flow_scores`); leak, the mean length of the
    predicted flow where `objects` is 0; TrajError, ObjMC, EPE_tracks, end (see `track_scores`), of the flow at the
    starts; TrajError_free, that of `pred_flow_free`, and TrajError_still, that of no motion at all; PSNR, in the mean
    over the later frames (see `counted_psnr`), and PSNR_still, that of the first frame repeated; warp_error, of the
    predicted frames under `gt_flow` where it is visible, else under `pred_flow`.

    Args:
        prefix: of the keys.
        kwargs: see mmengine's BaseMetric.

    Raises:
        UserError: a sample without predictions, or fields that do not fit each other; names the clip.
    """

    default_prefix = "video"

    def process(self, data_batch: Any, data_samples: Sequence[Sample]) -> None:
        """Score a batch; samples are data elements or their `to_dict()`."""
        for sample in data_samples:
            try:
                self.results.append(clip_scores(sample))
            except UserError as error:
                raise UserError(f"clip {sample.get('sample_id') or 'without a name'}: {error}") from error

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Means over the clips, see `mean_scores`."""
        counts = Counter(name for scores in results for name in scores)
        print_log(f"{len(results)} clips; scored: {dict(counts)}", logger="current")
        return mean_scores(results)


def clip_scores(sample: Sample) -> dict[str, float]:
    """The scores of one clip, see `VideoMetric`; those that it does not have (no object, no track in sight) are absent.

    They are NaN only where a prediction is no number.

    Raises:
        UserError: no prediction, or fields that do not fit each other.
    """
    pred, video = _field(sample, "pred_flow"), _field(sample, "pred_video")
    if pred is None and video is None:
        raise UserError("has neither pred_flow nor pred_video; use VideoMetric with a method that makes videos.")
    scores = {} if pred is None else _flow_part(sample, pred)
    scores |= {} if video is None else _frame_part(sample, video, pred)
    broken = any(made is not None and np.isnan(made).any() for made in (pred, video))
    return {name: score for name, score in scores.items() if broken or not np.isnan(score)}


def _flow_part(sample: Sample, pred: NDArray) -> dict[str, float]:
    true, visible, objects = (_field(sample, name) for name in ("gt_flow", "gt_visible", "objects"))
    scores = {} if true is None else flow_scores(pred, true, objects=objects)
    if objects is not None:
        scores["leak"] = flow_leak(pred, objects == 0)
    starts, tracks = _field(sample, "starts"), _field(sample, "tracks")
    if starts is not None and tracks is not None and len(starts):
        scores |= track_scores(tracks_of_flow(pred, starts), tracks, _seen(visible, starts))
        for name, other in (("free", _field(sample, "pred_flow_free")), ("still", np.zeros_like(pred))):
            if other is not None:
                scores[f"TrajError_{name}"] = track_scores(tracks_of_flow(other, starts), tracks)["TrajError"]
    return scores


def _frame_part(sample: Sample, video: NDArray, pred: NDArray | None) -> dict[str, float]:
    frames, scores = np.moveaxis(video, 1, 0), {}
    true = _field(sample, "gt_video")
    if true is not None:
        if true.shape != video.shape:
            raise UserError(f"pred_video is {video.shape}, gt_video {true.shape}; they must be of one shape.")
        later = np.moveaxis(true, 1, 0)[1:]
        scores["PSNR"] = _mean_psnr(frames[1:], later)
        scores["PSNR_still"] = _mean_psnr(np.broadcast_to(frames[:1], later.shape), later)
    flow, visible = _field(sample, "gt_flow"), _field(sample, "gt_visible")
    flow, visible = (pred, None) if flow is None else (flow, visible)
    if flow is not None:
        scores["warp_error"] = warp_error(frames[0], frames[1:], flow, visible)
    return scores


def _mean_psnr(frames: NDArray, true: NDArray) -> float:
    """In dB, over pairs of frames (3,H,W)."""
    pairs = zip(frames, true, strict=True)
    return float(np.mean([counted_psnr(*(np.moveaxis(image, 0, -1) for image in pair)) for pair in pairs]))


def _seen(visible: NDArray | None, starts: NDArray) -> NDArray | None:
    """Visibility (F,n) of the pixels that the starts lie on."""
    if visible is None:
        return None
    x, y = (np.clip(np.rint(starts.T).astype(int).T, 0, np.array(visible.shape[:0:-1]) - 1)).T
    return visible[:, y, x].astype(bool)


def _field(sample: Sample, name: str) -> NDArray | None:
    value = sample.get(name)
    return None if value is None else np.asarray(array_of(value))
