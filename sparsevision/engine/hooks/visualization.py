"""Draws predictions while a run validates or tests: behind `--show-dir` and `--show`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement
from torch import Tensor

from sparsevision.datasets.image_io import read_image
from sparsevision.registry import HOOKS
from sparsevision.utils import UserError
from sparsevision.visualization import draw_event_grid


@HOOKS.register_module()
class VisualizationHook(Hook):
    """Hands samples with predictions to the Runner's visualizer.

    Args:
        draw: off by default; `tools/test.py --show-dir` and `--show` turn it on.
        interval: draw the samples of every n-th validation batch; testing draws all.
        show: open a window for each.
        wait_time: seconds that a window stays.
        out_dir: folder of the pictures of a test, named by sample; None hands them to the visualizer's back-ends.
    """

    priority = "LOW"

    def __init__(
        self,
        *,
        draw: bool = False,
        interval: int = 50,
        show: bool = False,
        wait_time: float = 0.0,
        out_dir: str | None = None,
    ) -> None:
        self.draw = draw
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self.out_dir = out_dir

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Draw now and then."""
        if self.draw and self.every_n_inner_iters(batch_idx, self.interval):
            self._draw(runner, data_batch, outputs, step=runner.iter, prefix="val/")

    def after_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Draw every sample."""
        if self.draw:
            self._draw(runner, data_batch, outputs, step=batch_idx, prefix="")

    def _draw(self, runner: Any, batch: Any, outputs: Sequence[BaseDataElement], *, step: int, prefix: str) -> None:
        for number, sample in enumerate(outputs):
            name = str(sample.get("sample_id", f"{step}_{number}"))
            out_file = Path(self.out_dir, f"{name}.png") if self.out_dir and not prefix else None
            runner.visualizer.add_datasample(
                prefix + name,
                _image_of(sample, batch, number),
                sample,
                show=self.show,
                wait_time=self.wait_time,
                out_file=out_file,
                step=step,
            )


def _image_of(sample: BaseDataElement, batch: Any, number: int) -> np.ndarray:
    """The sample's picture from its file, at its own size, else the network's input; uint8 RGB (H,W,3)."""
    path = sample.get("img_path")
    if path and Path(path).is_file():
        return read_image(path)
    return input_picture({name: batch["inputs"][name][number] for name in batch["inputs"]}, sample)


def input_picture(inputs: Mapping[str, Tensor], sample: BaseDataElement) -> np.ndarray:
    """The input of one sample as uint8 RGB (H,W,3): its `image`, in 0..255, or the newest grid of its `events`.

    Args:
        inputs: (C,H,W) by name, as a pipeline packs them.
        sample: says in `num_grids` of how many grids the events are made; without it they are one.

    Raises:
        UserError: neither an image nor events.
    """
    if "events" in inputs:
        grids = inputs["events"].detach().float().cpu().numpy()
        return draw_event_grid(grids[-(len(grids) // sample.get("num_grids", 1)) :])
    if "image" not in inputs:
        raise UserError(f"samples with {', '.join(inputs) or 'no inputs'} cannot be drawn; expected image or events.")
    image = inputs["image"].permute(1, 2, 0).cpu().numpy()
    return image if image.dtype == np.uint8 else np.clip(np.round(image), 0, 255).astype(np.uint8)
