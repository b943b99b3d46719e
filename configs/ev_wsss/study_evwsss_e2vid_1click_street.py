"""For budget studies: one narrow student from clicks alone, small enough to be trained a hundred times.

    python tools/make_synthetic.py street --out data/tiny_street --seed 0
    python tools/annotation/budget_study.py configs/ev_wsss/study_evwsss_e2vid_1click_street.py \
        --budgets 4 8 16 32 64

Reduced against tiny_evwsss_e2vid_1click_26e_street: one student (no dual, prototypes or distillation), one grid of 6000
events instead of two, 240 iterations of 2 frames instead of 494 of 4, the same number for every budget; every third
frame of the test drives. The pool are 76 frames.
Hardware and time: one thread, 40 s a run beside a second one on two cores. Numbers: docs/budget_studies.md.
"""

from mmengine.config import read_base

from sparsevision.datasets import SeededInfiniteSampler

with read_base():
    from .tiny_evwsss_e2vid_1clickpoints_26e_street import *

study = dict(kind="point", metric="mIoU")
train_dataloader.update(batch_size=2)
train_dataloader.sampler.update(type=SeededInfiniteSampler)
train_dataloader.dataset.pipeline[1].update(num_grids=1)
test_dataloader.dataset.pipeline[0].update(num_grids=1)
test_dataloader.dataset.update(every=3)
param_scheduler[0].update(by_epoch=False, convert_to_iter_based=False)
train_cfg = dict(by_epoch=False, max_iters=240, val_interval=240)
default_hooks.checkpoint.update(by_epoch=False, interval=240, max_keep_ckpts=1)
log_processor.update(by_epoch=False)
