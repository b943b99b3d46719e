"""Synthetic rooms in the layout of S3DIS: 13 to learn from, with 0.1 % of their points labelled, 5 of Area 5 to test.

python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0
python tools/dataset_converters/s3dis.py data/tiny_rooms/s3dis --out data/tiny_rooms_s3dis
python tools/annotation/point_labels.py data/tiny_rooms_s3dis --protocol class_even --budget 0.001 --seed 0
"""

from mmengine.config import read_base

from sparsevision.datasets import S3DISDataset

with read_base():
    from .point_scenes import *

num_classes = 13
voxel_size = 0.12
data_root = "data/tiny_rooms_s3dis"
prepare = (
    "Make it with: python tools/make_synthetic.py rooms --out data/tiny_rooms --seed 0, then "
    "python tools/dataset_converters/s3dis.py data/tiny_rooms/s3dis --out data/tiny_rooms_s3dis, then "
    "python tools/annotation/point_labels.py data/tiny_rooms_s3dis --protocol class_even --budget 0.001 --seed 0"
)
views = dict(
    voxel_size=voxel_size,
    largest_angles=(0.09817477042468103, 0.09817477042468103, 3.141592653589793),  # radians: pi / 32, pi / 32, pi
)

train_pipeline[1].update(views=views, preset="fixed")
test_pipeline[1].update(voxel_size=voxel_size)
rooms = dict(type=S3DISDataset, data_root=data_root, prepare=prepare)
train_dataloader.update(
    batch_size=1,
    num_workers=1,
    dataset=dict(rooms, split="train", sparse="sparse/class_even_0.001_seed0.npz", pipeline=train_pipeline),
)
test_dataloader.update(
    num_workers=0,
    dataset=dict(rooms, split="val", test_mode=True, pipeline=test_pipeline),
)
