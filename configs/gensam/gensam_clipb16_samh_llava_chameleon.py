"""GenSAM as published: spatial CLIP ViT-B/16, SAM ViT-H, words from LLaVA-1.5-13b, on CHAMELEON.

    python tools/get_weights.py sam_vit_h
    python tools/test.py configs/gensam/gensam_clipb16_samh_llava_chameleon.py

Needs: CHAMELEON under data/ (docs/prepare_data.md), the weights of SAM, of CLIP (open_clip fetches them) and of
LLaVA (llava-hf/llava-1.5-13b-hf) (from its hub, at the first run).
Hardware and time: a GPU with about 40 GB (an estimate from the size of the weights; not run by us).
The paper reports no number for it.
"""

from mmengine.config import read_base

from sparsevision.evaluation import CamouflageMetric
from sparsevision.layers.promptable import SegmentAnything
from sparsevision.methods.gensam import GenSAM, OpenClipHeatmap
from sparsevision.methods.gensam.keywords import CachedKeywords, LlavaKeywords

with read_base():
    from .._base_.datasets.chameleon import *
    from .._base_.default_runtime import *

model = dict(
    type=GenSAM,
    preset="published",
    prompt_set="3attriTheBgSynCamo",
    heatmap_backend=dict(type=OpenClipHeatmap, model="ViT-B-16-quickgelu", pretrained="openai"),
    segmenter=dict(type=SegmentAnything, network="vit_h", checkpoint="sam_vit_h"),
    keywords=dict(type=CachedKeywords, source=dict(type=LlavaKeywords), path="work_dirs/gensam_keywords"),
)
# "cod" compares with other papers; "gensam" is the released code's own scoring, which the paper prints.
test_evaluator = [
    dict(type=CamouflageMetric, prefix="cod"),
    dict(type=CamouflageMetric, protocol="gensam", prefix="gensam"),
]
