"""Before stage 1 of Motion-I2V: the autoencoder of flow, two channels, as Stable Diffusion's of pictures.

    python tools/train.py configs/motion_i2v/motion_i2v_sd15_flowvae_200k_webvid.py --amp
    python tools/test.py configs/motion_i2v/motion_i2v_sd15_flowvae_200k_webvid.py CHECKPOINT

Published: 1e-5, four fields on each of 64 GPUs, accumulated four times, 200,000 steps. Never run at full size here.
"""

from mmengine.config import read_base

from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.motion_i2v import FlowAutoencoder

with read_base():
    from .._base_.datasets.webvid_clips import *
    from .._base_.default_runtime import *
    from .._base_.models.motion_i2v_sd15 import *
    from .._base_.schedules.adam_constant import *

model = dict(type=FlowAutoencoder, flow_codec=flow_codec, frames=1)
optim_wrapper["optimizer"].update(lr=1e-5)
optim_wrapper.update(accumulative_counts=4)
train_dataloader.update(batch_size=4)
for loader in (train_dataloader, test_dataloader):
    loader["dataset"]["pipeline"][0].update(frames=2, stride=(1, fields))
default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=5000, max_keep_ckpts=2))
log_processor.update(by_epoch=False)
train_cfg.update(max_iters=200000, val_interval=200000)
