"""Files that were made to do harm: nothing in them runs, climbs out of its folder or fills the memory."""

import gzip
import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from fuzzing import bounded

from sparsevision.annotation import load_annotations, read_flow
from sparsevision.apis.features import read_matrix
from sparsevision.datasets.detection.yolo import read_data_yaml
from sparsevision.datasets.events.ddd17 import read_index
from sparsevision.datasets.events.reader import read_events
from sparsevision.datasets.points.read_cloud import read_cloud
from sparsevision.datasets.points.scene import read_array
from sparsevision.datasets.views.files import load_npy
from sparsevision.engine import load_checkpoint
from sparsevision.engine.safe_unpickle import safe_unpickle
from sparsevision.methods.motion_i2v.released_files import read_weights
from sparsevision.utils import UserError
from sparsevision.utils.arrays import check_npy
from sparsevision.weights.download import WrongContent
from sparsevision.weights.packages import extract

ARRAYS = {"matrix": read_matrix, "cloud": read_cloud, "scene": read_array, "views": load_npy, "flow": read_flow}
ARRAYS |= {"index": read_index}


class Bomb:
    """Makes a file when it is unpickled the usual way."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mknod, (self.marker,)


@pytest.mark.parametrize("name", ARRAYS)
def test_pickled_arrays_are_refused_and_do_nothing(tmp_path, name):
    path, marker = tmp_path / "a.npy", tmp_path / "it_ran"
    np.save(path, np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"a\.npy"):
        ARRAYS[name](path)
    assert not marker.exists()


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("shape", ["(1000000000000, 3)", "(-1, 3)", "(" * 90 + "1,", "(3, 10**30)"])
def test_arrays_that_announce_more_than_they_hold_take_no_memory(tmp_path, name, shape):
    path = tmp_path / "a.npy"
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(48))
    with bounded(memory=2**24), pytest.raises(UserError, match=r"a\.npy"):
        ARRAYS[name](path)


def test_what_follows_an_array_is_counted():
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    stream.write(b"more")
    size = stream.tell()
    stream.seek(0)
    assert check_npy(stream, size) == 4
    stream.seek(0)
    with pytest.raises(ValueError, match="20 of 24 bytes"):
        check_npy(stream, size - 8)


@pytest.mark.parametrize("reader", [load_annotations, read_events])  # flow of 4 GiB is allowed
def test_archives_of_arrays_neither_run_nor_swell(tmp_path, reader):
    path, marker = tmp_path / "a.npz", tmp_path / "it_ran"
    np.savez(path, x=np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"a\.npz"):
        reader(path)
    assert not marker.exists()
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (2**28,)})
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as file,
    ):
        file.write(stream.getvalue())
        for _ in range(256):
            file.write(bytes(2**20))
    with bounded(memory=2**26), pytest.raises(UserError, match=r"a\.npz"):
        reader(path)


@pytest.mark.parametrize("read", [load_checkpoint, safe_unpickle, read_weights])
def test_a_checkpoint_that_unpacks_to_much_more_is_refused(tmp_path, read):
    torch.save({"w": torch.zeros(3)}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data + bytes(2**27 if name.endswith("data.pkl") else 0))
    with bounded(memory=2**26), pytest.raises(UserError, match=r"a\.pth.*unpacks to 128 MiB"):
        read(tmp_path / "a.pth")


@pytest.mark.parametrize("form", ["zip", "legacy", "whole_module"])
def test_code_in_checkpoints_does_not_run(tmp_path, form):
    path, marker = tmp_path / "a.pth", tmp_path / "it_ran"
    torch.save({"w": torch.zeros(1), "x": Bomb(marker)}, path, _use_new_zipfile_serialization=form != "legacy")
    if form == "whole_module":
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    for read in (load_checkpoint, read_weights):
        with pytest.raises(UserError, match=r"a\.pth"):
            read(path)
    safe_unpickle(path)
    assert not marker.exists()


def test_yaml_tags_make_no_objects(tmp_path):
    marker = tmp_path / "it_ran"
    (tmp_path / "data.yaml").write_text(f"names: !!python/object/apply:os.mknod ['{marker}']\ntrain: .\n")
    with pytest.raises(UserError, match=r"data\.yaml"):
        read_data_yaml(tmp_path / "data.yaml")
    assert not marker.exists()


@pytest.mark.parametrize("name", ["../climbs.bin", "/tmp/../climbs.bin", "in/../../climbs.bin"])
@pytest.mark.parametrize("packed", ["zip", "tar"])
def test_members_that_climb_out_stay_in(tmp_path, name, packed):
    """Only members that the catalogue names come out, under names of the catalogue."""
    path, folder = tmp_path / "a.zip", tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    if packed == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"x")
            archive.writestr("good.bin", b"y")
    else:
        with tarfile.open(path, "w") as archive:
            for own in (name, "good.bin"):
                info = tarfile.TarInfo(own)
                info.size = 1
                archive.addfile(info, io.BytesIO(b"x"))
    extract(path, {"good.bin": "good.bin"}, folder)
    assert [found.name for found in tmp_path.rglob("*.bin")] == ["good.bin"]


def test_a_link_in_a_package_is_not_followed(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("good.bin")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(WrongContent, match=r"not a plain file"):
        extract(tmp_path / "a.tar", {"good.bin": "good.bin"}, tmp_path / "out")


def gzipped_tar(path, *members):
    """Members are (TarInfo, how many zeros follow)."""
    with gzip.open(path, "wb") as stream:
        for info, zeros in members:
            stream.write(info.tobuf(tarfile.GNU_FORMAT))
            stream.write(bytes(-(-zeros // 512) * 512))
        stream.write(bytes(1024))
    return path


def tar_member(name, size, kind=tarfile.REGTYPE):
    """The head of a member that announces `size` bytes."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info


def test_a_member_of_a_zip_that_unpacks_to_too_much_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.bin", bytes(2**21))
        archive.writestr("not_wanted.bin", bytes(2**24))
    with pytest.raises(WrongContent, match=r"a\.zip unpacks to more than 1 MiB"):
        extract(path, {"good.bin": "good.bin"}, tmp_path, most_bytes=2**20)
    extract(path, {"good.bin": "good.bin"}, tmp_path, most_bytes=2**21)
    path.write_bytes(path.read_bytes().replace((2**21).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(WrongContent, match=r"a\.zip is not the expected archive"):
        extract(path, {"good.bin": "lied.bin"}, tmp_path, most_bytes=2**20)
    assert not (tmp_path / "lied.bin").exists() or (tmp_path / "lied.bin").stat().st_size <= 100


@pytest.mark.parametrize(
    "members",
    [
        [(tar_member("good.bin", 2**21), 2**21)],
        [(tar_member("before.bin", 2**21), 2**21), (tar_member("good.bin", 1), 1)],
        [(tar_member("good.bin", 2**50), 10)],
        [(tar_member("head", 2**25, tarfile.XHDTYPE), 2**25), (tar_member("good.bin", 1), 1)],
        [(tar_member("head", 2**40, tarfile.GNUTYPE_LONGNAME), 10), (tar_member("good.bin", 1), 1)],
    ],
    ids=["itself", "what stands before it", "announced", "a header", "a long name"],
)
def test_a_tarball_that_unpacks_to_too_much_is_refused(tmp_path, members):
    path = gzipped_tar(tmp_path / "a.tgz", *members)
    with bounded(memory=2**24), pytest.raises(WrongContent, match=r"a\.tgz unpacks to more than 1 MiB"):
        extract(path, {"good.bin": "good.bin"}, tmp_path, most_bytes=2**20)
    assert not (tmp_path / "good.bin").exists() or (tmp_path / "good.bin").stat().st_size <= 2**20
