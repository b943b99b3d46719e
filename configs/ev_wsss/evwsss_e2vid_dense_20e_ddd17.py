"""The upper bound of EV-WSSS on DDD17-Seg: the same network from dense labels.

    python tools/dataset_converters/ddd17_seg.py DOWNLOADS --out data/ddd17_seg --points 1 10
    python tools/train.py configs/ev_wsss/evwsss_e2vid_dense_20e_ddd17.py
    python tools/test.py configs/ev_wsss/evwsss_e2vid_dense_20e_ddd17.py \
        work_dirs/evwsss_e2vid_dense_20e_ddd17/epoch_20.pth

Hardware and time: one GPU with 24 GB (model.checkpoint_steps=True needs far less); not run by us.
"""

from mmengine.config import read_base

with read_base():
    from .evwsss_e2vid_1click_20e_ddd17 import *

model.update(dual=None, prototypes=None, distillation=None, labels="gt_sem_seg")
train_dataloader.dataset.update(points=None)
train_dataloader.dataset.pipeline[0].update(streams=("past",))
train_dataloader.dataset.pipeline[1].update(fields=("gt_sem_seg",))
