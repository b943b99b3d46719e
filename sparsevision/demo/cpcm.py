"""Rooms as point clouds, learnt from one point in a thousand."""

import json
from pathlib import Path

import numpy as np

from sparsevision.apis.point_settings import point_settings
from sparsevision.datasets.points.classes import IGNORE_INDEX, S3DIS13
from sparsevision.datasets.points.scene import read_scene, scene_keys
from sparsevision.datasets.points.voxelise import voxelize
from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.demo.training import Training
from sparsevision.engine import call_tool, read_config
from sparsevision.evaluation.functional.confusion import confusion_matrix
from sparsevision.evaluation.points import scores_of

TRAINING = Training("tiny_cpcm_res16unet_0p1pct_40e_rooms", steps=16)
RAW = Path("data/tiny_rooms")
DATA = "data/tiny_rooms_s3dis"
SPLIT = "val"
WALL = S3DIS13.classes.index("wall")
SHOWN = ("mIoU", "mIoU_point", "allAcc")
ROOMS = ("Area_5_conferenceRoom_1", "Area_5_lounge_1")
SEGMENTED = RAW / "s3dis" / "Area_5" / "office_1" / "office_1.txt"


def run(folder: Path) -> DemoResult:
    """Make the rooms, prepare and label them, train, test, and segment the text file of one room."""
    config, work_dir, out = TRAINING.config, folder / "run", folder / "predictions"
    pictures, segmented = folder / "pictures", folder / "segmented"
    made = [
        call_tool("make_synthetic.py", "rooms", "--out", RAW, "--seed", "0"),
        call_tool("dataset_converters/s3dis.py", RAW / "s3dis", "--out", DATA),
        call_tool(
            "annotation/point_labels.py", DATA, "--protocol", "class_even", "--budget", "0.001", "--seed", "0"
        ),
    ]  # fmt: skip
    trained = TRAINING.run(work_dir)
    after = [
        call_tool(
            "test.py", config, trained.checkpoint, "--work-dir", work_dir, "--out", out, "--show-dir", pictures
        ),
        call_tool("point_segment.py", config, trained.checkpoint, SEGMENTED, "--out-dir", segmented),
    ]  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    return DemoResult(
        pictures=_pictures(pictures, segmented),
        metrics={
            "trained from 0.1 % of the points": {name: metrics[name] for name in SHOWN},
            "answering “wall”": score_constant(
                Path(DATA), WALL, voxel_size=point_settings(read_config(config)).voxel_size
            ),
        },
        commands=[*made, *trained.commands, *after],
        remark="Percent, on rooms that training never saw; mIoU and allAcc count voxels, mIoU_point the points of the "
        f"files. {trained.remark} What the whole of it reaches, and what each part of the method brings: "
        "configs/cpcm/README.md.",
    )


def score_constant(root: Path, answer: int, *, voxel_size: float) -> dict[str, float]:
    """Percent that one class everywhere scores on the rooms of a prepared set of S3DIS that are tested on.

    Args:
        root: the set.
        answer: the class.
        voxel_size: metres.
    """
    voxels = points = 0
    for key in scene_keys(root, SPLIT):
        scene = read_scene(root / key)
        voxels += _counts(scene.segment[voxelize(scene.coord, voxel_size=voxel_size).representative], answer)
        points += _counts(scene.segment if scene.original_segment is None else scene.original_segment, answer)
    scores = scores_of(voxels) | {"mIoU_point": scores_of(points)["mIoU"]}
    return {name: scores[name] for name in SHOWN}


def _counts(truth: np.ndarray, answer: int) -> np.ndarray:
    return confusion_matrix(np.full_like(truth, answer), truth, num_classes=len(S3DIS13), ignore_index=IGNORE_INDEX)


def _pictures(rooms: Path, segmented: Path) -> list[Picture]:
    """Two rooms with their truth, and the room that came as a text file."""
    tested = [Picture(rooms / f"{name}.png", f"{name}: colours, truth, prediction") for name in ROOMS]
    return [
        *tested,
        Picture(segmented / f"{SEGMENTED.stem}.png", f"{SEGMENTED.name}, a file of x y z r g b: colours, prediction"),
    ]


ENTRY = DemoEntry(
    name="cpcm",
    title="Point clouds: rooms from one point in a thousand",
    about="A sparse U-Net learns to segment scanned rooms. In 13 of them 0.1 % of the points have a class, at least "
    "one of each class. It sees every room twice, turned and coloured differently, and once more with many colours "
    "hidden, which must not change its answer. Rooms are built and scanned here, with photographs of scikit-image on "
    "their surfaces.",
    run=run,
    longer=TRAINING.longer,
)
