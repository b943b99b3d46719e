"""EV-WSSS on DSEC Night-Point from one click per class and frame, with the settings of the released code.

    python tools/dataset_converters/dsec_night_point.py DOWNLOADS --out data/DSEC_Night
    python tools/train.py configs/ev_wsss/evwsss_e2vid_1click_50e_dsecnight.py
    python tools/test.py configs/ev_wsss/evwsss_e2vid_1click_50e_dsecnight.py \
        work_dirs/evwsss_e2vid_1click_50e_dsecnight/epoch_50.pth

The paper reports 35.7 mIoU (its teaser figure). Train and test frames are of the same five drives.
Hardware and time: one GPU with 24 GB (model.checkpoint_steps=True needs far less); not run by us.
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.dsec_night_point import *
    from .evwsss_e2vid_1click_50e_dsec import model, optim_wrapper, param_scheduler, train_cfg
    from .._base_.default_runtime import *

val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, dict()
train_cfg.update(val_interval=3)
find_unused_parameters = True
randomness.update(seed=6)
