"""Focus-DETR with a ResNet-50 on COCO, 90,000 iterations, with the settings of the release.

    bash tools/dist_train.sh configs/focus_detr/focus_detr_r50_boxes_12e_coco.py 8
    python tools/test.py configs/focus_detr/focus_detr_r50_boxes_12e_coco.py \
        work_dirs/focus_detr_r50_boxes_12e_coco/iter_90000.pth

The authors' README reports 48.8 AP on val2017.
Hardware and time: 8 GPUs with 2 images each; not run by us. On one GPU: tools/train.py with --cfg-options
train_dataloader.batch_size=16, or a learning rate that fits a smaller batch.
"""

from mmengine.config import read_base

from sparsevision.datasets import ImagePreprocessor
from sparsevision.methods.focus_detr import FocusDETR
from sparsevision.methods.focus_detr.backbones import ResNetBackbone

with read_base():
    from .._base_.datasets.coco_detection import *
    from .._base_.default_runtime import *
    from .._base_.schedules.detr import *

model = dict(
    type=FocusDETR,
    preset="published",
    data_preprocessor=dict(type=ImagePreprocessor),
    num_classes=num_classes,
    backbone=dict(type=ResNetBackbone, depth=50, pretrained="data/weights/resnet50-0676ba61.pth"),
    num_queries=900,
    architecture=dict(temperature=10000.0, offset=-0.5),
    selector="focus",
    selector_target="ranges",
    keep_ratio=0.5,
    keep_ratio_range=None,
    cascade=(1.0, 0.8, 0.6, 0.6, 0.4, 0.2),
    object_tokens=300,
    background_embedding=False,
    denoising=dict(queries=100, label_noise=0.5, box_noise=1.0),
)
val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, dict()
default_hooks.checkpoint.update(by_epoch=False, interval=7500)
log_processor.update(by_epoch=False)
