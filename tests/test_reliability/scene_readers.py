"""Readers of posed views, videos, lists and small files of settings, each with an example to damage."""

import json
from functools import partial
from pathlib import Path

import numpy as np
from colmap_model import small_model
from fuzzing import Reader
from tiny_coco import write_tiny_coco

from sparsevision.annotation.npz import pack_arrays
from sparsevision.datasets.detection.coco_file import read_box_file
from sparsevision.datasets.detection.yolo import images_of, read_data_yaml
from sparsevision.datasets.detection.yolo import read_image as read_yolo_image
from sparsevision.datasets.events.ddd17 import read_index
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.layouts import read_stems
from sparsevision.datasets.video.clips import probe_clip, read_frames
from sparsevision.datasets.video.loading import LoadClipTruth
from sparsevision.datasets.video.trajectories import TrajectoryJson
from sparsevision.datasets.video.videos import VideoList
from sparsevision.datasets.views.colmap import read_model, write_model
from sparsevision.datasets.views.disparities import read_disparities, read_raw_depth
from sparsevision.datasets.views.labels import read_labels
from sparsevision.datasets.views.llff import load_llff
from sparsevision.datasets.views.pose_bounds import read_pose_bounds
from sparsevision.datasets.views.transforms_json import load_transforms
from sparsevision.datasets.views.transforms_writer import write_transforms
from sparsevision.evaluation.confusion_files import read_confusion, write_confusion
from sparsevision.methods.gensam.keywords import JsonKeywords
from sparsevision.visualization.video import write_video
from sparsevision.zoo.metafile import read_metafile

RNG = np.random.default_rng(2)
PICTURE = RNG.integers(0, 256, (6, 8, 3), np.uint8)
VIEWS = 4
"""Rows of `poses_bounds.npy`: cameras on a line that look ahead."""
POSES = np.stack(
    [
        [0, 1, 0, 0.1 * view, 6, 1, 0, 0, 0, 8, 0, 0, 1, 0, 9.0, 1.0, 5.0]  # down, right, back, centre, size
        for view in range(VIEWS)
    ]
)


def model(part: str, *, as_text: bool):
    """A model of COLMAP, of which one file is to be damaged."""

    def make(folder: Path) -> Path:
        write_model(small_model(), folder / "sparse/0", as_text=as_text)
        return folder / "sparse/0" / f"{part}.{'txt' if as_text else 'bin'}"

    return make


def scene(name: str):
    """A scene of LLFF with labels, disparities and a list of views."""

    def make(folder: Path) -> Path:
        for view in range(VIEWS):
            write_png(folder / f"images/{view:02d}.png", PICTURE)
            write_png(folder / f"images/label/{view:02d}.png", (PICTURE[..., 0] > 200).astype(np.uint8) * 255)
            (folder / "images/depth").mkdir(exist_ok=True)
            np.save(folder / f"images/depth/{view:02d}.npy", RNG.random((6, 8)).astype(np.float32))
        np.save(folder / "poses_bounds.npy", POSES)
        write_transforms(read_scene(folder), folder / "transforms.json")
        return folder / name

    return make


def read_scene(folder: Path) -> object:
    """The scene of a folder by its pose file."""
    return load_llff(folder, factor=1)


def root_of(path: Path) -> Path:
    """The folder of the scene that a file belongs to."""
    return next(place for place in path.parents if (place / "transforms.json").exists())


def video(name: str):
    """Eight small frames."""

    def make(folder: Path) -> Path:
        write_video(folder / name, (PICTURE.repeat(4, 0).repeat(4, 1) for _ in range(8)), fps=8)
        return folder / name

    return make


def gif(folder: Path) -> Path:
    """Three frames."""
    from PIL import Image

    frames = [Image.fromarray(np.roll(PICTURE, step, 1)) for step in range(3)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    return folder / "a.gif"


def watch(path: Path) -> None:
    """What a data set asks of a clip."""
    info = probe_clip(path)
    read_frames(path, [0, min(info.frames, 1000) - 1])


def text(name: str, content: str, **others: str):
    """A file of text, beside one picture and other texts."""

    def make(folder: Path) -> Path:
        write_png(folder / "a.png", PICTURE)
        for own, words in {name: content, **others}.items():
            (folder / own).write_text(words)
        return folder / name

    return make


def truth(folder: Path) -> Path:
    """Flow of a clip."""
    arrays = {"flow": RNG.normal(size=(2, 2, 6, 8)).astype(np.float32), "visible": np.ones((2, 6, 8), bool)}
    arrays |= {"centres": RNG.normal(size=(2, 3, 2)).astype(np.float32), "objects": np.zeros((6, 8), np.uint8)}
    (folder / "a.npz").write_bytes(pack_arrays(arrays | {"offsets": np.arange(2)}))
    return folder / "a.npz"


def read_truth(path: Path) -> None:
    """The truth of a clip of three frames."""
    clip = {"video_path": "a.mp4", "truth_path": str(path), "indices": np.arange(3), "video": np.zeros((3, 6, 8, 3))}
    LoadClipTruth().transform(clip)


def index(folder: Path) -> Path:
    """The index of images of DDD17."""
    np.save(folder / "index.npy", np.cumsum(RNG.integers(0, 9, (20, 3)), axis=0))
    return folder / "index.npy"


def coco(folder: Path) -> Path:
    """The three pictures of `tiny_coco`."""
    write_tiny_coco(folder)
    return next(folder.rglob("*.json"))


def yolo(name: str):
    """One picture in YOLO's folders."""

    def make(folder: Path) -> Path:
        write_png(folder / "images/train/a.png", PICTURE)
        (folder / "labels/train").mkdir(parents=True)
        (folder / "labels/train/a.txt").write_text("0 0.5 0.5 0.25 0.25\n1 0.1 0.1 0.2 0.2 0.3 0.1\n")
        (folder / "list.txt").write_text("images/train/a.png\n")
        (folder / "data.yaml").write_text("path: .\ntrain: [images/train, list.txt]\nnc: 2\nnames: [ant, bee]\n")
        return folder / name

    return make


def read_yolo(path: Path) -> None:
    """The whole set."""
    root = next(place for place in path.parents if (place / "data.yaml").exists())
    found = read_data_yaml(root / "data.yaml")
    for split in found.splits.values():
        for picture in images_of(split):
            read_yolo_image(picture, 1, found)


def confusion(folder: Path) -> Path:
    """A table of two classes."""
    write_confusion(np.array([[5, 1], [2, 7]]), ("ant", "bee"), folder)
    return folder / "confusion_matrix.csv"


METAFILE = """Collections:
  - Name: A
    Paper: {Title: T, URL: https://x}
    README: README.md
Models:
  - Name: a
    In Collection: A
    Config: a.py
    Metadata: {Supervision: points}
"""
TRAJECTORIES = [{"image": "a.png", "tracks": [[[1, 2], [3, 4]], [[5, 5]]], "prompt": "go"}]
KEYWORDS = {"a": {"foreground": ["frog"], "background": ["leaf"]}}
TEXT = {"cut_is_seen": False}
READERS = {
    **{
        f"colmap_{part}_{'text' if as_text else 'binary'}": Reader(
            model(part, as_text=as_text), lambda path: read_model(path.parent), cut_is_seen=not as_text
        )
        for part in ("cameras", "images", "points3D")
        for as_text in (False, True)
    },
    "pose_bounds": Reader(scene("poses_bounds.npy"), read_pose_bounds),
    "llff": Reader(scene("poses_bounds.npy"), lambda path: read_scene(path.parent)),
    "llff_picture": Reader(scene("images/01.png"), lambda path: read_scene(root_of(path)), **TEXT),
    "transforms_json": Reader(scene("transforms.json"), lambda path: load_transforms(path.parent), **TEXT),
    "disparity": Reader(scene("images/depth/01.npy"), lambda path: read_disparities(read_scene(root_of(path)))),
    "depth_npy": Reader(scene("images/depth/01.npy"), partial(read_raw_depth, unit=0.1)),
    "depth_png": Reader(scene("images/label/01.png"), partial(read_raw_depth, unit=0.1), **TEXT),
    "view_label": Reader(scene("images/label/01.png"), lambda path: read_labels(read_scene(root_of(path))), **TEXT),
    "mp4": Reader(video("a.mp4"), watch, **TEXT),
    "gif": Reader(gif, watch, **TEXT),
    "video_list": Reader(
        text("a.jsonl", json.dumps({"video_path": "a.mp4", "caption": "c"}) + "\n"),
        lambda path: list(VideoList.find_clips(_bare(path))),
        **TEXT,
    ),
    "clip_truth": Reader(truth, read_truth),
    "trajectories": Reader(
        text("t.json", json.dumps(TRAJECTORIES)), lambda path: TrajectoryJson(file=path, test_mode=True), **TEXT
    ),
    "keywords": Reader(text("k.json", json.dumps(KEYWORDS)), lambda path: JsonKeywords(path=path)),
    "ddd17_index": Reader(index, read_index),
    "coco": Reader(coco, read_box_file, **TEXT),
    "yolo_settings": Reader(yolo("data.yaml"), read_yolo, named=False, **TEXT),
    "yolo_labels": Reader(yolo("labels/train/a.txt"), read_yolo, **TEXT),
    "yolo_list": Reader(yolo("list.txt"), read_yolo, named=False, **TEXT),
    "stems": Reader(text("stems.txt", "a\nb/c.png\n"), read_stems, **TEXT),
    "confusion": Reader(confusion, read_confusion, **TEXT),
    "metafile": Reader(
        text("metafile.yml", METAFILE, **{"a.py": ""}), lambda path: read_metafile(path, root=path.parent), **TEXT
    ),
}


def _bare(path: Path) -> VideoList:
    """A list without the check of its videos, which are not there."""
    found = VideoList.__new__(VideoList)
    found.file, found.root, found.motion_captions = path, path.parent, False
    return found
