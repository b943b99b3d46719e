"""What travels with an image through a detector."""

from mmengine.structures import BaseDataElement


class DetectionSample(BaseDataElement):
    """One image with boxes. A box is (x0, y0, x1, y1), its edges in pixels: (0, 0, width, height) is the whole image.

    Metainfo: img_id (of the annotation file), img_path, ori_shape and img_shape ((height, width) of the file, and of
    the image that the network sees before a batch is padded), scale_factor ((width, height) of img_shape over that of
    the part of the file that was kept), flip, batch_input_shape (after padding), ann_file (where the truth is).

    In pixels of the image that the network sees; in testing too:
        gt_instances: InstanceData with bboxes (M,4) float32 and labels (M,) int64, contiguous from 0.
        ignored_instances: InstanceData with bboxes (K,4) and labels (K,): crowds and other places that are neither a
            single object nor background.
        gt_points: InstanceData with points (P,2) float32 as (x, y), and labels (P,) int64; where objects have a point.
    Added by `predict`:
        pred_instances: InstanceData with bboxes (K,4) float32 in pixels of the image file, labels (K,) int64 and scores
            (K,) float32 in [0,1], sorted by falling score.
        kept_tokens: on request, a list with the indices (k,) int64 of the tokens that each encoder layer kept, over all
            levels, `token_shapes`, a list with the (height, width) of each level, those of the padded batch, and
            `token_count`, how many of these tokens are image.
    """
