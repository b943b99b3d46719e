"""Every reader gives what stands in the file, or one clear error, whatever happened to the file's bytes."""

import numpy as np
import pytest
from checkpoint_readers import NEVER_RIGHT
from checkpoint_readers import READERS as CHECKPOINTS
from fuzzing import damaged, damages, outcome
from hypothesis import HealthCheck, example, given, settings
from image_readers import READERS as IMAGES
from point_readers import READERS as POINTS
from scene_readers import READERS as SCENES

READERS = IMAGES | POINTS | SCENES | CHECKPOINTS | NEVER_RIGHT
CUTS = 12
PACKAGES = {"mp4": "av", "gif": "av", "las": "laspy", "laz": "laspy", "onnx": "onnx", "safetensors": "safetensors"}
PLAIN = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(params=sorted(READERS))
def case(request, tmp_path):
    """(reader, file to damage, its bytes) of a format, read once as it is."""
    if request.param in PACKAGES:
        pytest.importorskip(PACKAGES[request.param])
    reader = READERS[request.param]
    path = reader.make(tmp_path)
    assert (outcome(reader, path) is None) == (request.param not in NEVER_RIGHT), "the example itself is whole"
    return reader, path, path.read_bytes()


def check(case, steps):
    reader, path, content = case
    path.write_bytes(damaged(content, steps))
    outcome(reader, path)


@settings(max_examples=25, **PLAIN)
@given(damages)
@example([("cut", 0, b"")])
@example([("cut", 1, b"")])
def test_damage(case, steps):
    check(case, steps)


@pytest.mark.slow
@settings(max_examples=600, **PLAIN)
@given(damages)
def test_much_damage(case, steps):
    check(case, steps)


def test_cuts_are_seen(case):
    reader, path, content = case
    places = {0, 1, len(content) - 1, *np.random.default_rng(7).integers(0, len(content), CUTS).tolist()}
    for size in sorted(places):
        path.write_bytes(content[:size])
        message = outcome(reader, path)
        if reader.cut_is_seen:
            assert message, f"cut at {size} of {len(content)} bytes was not seen"
