"""What every run has: hooks, logging, seeds and the environment. Methods change single values with --cfg-options."""

from mmengine.hooks import DistSamplerSeedHook, IterTimerHook, LoggerHook, ParamSchedulerHook
from mmengine.runner import LogProcessor
from mmengine.visualization import LocalVisBackend

from sparsevision.engine.hooks import CheckpointHook, VisualizationHook
from sparsevision.visualization import SparseVisualizer

default_scope = None
default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=50),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=1, by_epoch=True, max_keep_ckpts=2, save_best=None),
    sampler_seed=dict(type=DistSamplerSeedHook),
    visualization=dict(type=VisualizationHook),
)
log_processor = dict(type=LogProcessor, by_epoch=True, window_size=50)
log_level = "INFO"
visualizer = dict(type=SparseVisualizer, vis_backends=[dict(type=LocalVisBackend)], name="visualizer")

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
    torch_threads=None,  # of a process on the CPU; None: as torch finds best
)
randomness = dict(seed=0, deterministic=False)

load_from = None
resume = False
