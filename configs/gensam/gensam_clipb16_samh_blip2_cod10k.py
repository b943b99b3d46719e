"""GenSAM as published: spatial CLIP ViT-B/16, SAM ViT-H, words from BLIP-2 OPT-6.7b, on COD10K.

    python tools/get_weights.py sam_vit_h
    python tools/test.py configs/gensam/gensam_clipb16_samh_blip2_cod10k.py

Needs: COD10K under data/ (docs/prepare_data.md), the weights of SAM, of CLIP (open_clip fetches them) and of
BLIP-2 (Salesforce/blip2-opt-6.7b) (from its hub, at the first run).
Hardware and time: a GPU with about 24 GB (an estimate from the size of the weights; not run by us).
Expect, with protocol "gensam":
MAE .067, F .681, Em .838, Sm .775 (reported, arXiv 2312.07374v3, Table 1).
"""

from mmengine.config import read_base

with read_base():
    from .gensam_clipb16_samh_blip2_chameleon import *
    from .._base_.datasets.cod10k import test_dataloader
