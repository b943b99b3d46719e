"""A transform whose process ends once, at the first sample after a file is there."""

import os
import signal
from pathlib import Path

from torch.utils.data import get_worker_info

from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError


def refuse() -> None:
    """As a reader does with a broken file."""
    raise UserError("scan_7.png: the image is damaged or cut off.")


ENDS = {
    "is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exits": lambda: os._exit(3),
    "leaves": lambda: os._exit(0),
    "refuses": refuse,
}


@TRANSFORMS.register_module()
class Dies:
    """Passes samples on, but for the one at which it dies.

    Args:
        how: a key of ENDS.
        after: a file, or a link; it dies once that is there.
        mark: a file that it makes before, so that it dies once.
    """

    def __init__(self, *, how: str, after: str, mark: str) -> None:
        self.how, self.after, self.mark = how, Path(after), Path(mark)

    def __call__(self, results: dict) -> dict:
        if self.after.exists() and not self.mark.exists():
            assert get_worker_info() is not None, "the main process is to live"
            self.mark.touch()
            ENDS[self.how]()
        return results
