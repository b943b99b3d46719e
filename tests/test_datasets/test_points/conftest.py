"""The golden cloud, a random one, and raw rooms."""

from pathlib import Path

import numpy as np
import pytest
from raw_clouds import S3DIS_ROOMS, write_s3dis_room

from sparsevision.datasets.points.cloud import PointCloud

GOLDEN = Path(__file__).parents[2] / "golden" / "cpcm" / "voxel.npz"


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    """Arrays of the published voxeliser, distortion and auto-contrast."""
    with np.load(GOLDEN) as arrays:
        return dict(arrays)


@pytest.fixture
def cloud() -> PointCloud:
    """5000 points of a room of 6 x 5 x 2.5 m, every 50th labelled."""
    rng = np.random.default_rng(7)
    labels = np.where(np.arange(5000) % 50 == 3, rng.integers(13, size=5000), 255)
    return PointCloud(
        points=(rng.random((5000, 3)) * [6, 5, 2.5]).astype(np.float32),
        colours=rng.integers(256, size=(5000, 3)).astype(np.uint8),
        labels=labels,
    )


@pytest.fixture
def raw(tmp_path):
    """Four rooms in three areas, and their points."""
    root = tmp_path / "Stanford3dDataset_v1.2_Aligned_Version"
    for place, key in enumerate(S3DIS_ROOMS):
        write_s3dis_room(root, key, decimals=bool(place % 2))
    return root
