"""S3DIS at 5 cm with the augmentation of the released code: Areas 1, 2, 3, 4, 6 to learn from, Area 5 to test.

python tools/dataset_converters/s3dis.py downloads/Stanford3dDataset_v1.2_Aligned_Version --out data/S3DIS --workers 8
python tools/annotation/point_labels.py data/S3DIS --protocol official --budget 0.001 --seed 0
"""

from mmengine.config import read_base

from sparsevision.datasets import S3DISDataset

with read_base():
    from .point_scenes import *

num_classes = 13
voxel_size = 0.05
data_root = "data/S3DIS"
prepare = "Make it with tools/dataset_converters/s3dis.py (docs/prepare_data.md)."
views = dict(
    voxel_size=voxel_size,
    crop_half_side=4.0,
    largest_angles=(0.09817477042468103, 0.09817477042468103, 3.141592653589793),  # radians: pi / 32, pi / 32, pi
)

train_pipeline[1].update(views=views)
test_pipeline[1].update(voxel_size=voxel_size)
rooms = dict(type=S3DISDataset, data_root=data_root, prepare=prepare)
train_dataloader.update(
    dataset=dict(rooms, split="train", sparse="sparse/official_0.001_seed0.npz", pipeline=train_pipeline),
)
test_dataloader.update(
    dataset=dict(rooms, split="val", test_mode=True, pipeline=test_pipeline),
)
