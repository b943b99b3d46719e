"""Short names in a config find the methods' classes."""

import subprocess
import sys

CHECK = """
from sparsevision.registry import MODELS
for name in ("GenSAM", "SparseSegmentor", "MobileSAM", "GenericPrompt"):
    assert MODELS.get(name) is not None, name
"""


def test_a_fresh_process_finds_models_by_short_name():
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHECK], check=False, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
