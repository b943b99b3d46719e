import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(autouse=True)
def _quick(no_environment_report):
    """Runners start at once."""


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Networks of a few numbers gain nothing from more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
