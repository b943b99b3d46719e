"""kill -9 at any step of a converter: the same command again gives what a run gives that nothing happened to."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import raw_clouds
import torch
from event_sets import CROP, SENSOR, write_dsec_sequence, write_night_sequence
from killing import check_kills
from scene_readers import scene, video, yolo

from sparsevision.datasets.image_io import write_png
from sparsevision.synthetic.set_folder import write_set

QUICK = ("scribbles", "yolo", "make_safe")
SMALL = ("--sensor-size", *SENSOR, "--crop-bottom", CROP)


def labels(folder: Path) -> Path:
    """Three label PNGs: 0 unlabelled, 1 foreground, 2 background."""
    for number in range(3):
        image = np.zeros((24, 30), np.uint8)
        image[3:6, 4 + number : 7 + number] = 1
        image[12:15, 9:12] = 2
        write_png(folder / f"{number}.png", image)
    return folder


def s3dis(folder: Path) -> Path:
    """Two rooms."""
    for key in raw_clouds.S3DIS_ROOMS[:2]:
        raw_clouds.write_s3dis_room(folder, key)
    return folder


def scannet(folder: Path) -> Path:
    """Two scans."""
    keys = {"train": ["scene0000_00"], "val": ["scene0001_00"], "test": []}
    raw_clouds.write_scannet_tables(folder, keys)
    for key in ("scene0000_00", "scene0001_00"):
        raw_clouds.write_scannet_scene(folder, key)
    return folder


def kitti(folder: Path) -> Path:
    """Two scans of driving."""
    for key in ("00/000000", "08/000000"):
        raw_clouds.write_kitti_scan(folder, key)
    return folder


def dsec(folder: Path) -> Path:
    """One drive."""
    write_dsec_sequence(folder, "street", frames=3)
    return folder


def night(folder: Path) -> Path:
    """One drive by night."""
    write_night_sequence(folder, "zurich_city_09_b", frames=2)
    return folder


def views(folder: Path) -> Path:
    """A scene of four views."""
    scene("poses_bounds.npy")(folder)
    (folder / "transforms.json").unlink()
    shutil.rmtree(folder / "images/depth")  # arrays of ours, which no release has
    return folder


def videos(folder: Path) -> Path:
    """A short video."""
    video("a.mp4")(folder)
    return folder


def yolo_set(folder: Path) -> Path:
    """One labelled picture."""
    yolo("data.yaml")(folder)
    return folder


def checkpoint(folder: Path) -> Path:
    """Other people's weights."""
    torch.save({"model": {"w": torch.arange(3.0)}, "epoch": 3}, folder / "foreign.pt")
    return folder / "foreign.pt"


Case = tuple[str, Callable[[Path], Path], tuple]
CONVERTERS: dict[str, Case] = {
    "scribbles": ("dataset_converters/s_cod_scribbles.py", labels, ("--out", "OUT")),
    "points": ("dataset_converters/p_cod_points.py", labels, ("--out", "OUT")),
    "s3dis": ("dataset_converters/s3dis.py", s3dis, ("--out", "OUT", "--workers", 1)),
    "scannet": ("dataset_converters/scannet.py", scannet, ("--out", "OUT", "--workers", 1)),
    "kitti": ("dataset_converters/semantic_kitti.py", kitti, ("--out", "OUT", "--workers", 1)),
    "dsec": (
        "dataset_converters/dsec_semantic.py",
        dsec,
        ("--out", "OUT", "--splits", "train", "--sequences", "street", "--points", 1, "--copy", *SMALL),
    ),
    "yolo": ("dataset_converters/yolo.py", yolo_set, ("--out", "OUT")),
    "views": ("dataset_converters/spin_nerf.py", views, ("--out", "OUT", "--factor", 1, "--layout", "llff")),
    "list_of_views": ("dataset_converters/transforms_json.py", views, ("--out", "OUT", "--factor", 1)),
    "videos": (
        "dataset_converters/video_clips.py",
        videos,
        ("--out", "OUT", "--frames", 3, "--stride", 1, "--size", 24, 32, "--flow", "dis"),
    ),
    "make_safe": ("model_converters/make_safe.py", checkpoint, ("OUT/safe.pth",)),
}


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CONVERTERS]
)
def test_a_killed_conversion_is_completed(tmp_path, name):
    tool, make, options = CONVERTERS[name]
    (tmp_path / "raw").mkdir()
    source = make(tmp_path / "raw")
    check_kills(
        lambda folder: [tool, source, *(str(word).replace("OUT", str(folder / "out")) for word in options)], tmp_path
    )


def test_what_a_killed_set_left_goes_with_the_next(tmp_path):
    litter = tmp_path / ".set.abc123"
    litter.mkdir()
    (litter / "a.txt").write_text("half")
    os.utime(litter, (0, 0))
    (tmp_path / ".set.running").mkdir()

    def write(folder: Path) -> None:
        (folder / "a.txt").write_text("a")

    assert write_set(tmp_path / "set", {"set": "test", "seed": 1}, write)
    assert not write_set(tmp_path / "set", {"set": "test", "seed": 1}, write)
    assert (tmp_path / "set/a.txt").read_text() == "a"
    assert not litter.exists(), "a day old: its run is no more"
    assert (tmp_path / ".set.running").exists(), "another run may be at work there"


def test_a_set_that_is_replaced_is_there_until_the_new_one_is(tmp_path, monkeypatch):
    def write(folder: Path) -> None:
        (folder / "a.txt").write_text("a")

    write_set(tmp_path / "set", {"set": "test", "seed": 1}, write)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_set(tmp_path / "set", {"set": "test", "seed": 2}, write, overwrite=True)
    assert (tmp_path / "set/a.txt").read_text() == "a"
