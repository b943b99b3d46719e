"""A very small network for clouds, its config, random weights and a prepared scene."""

from pathlib import Path

import numpy as np

from sparsevision.apis.model import build_model
from sparsevision.datasets.points.scene import Scene, write_scene, write_split
from sparsevision.engine import read_config, save_checkpoint
from sparsevision.utils.randomness import seeded_rng

VOXEL = 0.1
CONFIG = '''"""A network of four channels, for tests."""

from sparsevision.datasets import S3DISDataset
from sparsevision.datasets.transforms import LoadPointScene, MakeEvaluationVoxels, PackPointInputs
from sparsevision.evaluation import PointSegMetric
from sparsevision.methods.cpcm import CPCM, Res16UNet

default_scope = None
network = dict(type=Res16UNet, num_classes=13, planes=(4,) * 8, layers=(1,) * 8, first_channels=4)
model = dict(type=CPCM, network=network)
pipeline = [
    dict(type=LoadPointScene), dict(type=MakeEvaluationVoxels, voxel_size={voxel}), dict(type=PackPointInputs)
]
test_dataloader = dict(
    batch_size=1, num_workers=0, dataset=dict(
        type=S3DISDataset, data_root={root}, split="test", test_mode=True, pipeline=pipeline
    ),
)
test_evaluator = dict(type=PointSegMetric)
test_cfg = dict()
'''


def room_table(count: int = 3000) -> np.ndarray:
    """(n,6) x, y, z and whole colours of a floor and two walls."""
    rng = np.random.default_rng(0)
    plane, third = rng.random((count, 2)) * 2, np.arange(count) % 3
    points = np.select(
        [third[:, None] == 0, third[:, None] == 1],
        [np.insert(plane, 2, 0, axis=1), np.insert(plane, 0, 0, axis=1)],
        np.insert(plane, 1, 2, axis=1),
    )
    return np.hstack([points.astype(np.float32), rng.integers(0, 256, (count, 3))]).astype(np.float32)


def write_room(root: Path) -> None:
    """A prepared set of one scene, "Area_5/office_1"."""
    table = room_table()
    segment = (table[:, 2] > 0).astype(np.uint8)
    scene = Scene(coord=table[:, :3].copy(), color=table[:, 3:].astype(np.uint8), segment=segment)
    write_scene(root / "Area_5" / "office_1", scene)
    write_split(root, "test", ["Area_5/office_1"])


def write_config(path: Path, root: Path) -> Path:
    """A config file that tests on the set under `root`."""
    path.write_text(CONFIG.replace("{voxel}", repr(VOXEL)).replace("{root}", repr(str(root))))
    return path


def write_weights(path: Path, config: Path) -> Path:
    """A checkpoint of random weights, with which several classes are found."""
    with seeded_rng(0):
        state = build_model(read_config(config)).state_dict()
    state["network.final.bias"].zero_()
    state["network.final.kernel"] *= 100
    save_checkpoint({"state_dict": state}, path)
    return path
