"""A config small enough to be run by every tool, and its data."""

from pathlib import Path

import pytest

from sparsevision.synthetic.camouflage_set import CamouflageSetSettings, write_camouflage_set

CONFIG = '''"""A few steps of a very small network on a very small set: for tests."""

from mmseg.models.backbones import ResNetV1c
from mmseg.models.decode_heads import FCNHead
from torch.nn import GroupNorm

from sparsevision.datasets import CamouflageDataset, ImagePreprocessor
from sparsevision.datasets.transforms import LoadImage, LoadMask, LoadSparseLabels, PackImageInputs, Resize
from sparsevision.methods.sparse_seg import SparseSegmentor

default_scope = None
norm_cfg = dict(type=GroupNorm, num_groups=2)
model = dict(
    type=SparseSegmentor,
    data_preprocessor=dict(type=ImagePreprocessor),
    backbone=dict(
        type=ResNetV1c, depth=18, base_channels=8, stem_channels=8, num_stages=1, strides=(1,), dilations=(1,),
        out_indices=(0,), norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type=FCNHead, in_channels=8, channels=8, num_convs=1, in_index=0, num_classes=2, norm_cfg=norm_cfg,
    ),
    foreground_index=1,
)
load = [dict(type=LoadImage), dict(type=LoadMask)]
pack = [dict(type=Resize, size=(32, 32)), dict(type=PackImageInputs)]
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        type=CamouflageDataset, data_root={root!r}, name="TinyCamo", split="train", sparse_dir="Scribble",
        pipeline=[*load, dict(type=LoadSparseLabels), *pack],
    ),
)
test_dataloader = dict(
    batch_size=1,
    dataset=dict(type=CamouflageDataset, data_root={root!r}, name="TinyCamo", pipeline=[*load, *pack], test_mode=True),
)
'''


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory) -> Path:
    """Four training and two test pictures with scribbles."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    write_camouflage_set(folder, CamouflageSetSettings(train=4, test=2, size=48))
    return folder


@pytest.fixture(scope="session")
def tiny_config(tiny_set, tmp_path_factory) -> Path:
    """A config file for it."""
    path = tmp_path_factory.mktemp("configs") / "tiny_example.py"
    path.write_text(CONFIG.replace("{root!r}", repr(str(tiny_set))))
    return path
