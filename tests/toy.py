"""A data set and a network of a few numbers, with every source of randomness that a resume has to get right."""

import itertools
import random
import time

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from sparsevision.datasets.seeded import SeededDataset, SeededSampler
from sparsevision.engine.hooks import CheckpointHook
from sparsevision.layers.reduce import global_count
from sparsevision.registry import DATASETS, METRICS, MODELS, TRANSFORMS

SIDE = 4


@TRANSFORMS.register_module()
class ToyAugmentation:
    """Noise from all three global generators; `delay` seconds a sample, for tests that interrupt."""

    def __init__(self, noise=0.1, delay=0.0):
        self.noise = noise
        self.delay = delay

    def __call__(self, results):
        time.sleep(self.delay)
        draws = random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        image = np.full((3, SIDE, SIDE), results["value"] + self.noise * draws, dtype=np.float32)
        sample = SegDataSample(metainfo={"sample_id": f"s{results['value']}", "ori_shape": (SIDE, SIDE)})
        labels = np.full((1, SIDE, SIDE), 255)
        labels[0, 0, : 1 + results["value"] % SIDE] = results["value"] % 2
        sample.sparse_sem_seg = PixelData(data=torch.from_numpy(labels))
        return {"inputs": {"image": torch.from_numpy(image)}, "data_samples": sample}


@DATASETS.register_module()
class ToyDataset(SeededDataset):
    METAINFO = {"classes": ("even", "odd"), "palette": [[0, 0, 0], [255, 255, 255]]}  # noqa: RUF012

    def __init__(self, *, length=12, data_root="", **kwargs):
        self.length = length
        super().__init__(data_root=data_root, serialize_data=False, **kwargs)  # serialising collects garbage: slow

    def load_data_list(self):
        return [{"value": value} for value in range(self.length)]


@MODELS.register_module()
class ToyModel(BaseModel):
    """A network for single pixels with dropout; the loss is normalised by the labels of all processes."""

    def __init__(self, *, dropout=0.0, width=4, data_preprocessor=None, init_cfg=None):
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        generator = torch.Generator().manual_seed(0)
        self.first = nn.Linear(3, width)
        self.last = nn.Linear(width, 2)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs, data_samples=None, mode="tensor"):
        pixels = torch.stack(list(inputs["image"])).movedim(1, -1)
        logits = self.last(self.dropout(torch.relu(self.first(pixels)))).movedim(-1, 1)
        if mode == "tensor":
            return logits
        if mode == "loss":
            labels = torch.cat([sample.sparse_sem_seg.data for sample in data_samples])
            total = nn.functional.cross_entropy(logits.float(), labels, ignore_index=255, reduction="sum")
            return {"loss_ce": total / global_count((labels != 255).sum())}
        for sample, scores in zip(data_samples, logits, strict=True):
            sample.pred_mask = PixelData(data=scores.softmax(0)[1:2].float())
        return data_samples


@MODELS.register_module()
class FrozenToy(ToyModel):
    """A method that does not train and has no checkpoint."""

    requires_checkpoint = False


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Mean foreground probability; draws from the global generator, as a rude metric may."""

    def process(self, data_batch, data_samples):
        torch.rand(3)
        self.results += [(sample["sample_id"], float(sample["pred_mask"]["data"].mean())) for sample in data_samples]

    def compute_metrics(self, results):
        order = [int(name.removeprefix("s")) for name, _ in results]
        return {
            "mean": float(np.mean([value for _, value in results])),
            "count": len(order),
            "ordered": order == sorted(order),
        }


EXPERIMENT = itertools.count()


def settings(work_dir, **changes):
    """Arguments of Runner for a small run of 3 epochs of 6 iterations; dotted names change single ones."""
    arguments = {
        "work_dir": str(work_dir),
        "model": {"type": ToyModel, "dropout": 0.3},
        "train_dataloader": {
            "batch_size": 2,
            "num_workers": 0,
            "sampler": {"type": SeededSampler, "shuffle": True},
            "dataset": {"type": ToyDataset, "pipeline": [{"type": ToyAugmentation}]},
        },
        "train_cfg": {"by_epoch": True, "max_epochs": 3},
        "optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "AdamW", "lr": 0.05}},
        "param_scheduler": [
            {"type": "LinearLR", "start_factor": 0.1, "begin": 0, "end": 4, "by_epoch": False},
            {"type": "CosineAnnealingLR", "by_epoch": True, "convert_to_iter_based": True},
        ],
        "default_hooks": {"checkpoint": {"type": CheckpointHook, "interval": 1}},
        "randomness": {"seed": 3},
        "default_scope": None,
        "experiment_name": f"toy{next(EXPERIMENT)}",
        "log_level": "WARNING",
    }
    for name, value in changes.items():
        node, keys = arguments, name.split("__")
        for key in keys[:-1]:
            node = node.setdefault(key, {})
        node[keys[-1]] = value
    return arguments


def validation(**changes):
    """The arguments that add validation."""
    loader = {
        "batch_size": 2,
        "sampler": {"type": SeededSampler, "shuffle": False},
        "dataset": {"type": ToyDataset, "length": 5, "test_mode": True, "pipeline": [{"type": ToyAugmentation}]},
    }
    return {"val_dataloader": loader, "val_cfg": {}, "val_evaluator": {"type": ToyMetric}} | changes
