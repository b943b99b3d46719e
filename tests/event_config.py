"""A very small event network, its config and random weights, for recordings of `event_sets`."""

from pathlib import Path

from event_sets import CROP, SENSOR

from sparsevision.apis.model import build_model
from sparsevision.engine import read_config, save_checkpoint
from sparsevision.utils.randomness import seeded_rng

NUM_GRIDS = 4
EVENTS_PER_GRID = 50
CONFIG = '''"""Two small students, for tests."""

from mmseg.evaluation import IoUMetric

from sparsevision.datasets import DSECSemanticDataset, EventPreprocessor
from sparsevision.datasets.transforms import LoadEventGrids, LoadEventLabels, PackEventInputs, ResizeEvents
from sparsevision.methods.ev_wsss import EVWSSS

default_scope = None
model = dict(
    type=EVWSSS, num_classes=11, bins=3, base_channels=4, num_blocks=1,
    data_preprocessor=dict(type=EventPreprocessor),
)
load = dict(type=LoadEventGrids, num_grids={num_grids}, events_per_grid={events_per_grid}, bins=3)
labels = dict(type=LoadEventLabels, fields=("gt_sem_seg", "sparse_sem_seg"))
street = dict(
    type=DSECSemanticDataset, data_root={root!r}, sequences="all", protocol="full", points=1,
    sensor_size={sensor}, crop_bottom={crop}, split="train",
)
train_dataloader = dict(
    batch_size=2, dataset=dict(street, pipeline=[load, labels, dict(type=PackEventInputs)]),
)
test_dataloader = dict(
    batch_size=2,
    dataset=dict(
        street, test_mode=True,
        pipeline=[dict(load, streams=("past",)), labels, {resize}dict(type=PackEventInputs)],
    ),
)
test_evaluator = dict(type=IoUMetric, iou_metrics=["mIoU"])
test_cfg = dict()
'''


def write_config(path: Path, root: Path, *, resized: tuple[int, int] | None = None) -> Path:
    """A config file for the sequences under `root`; `resized`: (height, width) of the grids."""
    resize = "" if resized is None else f"dict(type=ResizeEvents, size={resized}, resize_truth=False), "
    numbers = {"num_grids": NUM_GRIDS, "events_per_grid": EVENTS_PER_GRID, "sensor": SENSOR, "crop": CROP}
    values = {**{key: repr(value) for key, value in numbers.items()}, "root!r": repr(str(root)), "resize": resize}
    text = CONFIG
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_weights(path: Path, config: Path) -> Path:
    """A checkpoint of random weights, always the same."""
    with seeded_rng(0):
        save_checkpoint({"state_dict": build_model(read_config(config)).state_dict()}, path)
    return path
