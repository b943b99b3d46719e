"""Ablation of EV-WSSS on DSEC-Semantic: pseudo labels and prototypes, no distillation between scales.

    python tools/dataset_converters/dsec_semantic.py DOWNLOADS --out data/DSEC --points 1 10
    python tools/train.py configs/ev_wsss/evwsss_e2vid_1clickproto_50e_dsec.py
    python tools/test.py configs/ev_wsss/evwsss_e2vid_1clickproto_50e_dsec.py \
        work_dirs/evwsss_e2vid_1clickproto_50e_dsec/epoch_50.pth

Hardware and time: one GPU with 24 GB (model.checkpoint_steps=True needs far less); not run by us.
"""

from mmengine.config import read_base

with read_base():
    from .evwsss_e2vid_1click_50e_dsec import *

model.update(distillation=None)
