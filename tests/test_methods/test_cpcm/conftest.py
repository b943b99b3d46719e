"""The golden numbers of CPCM."""

import json

import numpy as np
import pytest
from golden_weights import GOLDEN


@pytest.fixture(scope="session")
def golden():
    """{file name: arrays}, and "numbers" for cpcm.json."""
    files = {path.stem: dict(np.load(path, allow_pickle=False)) for path in GOLDEN.glob("*.npz")}
    return files | {"numbers": json.loads((GOLDEN / "cpcm.json").read_text())}
