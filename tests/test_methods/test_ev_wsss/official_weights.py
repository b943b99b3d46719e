"""Weights by name, as tests/golden/ev_wsss was made with."""

import zlib

import numpy as np
import torch


def weight(part, key, shape):
    """The tensor of an official key of a sub-model (enc1, enc2, dec1, dec2)."""
    values = np.random.default_rng(zlib.crc32(f"{part}.{key}".encode())).standard_normal(shape)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.long)
    if key.endswith("running_mean"):
        values = 0.1 * values
    elif key.endswith("running_var"):
        values = 1 + 0.1 * np.abs(values)
    elif len(shape) >= 2:
        values = values / np.sqrt(np.prod(shape[1:])) * (20.0 if key.startswith("decoder_scale_5") else 1.0)
    elif ("norm_layer" in key or ".bn" in key) and key.endswith("weight"):
        values = 1 + 0.1 * values
    else:
        values = 0.1 * values
    return torch.from_numpy(np.asarray(values, np.float32))


def norm_keys(prefix, channels):
    """Keys of a batch norm."""
    return {f"{prefix}.{name}": (channels,) for name in ("weight", "bias", "running_mean", "running_var")} | {
        f"{prefix}.num_batches_tracked": ()
    }


def conv_keys(prefix, out_channels, in_channels, side, *, bias=True):
    """Keys of a convolution."""
    keys = {f"{prefix}.weight": (out_channels, in_channels, side, side)}
    return keys | ({f"{prefix}.bias": (out_channels,)} if bias else {})


def encoder_keys():
    """Official keys and shapes of an encoder."""
    keys = conv_keys("head.conv2d", 32, 5, 5)
    for stage, (narrow, wide) in enumerate(((32, 64), (64, 128), (128, 256))):
        keys |= conv_keys(f"encoders.{stage}.conv.conv2d", wide, narrow, 5, bias=False)
        keys |= norm_keys(f"encoders.{stage}.conv.norm_layer", wide)
        keys |= conv_keys(f"encoders.{stage}.recurrent_block.Gates", 4 * wide, 2 * wide, 3)
        keys |= conv_keys(f"proj_head_for_distill_{2 ** (stage + 1)}.conv2d", wide, wide, 1)
    for block in range(2):
        for layer in (1, 2):
            keys |= conv_keys(f"resblocks.{block}.conv{layer}", 256, 256, 3, bias=False)
            keys |= norm_keys(f"resblocks.{block}.bn{layer}", 256)
    return keys


def decoder_keys(num_classes):
    """Official keys and shapes of a decoder."""
    keys = {}
    for block in range(5):
        for layer in (0, 3):
            keys |= conv_keys(f"decoder_scale_1.{block}.model.{layer}", 256, 256, 3)
    for name, wide, narrow in (
        ("1.5", 128, 256), ("2.0", 128, 256), ("2.1", 64, 128), ("3.0", 64, 128), ("3.1", 64, 64), ("4.0", 32, 64),
    ):  # fmt: skip
        keys |= conv_keys(f"decoder_scale_{name}.model.0", wide, narrow, 3)
    return keys | conv_keys("decoder_scale_5.0", num_classes, 32, 1)


def official_state(num_classes, *, wrapper=""):
    """A released checkpoint's four networks; `wrapper` goes in front of every name."""
    keys = {"enc1": encoder_keys(), "dec1": decoder_keys(num_classes)}
    keys |= {"enc2": keys["enc1"], "dec2": keys["dec1"]}
    return {
        part: {wrapper + key: weight(part, key, shape) for key, shape in names.items()} for part, names in keys.items()
    }
