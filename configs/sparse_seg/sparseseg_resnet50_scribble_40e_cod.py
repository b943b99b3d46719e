"""ResNet-50 from scribbles with the losses and the schedule of SCWSSOD (Yu et al., AAAI 2021), on camouflage.

    python tools/train.py configs/sparse_seg/sparseseg_resnet50_scribble_40e_cod.py
    python tools/test.py configs/sparse_seg/sparseseg_resnet50_scribble_40e_cod.py \
        work_dirs/sparseseg_resnet50_scribble_40e_cod/epoch_40.pth

From SCWSSOD: 320 x 320, batches of 16, 40 epochs, triangular learning rate, partial cross-entropy, coherence (.3),
structure consistency, auxiliary heads with weights .8, .6, .4, and the faults of its code (preset "published").
Not from it: the network is mmseg's ResNet-50 with a feature pyramid. So no published number is to be expected, and we
have measured none. Needs the data and the backbone of docs/prepare_data.md ("Sparse supervision of COD") and a GPU.
"""

from mmengine.config import read_base
from mmseg.models.backbones import ResNet
from mmseg.models.decode_heads import FCNHead, FPNHead
from mmseg.models.necks import FPN
from torch.nn import BatchNorm2d

from sparsevision.datasets import ImagePreprocessor
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.sparse_seg import SparseSegmentor
from sparsevision.methods.sparse_seg.terms import PartialCrossEntropy
from sparsevision.methods.sparse_seg.terms_unlabelled import SaliencyCoherence, StructureConsistency

with read_base():
    from .._base_.datasets.cod import *
    from .._base_.default_runtime import *
    from .._base_.schedules.triangular import *

norm_cfg = dict(type=BatchNorm2d)
auxiliary_head = dict(
    type=FCNHead,
    in_channels=256,
    channels=64,
    num_convs=1,
    concat_input=False,
    dropout_ratio=0.0,
    num_classes=2,
    norm_cfg=norm_cfg,
)
model = dict(
    type=SparseSegmentor,
    preset="published",
    data_preprocessor=dict(type=ImagePreprocessor, ignore_index=ignore_index),
    backbone=dict(
        type=ResNet,
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg,
        init_cfg=dict(type="Pretrained", checkpoint="data/weights/resnet50-0676ba61.pth"),
    ),
    neck=dict(type=FPN, in_channels=[256, 512, 1024, 2048], out_channels=256, num_outs=4),
    decode_head=dict(
        type=FPNHead,
        in_channels=[256, 256, 256, 256],
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=128,
        dropout_ratio=0.0,
        num_classes=2,
        norm_cfg=norm_cfg,
    ),
    auxiliary_heads=[
        dict(auxiliary_head, in_index=1),
        dict(auxiliary_head, in_index=2),
        dict(auxiliary_head, in_index=3),
    ],
    auxiliary_weight=(0.8, 0.6, 0.4),
    terms=[
        dict(type=PartialCrossEntropy, per_class=True),
        dict(type=SaliencyCoherence, weight=0.3),
        dict(type=StructureConsistency, scale=0.3),
    ],
    ignore_index=ignore_index,
    foreground_index=1,
)
default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=10, by_epoch=True, max_keep_ckpts=2))
