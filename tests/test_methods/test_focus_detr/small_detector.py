"""A small FocusDETR of random weights, and samples for it."""

import torch
from detr_parts import Strides
from mmengine.structures import InstanceData
from torch import nn

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.methods.focus_detr import FocusDETR

SMALL = {"channels": 32, "heads": 4, "hidden": 64, "encoder_layers": 3, "decoder_layers": 2}


def detector(*, seed=0, **settings):
    """Three classes, 30 queries; every head and offset says something, though random."""
    torch.manual_seed(seed)
    options = {
        "num_classes": 3,
        "num_queries": 30,
        "architecture": SMALL,
        "cascade": (1.0, 0.8, 0.5),
        "object_tokens": 10,
        "denoising": {"queries": 10},
        "preset": "fixed",
    }
    model = FocusDETR(backbone=Strides(), **options | settings)
    for name, parameter in model.named_parameters():
        if "box_heads" in name and name.endswith("2.weight"):
            nn.init.normal_(parameter, std=0.3)
        if "sampling_offsets.weight" in name or "attention_weights.weight" in name:
            nn.init.normal_(parameter, std=0.1)
    return model


def images_of(*sizes, seed=0):
    """Noise of these (height, width), already normalised, padded to one size."""
    generator = torch.Generator().manual_seed(seed)
    height, width = (max(size[axis] for size in sizes) for axis in (0, 1))
    batch = torch.zeros(len(sizes), 3, height, width)
    for row, (own_height, own_width) in zip(batch, sizes, strict=True):
        row[:, :own_height, :own_width] = torch.randn(3, own_height, own_width, generator=generator)
    return {"image": batch}


def sample(size, boxes=(), *, labels=None, ignored=(), **more):
    """Boxes as x1, y1, x2, y2 in pixels."""
    boxes, ignored = (torch.tensor(part, dtype=torch.float32).view(-1, 4) for part in (boxes, ignored))
    labels = torch.zeros(len(boxes), dtype=torch.int64) if labels is None else torch.tensor(labels)
    return DetectionSample(
        metainfo={"ori_shape": size, "img_shape": size} | more,
        gt_instances=InstanceData(bboxes=boxes, labels=labels),
        ignored_instances=InstanceData(bboxes=ignored, labels=torch.zeros(len(ignored), dtype=torch.int64)),
        gt_points=InstanceData(points=(boxes[:, :2] + boxes[:, 2:]) / 2, labels=labels),
    )


def total(losses):
    """What the optimiser sees."""
    return sum(value for name, value in losses.items() if "loss" in name)
