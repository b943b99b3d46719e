"""MiT-B4 (mmseg's MixVisionTransformer) from scribbles, with the image size, batch and length of PCOD.

    python tools/train.py configs/sparse_seg/sparseseg_mitb4_scribble_60e_cod.py
    python tools/test.py configs/sparse_seg/sparseseg_mitb4_scribble_60e_cod.py \
        work_dirs/sparseseg_mitb4_scribble_60e_cod/epoch_60.pth

512 x 512, batches of 8, 60 epochs as in PCOD (Chen et al., ECCV 2024); the losses are those of SCWSSOD with one head.
No paper reports this combination: AdamW, its rate and decay and the SegFormer head are ours, no number is to be
expected, and we have measured none. Needs the data and the backbone of docs/prepare_data.md and a GPU.
"""

from mmengine.config import read_base
from mmseg.models.backbones import MixVisionTransformer

from sparsevision.methods.sparse_seg.terms import PartialCrossEntropy
from sparsevision.methods.sparse_seg.terms_unlabelled import SaliencyCoherence, StructureConsistency

with read_base():
    from .sparseseg_pvtv2b4_point_60e_cod import *

model.backbone = dict(
    type=MixVisionTransformer,
    embed_dims=64,
    num_stages=4,
    num_layers=[3, 8, 27, 3],
    num_heads=[1, 2, 5, 8],
    patch_sizes=[7, 3, 3, 3],
    sr_ratios=[8, 4, 2, 1],
    mlp_ratio=4,
    qkv_bias=True,
    drop_path_rate=0.1,
    init_cfg=dict(type="Pretrained", checkpoint="data/weights/mit_b4_20220624-d588d980.pth"),
)
model.update(
    terms=[
        dict(type=PartialCrossEntropy, per_class=True),
        dict(type=SaliencyCoherence, weight=0.3),
        dict(type=StructureConsistency, scale=0.3),
    ]
)
train_dataloader.dataset.update(sparse_dir="Scribble")
