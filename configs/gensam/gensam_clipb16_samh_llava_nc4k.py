"""GenSAM as published: spatial CLIP ViT-B/16, SAM ViT-H, words from LLaVA-1.5-13b, on NC4K.

    python tools/get_weights.py sam_vit_h
    python tools/test.py configs/gensam/gensam_clipb16_samh_llava_nc4k.py

Needs: NC4K under data/ (docs/prepare_data.md), the weights of SAM, of CLIP (open_clip fetches them) and of
LLaVA (llava-hf/llava-1.5-13b-hf) (from its hub, at the first run).
Hardware and time: a GPU with about 40 GB (an estimate from the size of the weights; not run by us).
The paper reports no number for it.
"""

from mmengine.config import read_base

with read_base():
    from .gensam_clipb16_samh_llava_chameleon import *
    from .._base_.datasets.nc4k import test_dataloader
