"""The config of a toy training, for tools/train.py and tools/test.py."""

from pathlib import Path

from tool_runner import ROOT

CONFIG = '''"""A toy."""

from mmengine.config import read_base
from mmengine.optim import OptimWrapper, PolyLR
from torch.optim import SGD
from toy import {imports}

with read_base():
    from .base import *

default_hooks.update(logger=dict(type=LoggerHook, interval=2))
visualizer.update(name="{name}")
env_cfg.update(mp_cfg=dict(mp_start_method="fork"))
model = dict(type={model})
loader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type=SeededSampler, shuffle=True),
    dataset=dict(type=ToyDataset, pipeline=[dict(type=ToyAugmentation{delay})]),
)
{train}
test_dataloader = dict(
    batch_size=2,
    sampler=dict(type=SeededSampler, shuffle=False),
    dataset=dict(type=ToyDataset, length=5, test_mode=True, pipeline=[dict(type=ToyAugmentation)]),
)
test_evaluator = dict(type=ToyMetric)
test_cfg = dict()
'''
TRAIN = """train_dataloader = loader
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.1))
param_scheduler = [dict(type=PolyLR, by_epoch=False)]
train_cfg = dict(by_epoch=True, max_epochs=2)
"""


def write_config(folder: Path, *, model: str = "ToyModel", train: str = TRAIN, delay: str = "") -> Path:
    """A config file in `folder`; `delay`: more arguments of the augmentation, ", delay=0.05"."""
    base = (ROOT / "configs/_base_/default_runtime.py").read_text()
    (folder / "base.py").write_text(base + "\nfrom sparsevision.datasets.seeded import SeededSampler\n")
    imports = f"ToyAugmentation, ToyDataset, ToyMetric, {model}"
    name = f"toy_{folder.name}"
    path = folder / "toy_config.py"
    path.write_text(CONFIG.format(imports=imports, name=name, model=model, train=train, delay=delay))
    return path
