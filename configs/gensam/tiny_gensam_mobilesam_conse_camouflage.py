"""GenSAM from its generic prompt alone on the synthetic camouflage set: what a prompt is worth without any training.

    python tools/get_weights.py mobile_sam efficientnet_lite0 all_minilm_l6_v2
    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse_camouflage.py

No keywords are asked for: the objects are outlines filled with texture, which have no name. Two passes instead of
six, for more do not change the masks of this set.
Hardware and time: 2 CPU cores, about 2 minutes. The number to expect is in configs/sparse_seg/README.md, beside that of
a network trained from such masks.
"""

from mmengine.config import read_base

from sparsevision.datasets import ImageFolderDataset, SeededSampler
from sparsevision.datasets.transforms import LoadImage, LoadMask, PackImageInputs
from sparsevision.evaluation import CamouflageMetric
from sparsevision.layers.promptable import MobileSAM
from sparsevision.methods.gensam import GenSAM
from sparsevision.methods.gensam.conse import ConSE

with read_base():
    from .._base_.default_runtime import *

model = dict(
    type=GenSAM,
    preset="fixed",
    recursive=1,
    heatmap_backend=dict(type=ConSE, pretrained="efficientnet_lite0"),
    segmenter=dict(type=MobileSAM, checkpoint="mobile_sam"),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=ImageFolderDataset,
        images="data/tiny_camouflage/TestDataset/TinyCamo/Imgs",
        masks_dir="data/tiny_camouflage/TestDataset/TinyCamo/GT",
        name="TinyCamo",
        prepare="Make it with: python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0",
        test_mode=True,
        pipeline=[dict(type=LoadImage), dict(type=LoadMask, threshold=128), dict(type=PackImageInputs)],
    ),
)
test_evaluator = dict(type=CamouflageMetric)
test_cfg = dict()
