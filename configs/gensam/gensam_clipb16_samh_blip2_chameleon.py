"""GenSAM as published: spatial CLIP ViT-B/16, SAM ViT-H, words from BLIP-2 OPT-6.7b, on CHAMELEON.

    python tools/get_weights.py sam_vit_h
    python tools/test.py configs/gensam/gensam_clipb16_samh_blip2_chameleon.py

Needs: CHAMELEON under data/ (docs/prepare_data.md), the weights of SAM, of CLIP (open_clip fetches them) and of
BLIP-2 (Salesforce/blip2-opt-6.7b) (from its hub, at the first run).
Hardware and time: a GPU with about 24 GB (an estimate from the size of the weights; not run by us).
Expect, with protocol "gensam":
MAE .090, F .680, Em .807, Sm .764 (reported, arXiv 2312.07374v3, Table 1).
"""

from mmengine.config import read_base

from sparsevision.evaluation import CamouflageMetric
from sparsevision.layers.promptable import SegmentAnything
from sparsevision.methods.gensam import GenSAM, OpenClipHeatmap
from sparsevision.methods.gensam.keywords import Blip2Keywords, CachedKeywords

with read_base():
    from .._base_.datasets.chameleon import *
    from .._base_.default_runtime import *

model = dict(
    type=GenSAM,
    preset="published",
    prompt_set="3attriTheBgSynCamo",
    heatmap_backend=dict(type=OpenClipHeatmap, model="ViT-B-16-quickgelu", pretrained="openai"),
    segmenter=dict(type=SegmentAnything, network="vit_h", checkpoint="sam_vit_h"),
    keywords=dict(type=CachedKeywords, source=dict(type=Blip2Keywords), path="work_dirs/gensam_keywords"),
)
# "cod" compares with other papers; "gensam" is the released code's own scoring, which the paper prints.
test_evaluator = [
    dict(type=CamouflageMetric, prefix="cod"),
    dict(type=CamouflageMetric, protocol="gensam", prefix="gensam"),
]
