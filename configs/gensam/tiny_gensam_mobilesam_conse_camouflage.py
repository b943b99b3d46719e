"""GenSAM from its generic prompt alone on the synthetic camouflage set: what a prompt is worth without any training.

    python tools/get_weights.py mobile_sam efficientnet_lite0 all_minilm_l6_v2
    python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0
    python tools/test.py configs/gensam/tiny_gensam_mobilesam_conse_camouflage.py

No keywords are asked for: the objects are outlines filled with texture, which have no name. Two passes instead of
six: on 24 training pictures the mean IoU was .185 after two and .173 after six.
Hardware and time: 2 CPU cores, about 3 minutes. The number to expect is in configs/sparse_seg/README.md, beside that of
a network trained from such masks.
"""

from mmengine.config import read_base

with read_base():
    from .tiny_gensam_mobilesam_conse import *

model.pop("keywords")
model.update(recursive=1, diagnostics=False)
test_dataloader.dataset.update(
    images="data/tiny_camouflage/TestDataset/TinyCamo/Imgs",
    masks_dir="data/tiny_camouflage/TestDataset/TinyCamo/GT",
    name="TinyCamo",
    prepare="Make it with: python tools/make_synthetic.py camouflage --out data/tiny_camouflage --seed 0",
)
