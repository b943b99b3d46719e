"""For budget studies: the small scribble config with one point on each animal and one beside it.

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/annotation/budget_study.py configs/sparse_seg/study_sparseseg_resnet18_point_camouflage.py \
        --budgets 10 20 40 80 160

Reduced as study_sparseseg_resnet18_scribble_camouflage. Numbers: docs/budget_studies.md.
"""

from mmengine.config import read_base

with read_base():
    from .study_sparseseg_resnet18_scribble_camouflage import *

study.update(kind="point")
train_dataloader.dataset.sparse_dir = "Point"
