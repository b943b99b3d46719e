"""EV-WSSS on the synthetic street: pseudo labels and prototypes, no distillation between scales.

    python tools/make_synthetic.py street --out data/tiny_street --seed 0
    python tools/train.py configs/ev_wsss/tiny_evwsss_e2vid_1clickproto_26e_street.py
    python tools/test.py configs/ev_wsss/tiny_evwsss_e2vid_1clickproto_26e_street.py \
        work_dirs/tiny_evwsss_e2vid_1clickproto_26e_street/epoch_26.pth

Hardware and time: 2 CPU cores, under 4 minutes for training and testing. The numbers to expect, with every seed, are in
README.md beside this file.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_evwsss_e2vid_1click_26e_street import *

model.update(distillation=None)
