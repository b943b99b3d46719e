"""The golden numbers of EV-WSSS."""

import json
from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "ev_wsss"


@pytest.fixture(scope="session")
def golden():
    """{file name: arrays}, and "numbers" for step.json."""
    files = {path.stem: dict(np.load(path, allow_pickle=False)) for path in GOLDEN.glob("*.npz")}
    return files | {"numbers": json.loads((GOLDEN / "step.json").read_text())}
