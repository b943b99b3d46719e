"""EV-WSSS on DSEC-Semantic from one click per class and frame, with the settings of the released code.

    python tools/dataset_converters/dsec_semantic.py DOWNLOADS --out data/DSEC --points 1 10
    python tools/train.py configs/ev_wsss/evwsss_e2vid_1click_50e_dsec.py
    python tools/test.py configs/ev_wsss/evwsss_e2vid_1click_50e_dsec.py \
        work_dirs/evwsss_e2vid_1click_50e_dsec/epoch_50.pth

Hardware and time: one GPU with 24 GB (model.checkpoint_steps=True needs far less); not run by us.
The paper reports 45.6 mIoU (its teaser figure). The authors choose the best epoch on the test sequences; here they
are looked at every third epoch as well, but the last epoch is the result.
"""

from mmengine.config import read_base

from sparsevision.datasets import EventPreprocessor
from sparsevision.methods.ev_wsss import EVWSSS

with read_base():
    from .._base_.datasets.dsec_semantic import *
    from .._base_.default_runtime import *
    from .._base_.schedules.radam import *

model = dict(
    type=EVWSSS,
    preset="published",
    data_preprocessor=dict(type=EventPreprocessor, ignore_index=ignore_index),
    num_classes=num_classes,
    bins=5,
    base_channels=32,
    num_blocks=5,
    checkpoint_steps=False,
    truncate_after=None,
    dual=dict(weight=0.5, threshold=0.5, from_epoch=0),
    prototypes=dict(
        own_weight=0.25,
        cross_weight=0.25,
        from_epoch=2,
        confidence=0.7,
        min_mass=10.0,
        length=200,
        min_count=10,
        temperature=0.1,
    ),
    distillation=dict(weight=1 / 6, from_epoch=2, scales=(2, 4, 8)),
    labels="sparse_sem_seg",
    ignore_index=ignore_index,
)
val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, dict()
train_cfg.update(val_interval=3)
find_unused_parameters = True  # the projections wait for prototypes and distillation
randomness.update(seed=6)
