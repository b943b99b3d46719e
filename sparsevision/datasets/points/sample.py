"""What travels with a cloud through the network."""

from mmengine.structures import BaseDataElement


class PointSegSample(BaseDataElement):
    """One cloud of m voxels and N raw points, for semantic segmentation.

    Metainfo: scene (its key), dataset (name of the set), voxel_size (metres).

    In testing:
        gt_voxel_labels: (m,) int64 class of each voxel.
        gt_point_labels: (N,) int64 class of each raw point, before the set was thinned.
        point_to_voxel: (N,) int64 voxel of each of these points.
    Added by `predict`:
        pred_voxel_labels: (m,) int64.
        pred_point_labels: (N,) int64.
        pred_point_scores: (N,) float32 probability of the class that was chosen.
    On request (`keep_points`), for pictures and for voting:
        points: (n,3) float32 metres; colours: (n,3) float32 in 0..255, of the cloud that was voxelised.
        original_to_point: (N,) int64 row of these for each raw point, where the set was thinned.
    """
