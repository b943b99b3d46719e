"""The tracks that travel with a sample, as sparse flow."""

import numpy as np
import torch
from torch import Tensor

from sparsevision.datasets.video.sample import VideoSample
from sparsevision.methods.motion_i2v.brush import checked_brush
from sparsevision.methods.motion_i2v.paths import TrackPaths, clicked_paths, scale_clicks
from sparsevision.methods.motion_i2v.regions import Region
from sparsevision.methods.motion_i2v.tracks import paint_paths
from sparsevision.utils import UserError


def painted_sample(
    sample: VideoSample, *, frames: int, size: tuple[int, int], region: Region, still_clicks: bool = True
) -> tuple[Tensor, Tensor]:
    """flow (F,2,H,W) and mask (F,1,H,W) of a sample's `clicks`, or `starts` and `tracks`, and `brush`.

    Clicks become `starts` and `tracks` of the sample. Without any of them nothing is known.

    Raises:
        UserError: tracks for another number of frames; see `rasterise_tracks`.
    """
    if "clicks" in sample:
        _follow_clicks(sample, frames, size, still_clicks)
    flow, mask = np.zeros((frames, 2, *size), np.float32), np.zeros((frames, 1, *size), np.float32)
    if "tracks" in sample and len(sample.starts):
        flow, mask = paint_paths(_paths_of(sample, frames), region=region, size=size)
    if "brush" in sample:
        frozen = checked_brush(sample.brush, size)
        flow[:, :, frozen], mask[:, :, frozen] = 0, 1
    return torch.from_numpy(flow), torch.from_numpy(mask)


def _paths_of(sample: VideoSample, frames: int) -> TrackPaths:
    starts, tracks = (sample.get(name).cpu().numpy().astype(np.float64) for name in ("starts", "tracks"))
    if len(tracks) != frames:
        raise UserError(
            f"clip {sample.get('sample_id')}: its tracks are for {len(tracks)} later frames, the model makes {frames}; "
            "read clips of that many frames and one."
        )
    displacements = (tracks - starts).transpose(1, 0, 2)
    return TrackPaths(starts=starts, displacements=displacements, known=np.ones(displacements.shape[:2], bool))


def _follow_clicks(sample: VideoSample, frames: int, size: tuple[int, int], still_clicks: bool) -> None:
    if not sample.clicks:
        return
    clicks = [scale_clicks(track, size=tuple(sample.get("ori_shape", size)), to=size) for track in sample.clicks]
    paths = clicked_paths(clicks, size=size, frames=frames, still_clicks=still_clicks)
    sample.starts = torch.from_numpy(paths.starts).float()
    sample.tracks = torch.from_numpy((paths.starts[:, None] + paths.displacements).transpose(1, 0, 2)).float()
