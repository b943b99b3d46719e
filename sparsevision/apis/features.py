"""One vector a sample, to choose from: of images, of a trained method, or from a file."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from rich.progress import track

from sparsevision.annotation import AnnotationError, files, npz
from sparsevision.apis.model import init_model
from sparsevision.datasets import ImageFolderDataset
from sparsevision.datasets.image_io import read_image
from sparsevision.engine import read_config
from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError
from sparsevision.utils.arrays import load_npy
from sparsevision.weights import resolve_weights
from sparsevision.weights.download import file_digest

MAX_CACHE_BYTES = 4 * 2**30


def read_matrix(path: str | Path, *, what: str = "features") -> np.ndarray:
    """The array of a .npy file; nothing is unpickled.

    Raises:
        UserError: no such file, not a whole .npy file, or pickled objects in it.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected {what} as a .npy file (numpy.save).")
    try:
        return load_npy(path, mmap=True)
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path}: not a whole .npy file of plain numbers ({str(error)[:80]}); save {what} with "
            "numpy.save(path, array) as float32. Pickled objects are refused."
        ) from error


def image_features(
    images: Mapping[str, Path], *, weights: str | Path = "efficientnet_lite0", cache: Path | None = None
) -> np.ndarray:
    """Pooled EfficientNet-Lite0 features float32 (N, 1280) of image files, in the order of `images`.

    Every image goes through the network alone, so that its vector does not depend on what else is in the folder.

    Args:
        images: {name: file}.
        weights: a file or a catalogue name.
        cache: .npz file to keep them in; read again if the files' names, sizes and times and the weights are the same.

    Raises:
        UserError: a file is no image, or the weights are not there (says how to get them).
    """
    key = _cache_key(images, resolve_weights(weights))
    known = _cached(cache, key) if cache is not None else None
    if known is not None:
        return known
    network = EfficientNetLite0(pretrained=weights)
    steps = track(images.values(), description="Features", transient=True)
    features = np.stack([network.pooled(read_image(path)) for path in steps])
    if cache is not None:
        packed = npz.pack_arrays({"key": np.frombuffer(key.encode(), np.uint8), "features": features})
        files.write_bytes(cache, packed)
    return features


def _cache_key(images: Mapping[str, Path], weights: Path) -> str:
    stats = [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in images.items()]
    return hashlib.sha256(json.dumps([stats, file_digest(weights)]).encode()).hexdigest()


def _cached(path: Path, key: str) -> np.ndarray | None:
    """The features kept under this key; None if there are none, or none that can be read."""
    try:
        arrays = npz.unpack_arrays(files.read_bytes(path, max_bytes=MAX_CACHE_BYTES), max_bytes=MAX_CACHE_BYTES)
    except AnnotationError:
        return None
    same = "key" in arrays and arrays["key"].tobytes() == key.encode()
    return arrays.get("features") if same else None


def method_features(
    config: str | Path | Config,
    checkpoint: str | Path | None,
    *,
    images: str | Path | None = None,
    split: str = "test",
    options: Mapping[str, Any] | None = None,
    device: str | None = None,
) -> tuple[list[str], np.ndarray]:
    """Names and features (N, D) of samples, by a method's `extract_features(inputs) -> (B, D)`.

    Samples pass the config's test pipeline (no augmentation), one at a time.

    Args:
        images: folder, file or glob of images; None takes the config's data.
        split: "train", "val" or "test": whose data loader's set, without `images`.
        options: overrides of the config.

    Raises:
        UserError: the method gives no features, or the config has no such data; see also `init_model`.
    """
    cfg = read_config(config, options)
    model = init_model(cfg, checkpoint, device=device)
    if not hasattr(model, "extract_features"):
        raise UserError(
            f"{type(model).__name__} has no extract_features(inputs) -> (B, D), so that it gives no features to choose "
            "by; see 'Features to choose by' in docs/select_samples.md, or leave --config out."
        )
    dataset = _dataset(cfg, split, images)
    names, rows = [], []
    for index in track(range(len(dataset)), description="Features", transient=True):
        item = dataset[index]
        names.append(str(item["data_samples"].get("sample_id", index)))
        batch = model.data_preprocessor(pseudo_collate([item]), False)
        with torch.inference_mode():
            rows.append(model.extract_features(batch["inputs"])[0].float().cpu().numpy())
    return names, np.stack(rows)


def _dataset(cfg: Config, split: str, images: str | Path | None) -> Any:
    loader, tested = cfg.get(f"{split}_dataloader"), cfg.get("test_dataloader")
    if images is not None and tested is not None:
        return ImageFolderDataset(images=str(images), pipeline=tested.dataset.pipeline, test_mode=True)
    if images is not None or loader is None:
        raise UserError(f"the config has no {'test' if images else split}_dataloader to take samples or steps from.")
    if tested is not None and "pipeline" in loader.dataset and "pipeline" in tested.dataset:
        loader.dataset.pipeline = tested.dataset.pipeline
    return DATASETS.build(loader.dataset)
