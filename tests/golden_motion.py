"""The arrays and weights of Motion-I2V's golden numbers, rebuilt from names."""

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parent / "golden" / "motion_i2v"


def golden_arrays(name):
    """The arrays of one file, by name."""
    return dict(np.load(GOLDEN / f"{name}.npz", allow_pickle=False))


def golden_numbers():
    """The json of the golden folder."""
    return json.loads((GOLDEN / "motion_i2v.json").read_text())


def golden_weight(prefix, key, shape):
    """The tensor that the golden networks hold under an official name."""
    noise = np.random.default_rng(zlib.crc32((prefix + key).encode())).standard_normal(shape)
    if len(shape) >= 2:
        noise = noise / math.sqrt(math.prod(shape[1:]))
    elif key.endswith("weight"):
        noise = 1 + 0.1 * noise
    else:
        noise = 0.1 * noise
    return torch.from_numpy(noise.astype(np.float32))
