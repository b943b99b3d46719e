"""SemanticKITTI in the view of the front camera, at 2 cm, with the augmentation of the released code.

python tools/dataset_converters/semantic_kitti.py downloads/kitti/dataset --out data/SemanticKITTI --workers 8
python tools/annotation/point_labels.py data/SemanticKITTI --protocol official --budget 0.001 --seed 0
"""

from mmengine.config import read_base

from sparsevision.datasets import SemanticKITTIDataset

with read_base():
    from .point_scenes import *

num_classes = 19
voxel_size = 0.02
data_root = "data/SemanticKITTI"
prepare = "Make it with tools/dataset_converters/semantic_kitti.py (docs/prepare_data.md)."
views = dict(
    voxel_size=voxel_size,
    largest_angles=(0.04908738521234052, 0.04908738521234052, 3.141592653589793),  # radians: pi / 64, pi / 64, pi
    jitter_probability=0.95,
)

train_pipeline[1].update(views=views)
test_pipeline[1].update(voxel_size=voxel_size)
scans = dict(type=SemanticKITTIDataset, data_root=data_root, prepare=prepare)
train_dataloader.update(
    batch_size=4,
    dataset=dict(scans, split="train", sparse="sparse/official_0.001_seed0.npz", pipeline=train_pipeline),
)
test_dataloader.update(
    dataset=dict(scans, split="val", test_mode=True, pipeline=test_pipeline),
)
