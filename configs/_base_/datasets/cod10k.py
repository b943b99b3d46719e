"""COD10K, test split: 2026 images (the camouflaged ones of COD10K-v3, non-commercial), scored at their own size.

Any layout of docs/prepare_data.md under data/ is recognised.
"""

from sparsevision.datasets import CamouflageDataset, SeededSampler
from sparsevision.datasets.transforms import LoadImage, LoadMask, PackImageInputs
from sparsevision.evaluation import CamouflageMetric

test_pipeline = [dict(type=LoadImage), dict(type=LoadMask, threshold=128), dict(type=PackImageInputs)]
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=CamouflageDataset,
        data_root="data",
        name="COD10K",
        split="test",
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type=CamouflageMetric)
test_cfg = dict()
