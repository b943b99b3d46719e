"""PVTv2-B4 (timm, through mmseg's TIMMBackbone) from points with the settings of PCOD (Chen et al., ECCV 2024).

    python tools/train.py configs/sparse_seg/sparseseg_pvtv2b4_point_60e_cod.py
    python tools/test.py configs/sparse_seg/sparseseg_pvtv2b4_point_60e_cod.py \
        work_dirs/sparseseg_pvtv2b4_point_60e_cod/epoch_60.pth

From PCOD: PVTv2-B4, 512 x 512, batches of 8, 60 epochs, points as squares of 11 x 11 pixels, partial cross-entropy,
coherence (.3), entropy. Left out, because they are not losses of one image or not documented: its hint areas, attention
regulator and contrastive pre-training. Ours, for want of a source: AdamW, its rate and decay, the SegFormer head, when
the entropy sets in. So no published number is to be expected, and we have measured none. Needs `pip install ".[sam]"`
(timm), the data and the backbone of docs/prepare_data.md and a GPU.
"""

from mmengine.config import read_base
from mmseg.models.backbones import TIMMBackbone
from mmseg.models.decode_heads import SegformerHead
from torch.nn import BatchNorm2d

from sparsevision.datasets import ImagePreprocessor
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.sparse_seg import SparseSegmentor
from sparsevision.methods.sparse_seg.terms import PartialCrossEntropy
from sparsevision.methods.sparse_seg.terms_unlabelled import EntropyMinimisation, SaliencyCoherence

with read_base():
    from .._base_.datasets.cod_512 import *
    from .._base_.default_runtime import *
    from .._base_.schedules.epochs import *

model = dict(
    type=SparseSegmentor,
    preset="published",
    data_preprocessor=dict(type=ImagePreprocessor, ignore_index=ignore_index),
    backbone=dict(
        type=TIMMBackbone,
        model_name="pvt_v2_b4",
        features_only=True,
        pretrained=False,
        init_cfg=dict(type="Pretrained", checkpoint="data/weights/pvt_v2_b4.pth"),
    ),
    decode_head=dict(
        type=SegformerHead,
        in_channels=[64, 128, 320, 512],
        in_index=[0, 1, 2, 3],
        channels=256,
        dropout_ratio=0.1,
        num_classes=2,
        norm_cfg=dict(type=BatchNorm2d),
    ),
    terms=[
        dict(type=PartialCrossEntropy, per_class=True),
        dict(type=SaliencyCoherence, weight=0.3),
        dict(type=EntropyMinimisation),
    ],
    ignore_index=ignore_index,
    foreground_index=1,
)
train_dataloader.dataset.update(sparse_dir="Point")
train_cfg.update(max_epochs=60)
default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=10, by_epoch=True, max_keep_ckpts=2))
