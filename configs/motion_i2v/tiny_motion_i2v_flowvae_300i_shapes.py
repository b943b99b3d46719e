"""A small autoencoder of flow, on the world of moving shapes: latents of 16 x 16 with four channels.

    python tools/make_synthetic.py moving_shapes --out data/tiny_moving_shapes --seed 0
    python tools/train.py configs/motion_i2v/tiny_motion_i2v_flowvae_300i_shapes.py
    python tools/test.py configs/motion_i2v/tiny_motion_i2v_flowvae_300i_shapes.py \
        work_dirs/tiny_motion_i2v_flowvae_300i_shapes/iter_300.pth

The small stage 1 uses the mean motion of patches instead, which needs no training.
"""

from mmengine.config import read_base

from sparsevision.engine.hooks import CheckpointHook
from sparsevision.methods.motion_i2v import FlowAutoencoder, TinyFlowVAE

with read_base():
    from .._base_.datasets.tiny_moving_shapes import *
    from .._base_.default_runtime import *
    from .._base_.schedules.adam_cosine import *

model = dict(type=FlowAutoencoder, flow_codec=dict(type=TinyFlowVAE), track_scale=True, frames=fields)
default_hooks.update(checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=300, max_keep_ckpts=2))
log_processor.update(by_epoch=False)
train_dataloader.update(batch_size=4)
train_cfg.update(max_iters=300, val_interval=300)
