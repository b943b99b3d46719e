"""ScanNet V2 at 2 cm with the augmentation of the released code: 1201 scenes to learn from, 312 of val to test.

python tools/dataset_converters/scannet.py downloads/scannet --out data/ScanNet --workers 8
python tools/annotation/point_labels.py data/ScanNet --official downloads/percentage0.001evenc \
    --out data/ScanNet/sparse/released_0p1pct.npz
"""

from mmengine.config import read_base

from sparsevision.datasets import ScanNetDataset

with read_base():
    from .point_scenes import *

num_classes = 20
voxel_size = 0.02
data_root = "data/ScanNet"
prepare = "Make it with tools/dataset_converters/scannet.py (docs/prepare_data.md)."
views = dict(
    voxel_size=voxel_size,
    elastic=((0.2, 0.4), (0.8, 1.6)),
    largest_angles=(0.04908738521234052, 0.04908738521234052, 3.141592653589793),  # radians: pi / 64, pi / 64, pi
)

train_pipeline[1].update(views=views)
test_pipeline[1].update(voxel_size=voxel_size)
rooms = dict(type=ScanNetDataset, data_root=data_root, prepare=prepare)
train_dataloader.update(
    dataset=dict(rooms, split="train", sparse="sparse/released_0p1pct.npz", pipeline=train_pipeline),
)
test_dataloader.update(
    dataset=dict(rooms, split="val", test_mode=True, pipeline=test_pipeline),
)
