"""Stage 1 of Motion-I2V, first training: a single displacement field, from Stable Diffusion 1.5, all weights.

    python tools/train.py configs/motion_i2v/motion_i2v_sd15_field_160k_webvid.py --amp

A frame at most 120 frames of the video away, 320 x 512; the network has no motion modules yet. The UNet and the
autoencoder of pictures are Stable Diffusion's, docs/motion_i2v.md says how to get them; that of flow comes from its own
training. Published: 3e-5, one pair on each of 64 GPUs, about 160,000 iterations. Never run at full size here.
"""

from mmengine.config import read_base

with read_base():
    from .motion_i2v_sd15_temporal_150k_webvid import *

model.update(frames=1, trains="all", architecture=dict(motion_modules=False))
model.update(
    init_cfg=[
        dict(type="Pretrained", checkpoint="checkpoints/sd15_image_vae.pth"),
        dict(type="Pretrained", checkpoint="checkpoints/sd15_motion_stage1.pth"),
    ]
)
train_dataloader.update(batch_size=1)
for loader in (train_dataloader, test_dataloader):
    loader["dataset"]["pipeline"][0].update(frames=2, stride=(1, fields))
del train_dataloader["dataset"]["pipeline"][2]
train_cfg.update(max_iters=160000, val_interval=160000)
load_from = "work_dirs/motion_i2v_sd15_flowvae_200k_webvid/iter_200000.pth"
