"""GenSAM as published: spatial CLIP ViT-B/16, SAM ViT-H, words from LLaVA-1.5-13b, on CHAMELEON.

    python tools/get_weights.py sam_vit_h
    python tools/test.py configs/gensam/gensam_clipb16_samh_llava_chameleon.py

Needs: CHAMELEON under data/ (docs/prepare_data.md), the weights of SAM, of CLIP (open_clip fetches them) and of
LLaVA (llava-hf/llava-1.5-13b-hf) (from its hub, at the first run).
Hardware and time: a GPU with about 40 GB (an estimate from the size of the weights; not run by us).
The paper reports no number for it.
"""

from mmengine.config import read_base

from sparsevision.methods.gensam.keywords import CachedKeywords, LlavaKeywords

with read_base():
    from .gensam_clipb16_samh_blip2_chameleon import *

model.update(
    dict(keywords=dict(type=CachedKeywords, source=dict(type=LlavaKeywords), path="work_dirs/gensam_keywords"))
)
