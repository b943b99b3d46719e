"""COD10K, test split: 2026 images (the camouflaged ones of COD10K-v3, non-commercial), scored at their own size.

Any layout of docs/prepare_data.md under data/ is recognised.
"""

from mmengine.config import read_base

with read_base():
    from .chameleon import *

test_dataloader.update(dict(dataset=dict(name="COD10K")))
