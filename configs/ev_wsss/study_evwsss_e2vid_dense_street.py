"""For budget studies: the small student from dense labels, the upper bound; or masks as a kind of annotation.

    python tools/make_synthetic.py street --out data/tiny_street --seed 0
    python tools/annotation/budget_study.py configs/ev_wsss/study_evwsss_e2vid_1click_street.py \
        --budgets 4 8 16 32 64 \
        --dense configs/ev_wsss/study_evwsss_e2vid_dense_street.py

Reduced as study_evwsss_e2vid_1click_street. Numbers: docs/budget_studies.md.
"""

from mmengine.config import read_base

with read_base():
    from .study_evwsss_e2vid_1click_street import *

study.update(kind="mask")
model.update(labels="gt_sem_seg")
