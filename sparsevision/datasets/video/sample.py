"""What travels with a clip through image-to-video models."""

from mmengine.structures import BaseDataElement


class VideoSample(BaseDataElement):
    """One clip of 1 + F frames, or one image that shall become one. Flow (dx, dy) is in pixels, right and down.

    Metainfo: sample_id, video_path or img_path, prompt ("" for none), offsets (tuple of F frame numbers of the source
    clip, counted from the first frame; not for a single image), ori_shape (height, width of the file), clicks (list of
    polylines [[x, y], ...] in pixels of the file).

    As far as the data set knows them:
        gt_video: (3,1+F,H,W) float32 in [0,1].
        gt_flow: (F,2,H,W) float32, from the first frame to each later one.
        gt_visible: (F,H,W) bool, whether a pixel of the first frame can still be seen.
        objects: (H,W) int64, 1, 2, ... where the first frame shows a thing that moves by itself, 0 elsewhere.
        starts, tracks: (n,2) and (F,n,2) float32, points (x, y) of the first frame, and where they shall be.
        brush: (H,W) bool, true = frozen.
    Added by `predict`:
        pred_flow: (F,2,H,W) float32.
        pred_flow_free: the same without the tracks, on request.
        pred_video: (3,1+F,H,W) float32 in [0,1].
    """
