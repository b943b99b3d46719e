"""A narrow ResNet-18 with FPN, group norm throughout, from one scribble on the animal and one beside it.

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/train.py configs/sparse_seg/tiny_sparseseg_resnet18_scribblepce_30e_camouflage.py
    python tools/test.py configs/sparse_seg/tiny_sparseseg_resnet18_scribblepce_30e_camouflage.py \
        work_dirs/tiny_sparseseg_resnet18_scribblepce_30e_camouflage/epoch_30.pth

Partial cross-entropy alone: what the other losses are compared with.
Hardware and time: 2 CPU cores, about 3 minutes for training and testing. The numbers to expect, with every seed, are in
README.md beside this file.
"""

from mmcv.transforms import TestTimeAug
from mmengine.config import read_base
from mmseg.models.backbones import ResNetV1c
from mmseg.models.decode_heads import FPNHead
from mmseg.models.necks import FPN
from torch.nn import GroupNorm

from sparsevision.datasets import ImagePreprocessor
from sparsevision.datasets.transforms import LoadImage, LoadMask, PackImageInputs, RandomFlip, Resize
from sparsevision.methods.sparse_seg import AverageMasks, SparseSegmentor
from sparsevision.methods.sparse_seg.terms import PartialCrossEntropy

with read_base():
    from .._base_.datasets.tiny_camouflage import *
    from .._base_.default_runtime import *
    from .._base_.schedules.epochs import *

norm_cfg = dict(type=GroupNorm, num_groups=8)
model = dict(
    type=SparseSegmentor,
    data_preprocessor=dict(type=ImagePreprocessor, ignore_index=ignore_index),
    backbone=dict(
        type=ResNetV1c,
        depth=18,
        base_channels=16,
        stem_channels=16,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg,
    ),
    neck=dict(type=FPN, in_channels=[16, 32, 64, 128], out_channels=48, num_outs=4),
    decode_head=dict(
        type=FPNHead,
        in_channels=[48, 48, 48, 48],
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=48,
        dropout_ratio=0.0,
        num_classes=2,
        norm_cfg=norm_cfg,
    ),
    ignore_index=ignore_index,
    foreground_index=1,
    preset="fixed",
    terms=[dict(type=PartialCrossEntropy, class_share=(0.9, 0.1))],  # an animal covers about a tenth of a picture
)

optim_wrapper.optimizer.update(lr=3e-3)
train_cfg.update(max_epochs=30)

tta_model = dict(type=AverageMasks)
tta_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadMask, threshold=128),
    dict(
        type=TestTimeAug,
        transforms=[
            [dict(type=Resize, size=image_size)],
            [dict(type=RandomFlip, prob=0.0), dict(type=RandomFlip, prob=1.0)],
            [dict(type=PackImageInputs)],
        ],
    ),
]
