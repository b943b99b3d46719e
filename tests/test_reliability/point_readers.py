"""Readers of clouds and of the raw and prepared point sets, each with an example to damage."""

from pathlib import Path

import numpy as np
import raw_clouds
from fuzzing import Reader

from sparsevision.annotation import PointLabels, save_annotations
from sparsevision.datasets.points.las import read_las
from sparsevision.datasets.points.ply import PlyMesh, read_ply, write_ply
from sparsevision.datasets.points.prepare.front_camera import read_calibration
from sparsevision.datasets.points.prepare.s3dis import S3DIS
from sparsevision.datasets.points.prepare.scannet import ScanNet
from sparsevision.datasets.points.prepare.semantic_kitti import SemanticKITTI
from sparsevision.datasets.points.read_cloud import read_cloud
from sparsevision.datasets.points.scannet_predictions import write_scannet_submission
from sparsevision.datasets.points.scene import Scene, read_scene, scene_keys, write_scene, write_split
from sparsevision.datasets.points.sparse_labels import load_point_labels, official_indices
from sparsevision.engine.safe_unpickle import safe_unpickle

RNG = np.random.default_rng(1)
XYZ = RNG.normal(size=(40, 3)).astype(np.float32)
RGB = RNG.integers(0, 256, (40, 3), np.uint8)
TABLE = np.hstack([XYZ, RGB]).astype(np.float32)
FACES = RNG.integers(0, 40, (12, 3)).astype(np.int32)


def ply(folder: Path) -> Path:
    """A mesh, binary."""
    write_ply(folder / "a.ply", PlyMesh(XYZ, RGB, FACES, {"label": np.arange(40, dtype=np.int32)}))
    return folder / "a.ply"


def ply_text(folder: Path) -> Path:
    """A cloud, ASCII."""
    head = "ply\nformat ascii 1.0\nelement vertex 40\n" + "".join(f"property float {axis}\n" for axis in "xyz")
    head += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue")) + "end_header\n"
    rows = "".join(" ".join(map(str, [*row[:3].tolist(), *row[3:].astype(int).tolist()])) + "\n" for row in TABLE)
    (folder / "a.ply").write_text(head + rows)
    return folder / "a.ply"


def pcd(encoding: str):
    """A cloud of PCL."""

    def make(folder: Path) -> Path:
        head = "VERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH 40\nHEIGHT 1\n"
        head += f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 40\nDATA {encoding}\n"
        table = TABLE[:, :4]
        if encoding == "ascii":
            body = "".join(" ".join(map(str, row)) + "\n" for row in table.tolist()).encode()
        elif encoding == "binary":
            body = table.tobytes()
        else:
            plain = table.T.tobytes()
            packed = b"".join(bytes([len(plain[k : k + 32]) - 1]) + plain[k : k + 32] for k in range(0, len(plain), 32))
            body = np.array([len(packed), len(plain)], "<u4").tobytes() + packed
        (folder / "a.pcd").write_bytes(head.encode() + body)
        return folder / "a.pcd"

    return make


def las(name: str):
    """A LAS or LAZ file with colours."""

    def make(folder: Path) -> Path:
        import laspy

        cloud = laspy.LasData(laspy.LasHeader(point_format=3, version="1.2"))
        cloud.header.scales, cloud.header.offsets = [0.001] * 3, [0, 0, 0]
        cloud.x, cloud.y, cloud.z = XYZ.astype(np.float64).T
        cloud.red, cloud.green, cloud.blue = RGB.astype(np.uint16).T
        cloud.write(str(folder / name))
        return folder / name

    return make


def table(name: str):
    """x y z r g b as array, floats or text."""

    def make(folder: Path) -> Path:
        path = folder / name
        if name.endswith(".npy"):
            np.save(path, TABLE)
        elif name.endswith(".bin"):
            path.write_bytes(TABLE[:, :4].tobytes())
        else:
            separator = "," if name.endswith(".csv") else " "
            names = separator.join(["x", "y", "z", "red", "green", "blue"]) + "\n" if name.endswith(".csv") else ""
            np.savetxt(path, TABLE, fmt="%.4f", delimiter=separator, header=names.strip(), comments="")
            if not names:
                path.write_text(path.read_text().lstrip("\n"))
        return path

    return make


def prepared(name: str):
    """A prepared scene, of which one array is to be damaged."""

    def make(folder: Path) -> Path:
        labels = RNG.integers(0, 13, 40)
        write_scene(folder / "scene", Scene(coord=XYZ, color=RGB, segment=labels.astype(np.uint8)))
        return folder / "scene" / name

    return make


def s3dis(folder: Path) -> Path:
    """A room of S3DIS."""
    raw_clouds.write_s3dis_room(folder, "Area_1/office_1")
    return folder / "Area_1/office_1/Annotations/floor_1.txt"


def scannet(suffix: str):
    """A scan of ScanNet."""

    def make(folder: Path) -> Path:
        raw_clouds.write_scannet_tables(folder, {"train": ["scene0000_00"], "val": [], "test": []})
        raw_clouds.write_scannet_scene(folder, "scene0000_00")
        own = folder / "scans/scene0000_00"
        return folder / suffix if suffix.startswith("scannetv2") else own / f"scene0000_00{suffix}"

    return make


def read_scannet(path: Path) -> object:
    """The scene that a damaged file belongs to."""
    root = next(place for place in path.parents if (place / "scannetv2_train.txt").exists())
    raw = ScanNet(root)
    raw.splits()
    return raw.read("scene0000_00")


def kitti(name: str):
    """A scan of SemanticKITTI."""

    def make(folder: Path) -> Path:
        raw_clouds.write_kitti_scan(folder, "00/000000")
        return folder / "sequences/00" / name

    return make


def read_kitti(path: Path) -> object:
    """The scan that a damaged file belongs to."""
    root = next(place.parent for place in path.parents if place.name == "sequences")
    return SemanticKITTI(root).read("00/000000")


def official(folder: Path) -> Path:
    """Indices as CPCM's authors publish them: a pickle in torch's format."""
    import torch

    torch.save({"scene0000_00": np.array([3, 1, 4]), "scene0001_00": [1, 5]}, folder / "indices.pth")
    return folder / "indices.pth"


def labels_of_scene(folder: Path) -> Path:
    """Sparse labels beside a prepared scene."""
    write_scene(folder / "s", Scene(coord=XYZ, color=RGB, segment=np.zeros(40, np.uint8)))
    save_annotations(folder / "labels.npz", {"s": PointLabels(indices=[1, 9], labels=[0, 2], size=(40,))})
    return folder / "labels.npz"


def listed(folder: Path) -> Path:
    """The list of a split."""
    write_scene(folder / "s", Scene(coord=XYZ, color=RGB))
    write_split(folder, "train", ["s"])
    return folder / "splits/train.txt"


def predictions(folder: Path) -> Path:
    """Predicted classes, as a test writes them."""
    write_scene(folder / "scene0707_00", Scene(coord=XYZ, color=RGB))
    write_split(folder, "test", ["scene0707_00"])
    (folder / "predictions").mkdir()
    np.save(folder / "predictions/scene0707_00.npy", np.arange(40, dtype=np.uint8) % 20)
    return folder / "predictions/scene0707_00.npy"


READERS = {
    "ply": Reader(ply, read_cloud),
    "ply_text": Reader(ply_text, read_ply, cut_is_seen=False),
    "pcd_ascii": Reader(pcd("ascii"), read_cloud, cut_is_seen=False),
    "pcd_binary": Reader(pcd("binary"), read_cloud),
    "pcd_compressed": Reader(pcd("binary_compressed"), read_cloud),
    "las": Reader(las("a.las"), read_las),
    "laz": Reader(las("a.laz"), read_cloud),
    "cloud_npy": Reader(table("a.npy"), read_cloud),
    "cloud_txt": Reader(table("a.txt"), read_cloud, cut_is_seen=False),
    "cloud_csv": Reader(table("a.csv"), read_cloud, cut_is_seen=False),
    "cloud_bin": Reader(table("a.bin"), read_cloud, cut_is_seen=False),
    "scene_coord": Reader(prepared("coord.npy"), lambda path: read_scene(path.parent)),
    "scene_colour": Reader(prepared("color.npy"), lambda path: read_scene(path.parent)),
    "scene_in_memory": Reader(prepared("segment.npy"), lambda path: read_scene(path.parent, mmap=False)),
    "s3dis_text": Reader(s3dis, lambda path: S3DIS(path.parents[3]).read("Area_1/office_1"), cut_is_seen=False),
    "scannet_mesh": Reader(scannet("_vh_clean_2.ply"), read_scannet),
    "scannet_segments": Reader(scannet("_vh_clean_2.0.010000.segs.json"), read_scannet),
    "scannet_objects": Reader(scannet(".aggregation.json"), read_scannet),
    "scannet_table": Reader(scannet("scannetv2-labels.combined.tsv"), read_scannet, cut_is_seen=False),
    "scannet_list": Reader(scannet("scannetv2_train.txt"), read_scannet, cut_is_seen=False, named=False),
    "kitti_scan": Reader(kitti("velodyne/000000.bin"), read_kitti, named=False),
    "kitti_labels": Reader(kitti("labels/000000.label"), read_kitti),
    "kitti_calibration": Reader(kitti("calib.txt"), read_kitti, cut_is_seen=False),
    "calibration": Reader(kitti("calib.txt"), read_calibration, cut_is_seen=False),
    "kitti_picture": Reader(kitti("image_2/000000.png"), read_kitti, cut_is_seen=False),
    "official_indices": Reader(official, lambda path: official_indices(safe_unpickle(path).content, path=path)),
    "point_labels": Reader(labels_of_scene, lambda path: load_point_labels(path, root=path.parent, keys=["s"])),
    "split_list": Reader(listed, lambda path: scene_keys(path.parents[1], "train"), cut_is_seen=False),
    "scannet_predictions": Reader(
        predictions,
        lambda path: write_scannet_submission(path.parent, path.parents[1] / "out", root=path.parents[1]),
    ),
}
