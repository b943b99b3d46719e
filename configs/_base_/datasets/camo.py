"""CAMO, test split: 250 images (of CAMO-CAM 1250), scored at their own size.

Any layout of docs/prepare_data.md under data/ is recognised.
"""

from mmengine.config import read_base

with read_base():
    from .chameleon import *

test_dataloader.update(dict(dataset=dict(name="CAMO")))
