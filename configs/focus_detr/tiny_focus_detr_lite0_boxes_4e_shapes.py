"""Focus-DETR on the synthetic detection world, over an EfficientNet-Lite0 with its real ImageNet weights.

    python tools/make_synthetic.py detection --out data/tiny_shapes --seed 0
    python tools/train.py configs/focus_detr/tiny_focus_detr_lite0_boxes_4e_shapes.py
    python tools/test.py configs/focus_detr/tiny_focus_detr_lite0_boxes_4e_shapes.py \
        work_dirs/tiny_focus_detr_lite0_boxes_4e_shapes/epoch_4.pth

A small detector of three encoder and three decoder layers; the encoder updates 30 % of the tokens on average.
Hardware and time: 2 CPU cores; training and testing took 8 min 52 s. Numbers: README.md beside this file.
"""

from mmengine.config import read_base
from mmengine.optim import CosineAnnealingLR, LinearLR

from sparsevision.datasets import ImagePreprocessor
from sparsevision.methods.focus_detr import FocusDETR
from sparsevision.methods.focus_detr.backbones import EfficientNetLite0Backbone

with read_base():
    from .._base_.datasets.tiny_shapes import *
    from .._base_.default_runtime import *
    from .._base_.schedules.detr import *

model = dict(
    type=FocusDETR,
    preset="fixed",
    num_classes=num_classes,
    data_preprocessor=dict(type=ImagePreprocessor, mean=(127, 127, 127), std=(128, 128, 128)),
    backbone=dict(
        type=EfficientNetLite0Backbone,
        pretrained="efficientnet_lite0",
        frozen_stages=4,  # all that has stride 8 or less
        frozen_norm=True,
    ),
    architecture=dict(
        channels=128,
        levels=3,
        heads=4,
        hidden=256,
        encoder_layers=3,
        decoder_layers=3,
        temperature=20.0,
        offset=0.0,
    ),
    num_queries=60,
    first_range=16.0,  # of images with a short side of 144, as 64 suits 800
    keep_ratio=0.5,
    cascade=(1.0, 0.6, 0.2),
    object_tokens=60,
    denoising=dict(queries=40),
    losses=dict(class_loss="matchability", classes=2.0),
    max_detections=60,
)
train_cfg = dict(by_epoch=True, max_epochs=4, val_interval=4)
optim_wrapper.optimizer.update(lr=1e-3)
optim_wrapper.paramwise_cfg.custom_keys.update(backbone=dict(lr_mult=0.3))
param_scheduler = [
    dict(type=LinearLR, start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, by_epoch=True, begin=0, convert_to_iter_based=True),
]
