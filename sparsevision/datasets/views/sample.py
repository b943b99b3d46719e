"""What travels with a view through the renderer."""

from mmengine.structures import BaseDataElement


class ViewSample(BaseDataElement):
    """One view of a scene, H x W pixels.

    Metainfo: scene (its name), view (name of the photograph), height, width.

    In testing, where the truth is known:
        gt_view: (3,H,W) float32 colours in [0,1].
        gt_mask: (H,W) bool, where the object is, or would be.
        gt_disparity: (H,W) float32, 1 / depth in units of the scene.
    Added by `predict`:
        pred_view: (3,H,W) float32 colours in [0,1].
        pred_disparity: (H,W) float32.
        pred_accumulation: (H,W) float32, the share of light that the scene stops.
        pred_objectness: (H,W) float32 probability of the object; pred_mask: (H,W) bool, more than one half. Both from
            fields with an objectness head.
    """
