"""Ablation of EV-WSSS on DSEC Night-Point: one student, the clicks alone.

    python tools/dataset_converters/dsec_night_point.py DOWNLOADS --out data/DSEC_Night
    python tools/train.py configs/ev_wsss/evwsss_e2vid_1clickpoints_50e_dsecnight.py
    python tools/test.py configs/ev_wsss/evwsss_e2vid_1clickpoints_50e_dsecnight.py \
        work_dirs/evwsss_e2vid_1clickpoints_50e_dsecnight/epoch_50.pth

The paper reports 28.5 mIoU (its teaser figure, "Baseline").
Hardware and time: one GPU with 24 GB (model.checkpoint_steps=True needs far less); not run by us.
"""

from mmengine.config import read_base

with read_base():
    from .evwsss_e2vid_1click_50e_dsecnight import *

model.update(dual=None, prototypes=None, distillation=None)
train_dataloader.dataset.pipeline[1].update(streams=("past",))
