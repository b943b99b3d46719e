"""One small data set for each of the six methods, and the words that point a shipped config at it."""

from pathlib import Path

import numpy as np
import pytest
from event_sets import CROP, SENSOR, write_dsec_sequence
from point_config import room_table
from tiny_coco import tiny_document, write_tiny_coco

from sparsevision.datasets.points.scene import Scene, write_scene, write_split
from sparsevision.engine import read_config
from sparsevision.engine.overrides import options_of
from sparsevision.studies import StudyTask, build_task
from sparsevision.synthetic.camouflage_set import CamouflageSetSettings, write_camouflage_set
from sparsevision.synthetic.moving_shapes_set import MovingShapesSettings, write_moving_shapes
from sparsevision.synthetic.removal_room_set import SMALL, write_removal_room

ROOMS = ("Area_1/office_1", "Area_1/office_2")


def rooted(root: Path, key: str = "data_root") -> list[str]:
    """Both loaders of a config look below `root`."""
    return [f"{loader}_dataloader.dataset.{key}={root}" for loader in ("train", "test")]


def camouflage(root: Path) -> tuple[str, list[str]]:
    write_camouflage_set(root / "camo", CamouflageSetSettings(train=6, test=2, size=48))
    return "study_sparseseg_resnet18_point_camouflage", [*rooted(root / "camo"), "+study.features=thumbnail"]


def street(root: Path) -> tuple[str, list[str]]:
    for split in ("train", "test"):
        write_dsec_sequence(root / "dsec", "drive", split=split, frames=6, points=(1,))
    sensor = rooted(f"({SENSOR[0]},{SENSOR[1]})", "sensor_size") + rooted(CROP, "crop_bottom")
    grids = "test_dataloader.dataset.pipeline.0.events_per_grid=50"
    return "study_evwsss_e2vid_1click_street", [
        *rooted(root / "dsec"),
        *sensor,
        "train_dataloader.dataset.every=1",
        grids,
    ]


def rooms(root: Path) -> tuple[str, list[str]]:
    table = room_table(600)
    for number, key in enumerate(ROOMS):
        moved = table[:, :3] * (1 + number)
        segment = (table[:, 2] > 0).astype(np.uint8)
        write_scene(
            root / "rooms" / key, Scene(coord=moved.copy(), color=table[:, 3:].astype(np.uint8), segment=segment)
        )
    for split in ("train", "val"):
        write_split(root / "rooms", split, ROOMS)
    return "study_cpcm_res16unet_points_rooms", rooted(root / "rooms")


def boxes(root: Path) -> tuple[str, list[str]]:
    document = tiny_document()
    document["images"] += [{"id": 8, "file_name": "d.png", "height": 40, "width": 60}]
    document["annotations"] += [
        {"id": 20, "image_id": 8, "category_id": 3, "bbox": [5, 5, 20, 20], "iscrowd": 0, "area": 400.0}
    ]
    (root / "coco").mkdir()
    files = write_tiny_coco(root / "coco", document)
    words = rooted(files["ann_file"], "ann_file") + rooted("images", "data_prefix.img") + rooted(2, "num_classes")
    return "tiny_focus_detr_lite0_boxes_4e_shapes", [*rooted(root / "coco"), *words, "+study.features=thumbnail"]


def room_view(root: Path) -> tuple[str, list[str]]:
    write_removal_room(root / "room", SMALL)
    return "tiny_spinnerf_densegrid_masks_300i_room", rooted(root / "room")


def clips(root: Path) -> tuple[str, list[str]]:
    write_moving_shapes(root / "clips", MovingShapesSettings(train=4, val=1, size=32, frames=16))
    folders = [f"train_dataloader.dataset.{key}={root / 'clips' / 'train' / key}" for key in ("truth",)]
    folder = f"train_dataloader.dataset.folder={root / 'clips' / 'train' / 'clips'}"
    return "tiny_motion_i2v_tracks_700i_shapes", [*folders, folder, "+study.features=thumbnail"]


WORLDS = {world.__name__: world for world in (camouflage, street, rooms, boxes, room_view, clips)}


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    """`worlds(name)` -> (config, words of --cfg-options); each is made once."""
    pytest.importorskip("skimage")
    made: dict[str, tuple[str, list[str]]] = {}

    def world(name: str) -> tuple[str, list[str]]:
        if name not in made:
            made[name] = WORLDS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return world


@pytest.fixture(scope="session")
def tasks(worlds):
    """`tasks(name)` -> the `StudyTask` of that world."""
    built: dict[str, StudyTask] = {}

    def task(name: str) -> StudyTask:
        if name not in built:
            config, words = worlds(name)
            built[name] = build_task(read_config(config, options_of(words)), name=config)
        return built[name]

    return task
