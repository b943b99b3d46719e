"""EV-WSSS on DDD17-Seg from one click per class and frame, with the settings of the released code.

    python tools/dataset_converters/ddd17_seg.py DOWNLOADS --out data/ddd17_seg --points 1 10
    python tools/train.py configs/ev_wsss/evwsss_e2vid_1click_20e_ddd17.py
    python tools/test.py configs/ev_wsss/evwsss_e2vid_1click_20e_ddd17.py \
        work_dirs/evwsss_e2vid_1click_20e_ddd17/epoch_20.pth

What differs from DSEC: batches of 4, learning rate 2e-4, threshold 0.7, queues of 50, pseudo labels from epoch 2, and
the weights that the released code comes to (it adds its prototype block twice). The split "valid" is what is reported.
Hardware and time: one GPU with 24 GB (model.checkpoint_steps=True needs far less); not run by us.
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.ddd17_seg import *
    from .._base_.default_runtime import *
    from .._base_.schedules.radam import *
    from .evwsss_e2vid_1click_50e_dsec import model

model.update(num_classes=num_classes)
model.dual.update(threshold=0.7, from_epoch=2)
model.prototypes.update(own_weight=0.15, cross_weight=0.05, length=50)
model.distillation.update(weight=1 / 60)
optim_wrapper.optimizer.update(lr=2e-4)
train_cfg.update(max_epochs=20, val_interval=1)
val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, dict()
find_unused_parameters = True
randomness.update(seed=6)
