"""EV-WSSS on the synthetic street: two narrow students with two grids each, from one click per class and frame.

    python tools/make_synthetic.py street --out data/tiny_street --seed 0
    python tools/train.py configs/ev_wsss/tiny_evwsss_e2vid_1click_26e_street.py
    python tools/test.py configs/ev_wsss/tiny_evwsss_e2vid_1click_26e_street.py \
        work_dirs/tiny_evwsss_e2vid_1click_26e_street/epoch_26.pth

Hardware and time: 2 CPU cores, under 4 minutes for training and testing. The numbers to expect, with every seed, are in
README.md beside this file.
"""

from mmengine.config import read_base

from sparsevision.datasets import EventPreprocessor
from sparsevision.methods.ev_wsss import EVWSSS

with read_base():
    from .._base_.datasets.tiny_street import *
    from .._base_.default_runtime import *
    from .._base_.schedules.radam_poly import *

model = dict(
    type=EVWSSS,
    preset="fixed",
    balanced=True,
    data_preprocessor=dict(type=EventPreprocessor, ignore_index=ignore_index),
    num_classes=num_classes,
    bins=5,
    base_channels=8,
    num_blocks=2,
    dual=dict(weight=0.5, threshold=0.0, from_epoch=7),
    prototypes=dict(own_weight=0.25, cross_weight=0.25, from_epoch=9, confidence=0.3, min_mass=5.0, length=50),
    distillation=dict(weight=1 / 6, from_epoch=9),
    ignore_index=ignore_index,
)
find_unused_parameters = True
train_cfg.update(max_epochs=26)
default_hooks.checkpoint.update(interval=8)
default_hooks.logger.update(interval=19)
