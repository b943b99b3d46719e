"""NC4K, test split: 4121 images (numeric stems), scored at their own size.

Any layout of docs/prepare_data.md under data/ is recognised.
"""

from mmengine.config import read_base

with read_base():
    from .chameleon import *

test_dataloader.update(dict(dataset=dict(name="NC4K")))
