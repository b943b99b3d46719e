"""`env_cfg.torch_threads`: how many threads torch takes, from the config."""

import pytest
import torch

from sparsevision.engine.runner import Runner
from sparsevision.utils import UserError


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("wanted", "found"), [(1, 1), (3, 3), (None, 2)])
def test_a_config_says_how_many_threads(wanted, found):
    torch.set_num_threads(2)
    runner = Runner.__new__(Runner)
    runner._launcher = "none"
    runner._distributed = False
    runner.setup_env({"torch_threads": wanted})
    assert torch.get_num_threads() == found


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("wrong", [0, -1, "two"])
def test_other_values_are_refused(wrong):
    runner = Runner.__new__(Runner)
    runner._launcher = "none"
    runner._distributed = False
    with pytest.raises(UserError, match="torch_threads="):
        runner.setup_env({"torch_threads": wrong})
