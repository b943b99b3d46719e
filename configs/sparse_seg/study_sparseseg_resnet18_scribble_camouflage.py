"""For budget studies: the scribble config made small enough to be trained a hundred times, see docs/budget_studies.md.

    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/annotation/budget_study.py configs/sparse_seg/study_sparseseg_resnet18_scribble_camouflage.py \
        --budgets 10 20 40 80 160

Reduced against tiny_sparseseg_resnet18_scribble_30e_camouflage: pictures of 64 pixels instead of 96, 200 iterations
instead of 1200, the same number for every budget; of the losses partial cross-entropy and coherence with the image.
Hardware and time: one thread, 32 s a run beside a second one on two cores. Numbers: docs/budget_studies.md.
"""

from mmengine.config import read_base
from mmengine.optim import CosineAnnealingLR, LinearLR

from sparsevision.datasets import SeededInfiniteSampler
from sparsevision.methods.sparse_seg.terms import PartialCrossEntropy
from sparsevision.methods.sparse_seg.terms_unlabelled import SaliencyCoherence

with read_base():
    from .tiny_sparseseg_resnet18_scribblepce_30e_camouflage import *

study = dict(kind="scribble", metric="cod/wF")
small = (64, 64)
model.terms = [dict(type=PartialCrossEntropy, per_class=True), dict(type=SaliencyCoherence, weight=0.3, scale=0.5)]
train_dataloader.sampler.update(type=SeededInfiniteSampler)
train_dataloader.dataset.pipeline[3].update(size=small)
test_dataloader.dataset.pipeline[2].update(size=small)
tta_pipeline[2].transforms[0][0].update(size=small)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, by_epoch=False, begin=20, T_max=180),
]
train_cfg = dict(by_epoch=False, max_iters=200, val_interval=200)
default_hooks.checkpoint.update(by_epoch=False, interval=200, max_keep_ckpts=1)
log_processor.update(by_epoch=False)
