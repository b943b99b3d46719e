"""EV-WSSS on DDD17-Seg from ten clicks per class and frame.

    python tools/dataset_converters/ddd17_seg.py DOWNLOADS --out data/ddd17_seg --points 1 10
    python tools/train.py configs/ev_wsss/evwsss_e2vid_10click_20e_ddd17.py
    python tools/test.py configs/ev_wsss/evwsss_e2vid_10click_20e_ddd17.py \
        work_dirs/evwsss_e2vid_10click_20e_ddd17/epoch_20.pth

Hardware and time: one GPU with 24 GB (model.checkpoint_steps=True needs far less); not run by us.
"""

from mmengine.config import read_base

with read_base():
    from .evwsss_e2vid_1click_20e_ddd17 import *

train_dataloader.dataset.update(points=10)
