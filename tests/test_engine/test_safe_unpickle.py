import argparse
import collections
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from pickle_bomb import Bomb

from sparsevision.engine import CheckpointError, load_checkpoint
from sparsevision.engine.safe_unpickle import Placeholder, safe_unpickle


def content(tmp_path):
    return {
        "state_dict": collections.OrderedDict(w=torch.arange(6.0).view(2, 3).t(), b=torch.nn.Parameter(torch.ones(2))),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "array": np.arange(6, dtype=">i4").reshape(2, 3),
        "scalar": np.float64(1.5),
        "words": np.array(["a", "bc"]),
        "mixed": np.array([1, "x", None], dtype=object),
        "args": argparse.Namespace(lr=0.1, steps=[1]),
        "bomb": Bomb(tmp_path / "it_ran"),
        "builtins": [{1, 2}, slice(1, 2), b"\x00\xff", 1 + 2j, torch.Size([2, 3])],
        "empty": torch.ones(0, 3),
    }


@pytest.mark.parametrize("form", ["zip", "legacy", 2, 3, 4, 5])
def test_data_is_rebuilt_and_objects_are_inert(tmp_path, form):
    path, original = tmp_path / "a.pth", content(tmp_path)
    if isinstance(form, int):
        path.write_bytes(pickle.dumps(original, protocol=form))
    else:
        torch.save(original, path, _use_new_zipfile_serialization=form == "zip")
    result = safe_unpickle(path)
    read = result.content
    assert result.placeholders == ["argparse.Namespace", f"{os.system.__module__}.system"]
    assert not (tmp_path / "it_ran").exists()
    assert isinstance(read["bomb"], Placeholder)
    assert dict(read["args"]) == {"lr": 0.1, "steps": [1]}
    assert torch.equal(read["state_dict"]["w"], original["state_dict"]["w"])
    assert torch.equal(read["state_dict"]["b"], torch.ones(2))
    assert torch.equal(read["half"], original["half"])
    assert read["scalar"] == 1.5
    for name in ("array", "words", "mixed"):
        assert np.array_equal(read[name], original[name])
    assert read["builtins"] == [{1, 2}, slice(1, 2), b"\x00\xff", 1 + 2j, (2, 3)]
    assert read["empty"].shape == (0, 3)


@pytest.mark.parametrize(
    ("stored", "shape", "stride", "told"),
    [
        (4, b"K\x08", b"K\x01", "reaches outside its storage"),
        (1, b"J\x00\x00\x00\x40", b"K\x00", r"shape \(1073741824,\) repeats the 1 values of its storage"),
    ],
    ids=["eight of four values", "a billion of one value"],
)
def test_a_tensor_of_more_than_its_storage_is_refused(tmp_path, stored, shape, stride, told):
    path = tmp_path / "wild.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "a/data.pkl",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
            b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK%ctQK\x00%b\x85%b\x85\x89NtR." % (stored, shape, stride),
        )
        archive.writestr("a/data/0", bytes(4 * stored))
    with pytest.raises(CheckpointError, match=told):
        safe_unpickle(path)


def test_a_tensor_that_was_expanded_is_rebuilt(tmp_path):
    torch.save({"weight": torch.tensor([0.5]).expand(3, 4)}, tmp_path / "expanded.pth")
    assert torch.equal(safe_unpickle(tmp_path / "expanded.pth").content["weight"], torch.full((3, 4), 0.5))


@pytest.mark.parametrize("kind", ["bytes", "bytearray"])
def test_bytes_of_a_length_are_refused(tmp_path, kind):
    path = tmp_path / "long.pkl"
    path.write_bytes(b"cbuiltins\n" + kind.encode() + b"\n(I1000000\ntR.")
    with pytest.raises(CheckpointError, match=f"{kind} of a length, 1000000"):
        safe_unpickle(path)


@pytest.mark.parametrize(
    "stream",
    [
        b"cos\nsystem\n(S'echo'\ntR.",
        b"(S'echo'\nios\nsystem\n.",
        b"(cos\nsystem\nS'echo'\no.",
        b"cbuiltins\ngetattr\n(cbuiltins\ndict\nS'clear'\ntR.",
    ],
)
def test_every_way_to_call_a_global_ends_in_a_placeholder(tmp_path, stream):
    path = tmp_path / "a.pkl"
    path.write_bytes(stream)
    result = safe_unpickle(path)
    assert isinstance(result.content, Placeholder)
    assert len(result.placeholders) == 1


def test_only_table_entries_are_called(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"S'text'\n(S'x'\ntR.")
    with pytest.raises(CheckpointError, match="a call of text"):
        safe_unpickle(path)


def test_weights_in_a_zip_archive_are_to_be_unpacked(tmp_path):
    """As some authors release them."""
    path = tmp_path / "released.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("focus_detr.pth", b"weights")
        archive.writestr("log.txt", b"log")
    for read in (safe_unpickle, load_checkpoint):
        with pytest.raises(CheckpointError, match=r"holds focus_detr\.pth and 1 more \(unpack it first\)"):
            read(path)


def test_damage_is_told(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"w": torch.ones(100)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match="cut short"):
        safe_unpickle(path)
    torch.save({"w": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match="damaged"):
        safe_unpickle(path)
