"""A detector without learning: it sees red and blue areas, and keeps the tokens that are the most colourful."""

from pathlib import Path

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import nn

from sparsevision.datasets import ImagePreprocessor
from sparsevision.engine import save_checkpoint
from sparsevision.methods.focus_detr.encoded import Encoded
from sparsevision.registry import MODELS

STRIDES = (8, 16)
CONFIG = '''"""A detector of colours, for tests."""

from sparsevision.datasets import CocoDetectionDataset
from sparsevision.datasets.transforms import LoadBoxes, LoadImage, PackDetectionInputs, ResizeShortSide
from toy_detector import ToyDetector

default_scope = None
model = dict(type=ToyDetector, keep_ratio=0.5)
pipeline = [
    dict(type=LoadImage), dict(type=LoadBoxes), dict(type=ResizeShortSide, short=64), dict(type=PackDetectionInputs)
]
test_dataloader = dict(
    batch_size=1, dataset=dict(type=CocoDetectionDataset, ann_file="none.json", test_mode=True, pipeline=pipeline)
)
'''


class ToyEncoder(nn.Module):
    """Two layers over two levels; the second keeps half of what the first does."""

    def __init__(self, keep_ratio):
        super().__init__()
        self.keep_ratio = keep_ratio

    def encode(self, images, sizes):
        assert [tuple(images.shape[2:])] == [tuple(size) for size in sizes]
        spread = images.std(dim=1, keepdim=True)
        levels = [nn.functional.avg_pool2d(spread, stride, ceil_mode=True) for stride in STRIDES]
        logits = torch.cat([level.flatten(1) for level in levels], dim=1)
        order = logits.argsort(dim=1, descending=True)
        counts = [int(self.keep_ratio * share * logits.shape[1]) for share in (1, 0.5)]
        kept = tuple(order[:, :count] for count in counts)
        valid = [torch.ones_like(tokens, dtype=torch.bool) for tokens in kept]
        valid[1][:, -1] = False
        return Encoded(
            memory=logits[..., None],
            shapes=[tuple(level.shape[2:]) for level in levels],
            padding=torch.zeros_like(logits, dtype=torch.bool),
            valid_ratios=torch.ones(1, len(levels), 2),
            foreground_logits=logits if self.keep_ratio < 1 else None,
            kept=kept,
            kept_valid=tuple(valid),
            proposal_features=logits[..., None],
            proposal_boxes=logits[..., None],
            level_positions=logits[..., None],
        )


@MODELS.register_module()
class ToyDetector(BaseModel):
    """One box around all red pixels (class 0, sure), one around all blue ones (class 1, less so), one of doubt."""

    num_classes = 2

    def __init__(self, *, keep_ratio=0.5, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor or {"type": ImagePreprocessor, "size_divisor": 32})
        self.weight = nn.Parameter(torch.ones(1))
        self.network = ToyEncoder(keep_ratio)

    def forward(self, inputs, data_samples=None, mode="predict"):
        for image, sample in zip(inputs["image"], data_samples, strict=True):
            found = [self._box(image, label, sample) for label in (1, 0)]
            found += [(torch.tensor([0.0, 0.0, 1.0, 1.0]), 0, 0.05)]
            boxes, labels, scores = zip(*[one for one in found if one is not None], strict=True)
            sample.pred_instances = InstanceData(
                bboxes=torch.stack(boxes), labels=torch.tensor(labels), scores=torch.tensor(scores)
            )
        return data_samples

    def _box(self, image, label, sample):
        """Red is channel 0, blue channel 2; the box is in pixels of the file."""
        height, width = sample.img_shape
        pure = image[2 * label] - image[2 - 2 * label] > 2
        rows, columns = torch.nonzero(pure[:height, :width], as_tuple=True)
        if not len(rows):
            return None
        edges = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
        scale = torch.tensor([sample.ori_shape[1] / width, sample.ori_shape[0] / height])
        return edges * scale.repeat(2) * self.weight, label, 0.9 - 0.3 * label


@MODELS.register_module()
class Mute(ToyDetector):
    """It finds nothing to say."""

    def forward(self, inputs, data_samples=None, mode="predict"):
        return data_samples


def write_config(folder: Path) -> Path:
    """A config whose data are not there."""
    path = folder / "toy_detector_config.py"
    path.write_text(CONFIG)
    return path


def write_weights(folder: Path, classes=("red", "blue")) -> Path:
    """A checkpoint as the Runner writes it, which knows the classes."""
    path = folder / "toy_detector.pth"
    meta = {"dataset_meta": {"classes": classes, "palette": [(255, 0, 0), (0, 0, 255)]}}
    save_checkpoint({"state_dict": ToyDetector().state_dict(), "meta": meta}, path)
    return path


def colourful(height=120, width=160, *, red=(20, 30, 60, 70), blue=None) -> np.ndarray:
    """A grey picture with a red box, and perhaps a blue one."""
    image = np.full((height, width, 3), 110, np.uint8)
    for box, colour in ((red, (250, 20, 20)), (blue, (20, 20, 250))):
        if box is not None:
            image[box[1] : box[3], box[0] : box[2]] = colour
    return image
