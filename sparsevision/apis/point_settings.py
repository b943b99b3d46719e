"""What a config says about the way from a cloud to its network's input: the part that inference needs."""

import inspect
from dataclasses import dataclass

import numpy as np
from mmengine.config import Config
from numpy.typing import NDArray

from sparsevision.datasets.points.dataset import PointSegDataset
from sparsevision.datasets.transforms.points import MakeEvaluationVoxels
from sparsevision.registry import DATASETS, TRANSFORMS
from sparsevision.utils import UserError


@dataclass(frozen=True)
class PointSettings:
    """How a config's test pipeline makes voxels, and what its classes are.

    Attributes:
        voxel_size: metres.
        classes: names.
        palette: (C,3) uint8 RGB.
    """

    voxel_size: float
    classes: tuple[str, ...]
    palette: NDArray[np.uint8]


def point_settings(cfg: Config) -> PointSettings:
    """The settings of a config with a data set of point clouds; nothing is read but the config.

    Raises:
        UserError: the config tests on something else, or makes no voxels.
    """
    wanted = dict(cfg.get("test_dataloader", {}).get("dataset", {}))
    kind = DATASETS.get(wanted["type"]) if isinstance(wanted.get("type"), str) else wanted.get("type")
    if not (inspect.isclass(kind) and issubclass(kind, PointSegDataset)):
        raise UserError(
            f"the config's test_dataloader holds {getattr(kind, '__name__', kind)}, no data set of point clouds; "
            "PointSegInferencer needs the config of a method for clouds, e.g. one of configs/cpcm."
        )
    steps = [TRANSFORMS.build(step) for step in wanted.pop("pipeline", ())]
    voxels = next((step for step in steps if isinstance(step, MakeEvaluationVoxels)), None)
    if voxels is None:
        raise UserError("the config's test pipeline has no MakeEvaluationVoxels, which says how large voxels are.")
    dataset = DATASETS.build({**wanted, "pipeline": [], "lazy_init": True})
    return PointSettings(
        voxel_size=voxels.voxel_size,
        classes=tuple(dataset.metainfo["classes"]),
        palette=np.array(dataset.metainfo["palette"], np.uint8).reshape(-1, 3),
    )
