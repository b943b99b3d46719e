"""What `ns-train spin-nerf` starts with."""

from dataclasses import dataclass, field

from nerfstudio.configs.base_config import ViewerConfig
from nerfstudio.engine.optimizers import AdamOptimizerConfig
from nerfstudio.engine.schedulers import Scheduler, SchedulerConfig
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.plugins.types import MethodSpecification
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler

from sparsevision.methods.spin_nerf.studio.plugin.pipeline import SpinNerfPipelineConfig

METHOD = "spin-nerf"


@dataclass
class TenthEveryConfig(SchedulerConfig):
    """The rate falls to a tenth in so many steps, evenly (published)."""

    _target: type = field(default_factory=lambda: TenthEvery)
    """target class to instantiate"""
    steps: int = 10000
    """steps to a tenth"""


class TenthEvery(Scheduler):
    """Its state is plain numbers: nerfstudio's own decay keeps numpy's, which torch does not load safely."""

    config: TenthEveryConfig

    def get_scheduler(self, optimizer: Optimizer, lr_init: float) -> LRScheduler:
        """See the class."""
        return ExponentialLR(optimizer, gamma=0.1 ** (1 / self.config.steps))


spin_nerf = MethodSpecification(
    config=TrainerConfig(
        method_name=METHOD,
        steps_per_eval_batch=500,
        steps_per_eval_image=1000,
        steps_per_eval_all_images=100_000,
        steps_per_save=2000,
        max_num_iterations=10_001,
        mixed_precision=False,
        pipeline=SpinNerfPipelineConfig(),
        optimizers={"fields": {"optimizer": AdamOptimizerConfig(lr=0.01, eps=1e-8), "scheduler": TenthEveryConfig()}},
        viewer=ViewerConfig(num_rays_per_chunk=1 << 15),
        vis="viewer",
    ),
    description="SPIn-NeRF by sparsevision: a scene without an object, from masks and inpainted views.",
)
