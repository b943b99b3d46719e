"""One of two processes of test_distributed: trains or tests a toy and writes down what came out."""

import sys
from pathlib import Path

import mmengine.runner.runner
import torch
from toy import ToyModel, settings, validation

from sparsevision.engine import save_checkpoint
from sparsevision.engine.runner import Runner


def five_steps(folder, batch_size, launcher):
    """5 iterations; random states of all ranks are in the checkpoint."""
    return Runner(
        **settings(
            folder,
            launcher=launcher,
            model={"type": ToyModel},
            train_dataloader__batch_size=batch_size,
            train_cfg={"by_epoch": False, "max_iters": 5},
            optim_wrapper={"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 0.1}},
            default_hooks__checkpoint__by_epoch=False,
            default_hooks__checkpoint__interval=5,
            cfg={"sync_bn": "torch"},
            **validation(),
        )
    )


def main():
    mmengine.runner.runner.collect_env = dict
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    runner = five_steps(folder, 2, "pytorch")
    runner.train()
    metrics = runner.val()
    state = runner.model.module.state_dict()
    save_checkpoint({"state_dict": state, "meta": metrics}, folder / f"rank{runner.rank}.pth")


if __name__ == "__main__":
    main()
