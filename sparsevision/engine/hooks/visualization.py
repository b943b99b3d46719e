"""Draws predictions while a run validates or tests: behind `--show-dir` and `--show`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement
from torch import Tensor

from sparsevision.datasets.image_io import read_image
from sparsevision.datasets.points.scene import read_scene
from sparsevision.registry import HOOKS
from sparsevision.utils import UserError, check_out_folder
from sparsevision.visualization import draw_event_grid
from sparsevision.visualization.cloud_samples import SHOWN_VOXEL, draw_voxel_inputs


@HOOKS.register_module()
class VisualizationHook(Hook):
    """Hands samples with predictions to the Runner's visualizer.

    Args:
        draw: off by default; `tools/test.py --show-dir` and `--show` turn it on.
        interval: draw the samples of every n-th validation batch; testing draws all.
        show: open a window for each.
        wait_time: seconds that a window stays.
        out_dir: folder of the pictures of a test, named by sample; None hands them to the visualizer's back-ends.

    Raises:
        UserError: out_dir is a file.
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
        check_out_folder(out_dir, "VisualizationHook: out_dir")
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
            cloud = "pred_point_labels" in sample
            runner.visualizer.add_datasample(
                prefix + name,
                None if cloud or "pred_view" in sample else _image_of(sample, batch, number),
                with_points(sample) if cloud else sample,
                show=self.show,
                wait_time=self.wait_time,
                out_file=out_file,
                step=step,
            )


def with_points(sample: BaseDataElement) -> BaseDataElement:
    """A sample of a cloud that carries its points and colours, read from its scene's folder if it does not yet.

    Raises:
        UserError: the folder is no prepared scene.
    """
    if "points" in sample or not sample.get("scene_dir"):
        return sample
    scene, drawn = read_scene(sample.get("scene_dir")), sample.new()
    drawn.set_data({"points": np.asarray(scene.coord), "colours": np.asarray(scene.color)})
    if scene.original_to_point is not None:
        drawn.set_data({"original_to_point": np.asarray(scene.original_to_point)})
    return drawn


def _image_of(sample: BaseDataElement, batch: Any, number: int) -> np.ndarray:
    """The sample's picture from its file, at its own size, else the network's input; uint8 RGB (H,W,3)."""
    path = sample.get("img_path")
    if path and Path(path).is_file():
        return read_image(path)
    return input_picture({name: batch["inputs"][name][number] for name in batch["inputs"]}, sample)


def input_picture(inputs: Mapping[str, Tensor], sample: BaseDataElement) -> np.ndarray:
    """The input of one sample as uint8 RGB (H,W,3): its `image`, in 0..255, newest grid of `events`, or voxels.

    Args:
        inputs: by name, as a pipeline packs them: (C,H,W), or `coords` and `colours` of voxels or of two views.
        sample: says in `num_grids` of how many grids the events are made; without it they are one.

    Raises:
        UserError: none of these.
    """
    if "coords" in inputs or "coords1" in inputs:
        return draw_voxel_inputs(inputs, voxel_size=sample.get("voxel_size", SHOWN_VOXEL))
    if "events" in inputs:
        grids = inputs["events"].detach().float().cpu().numpy()
        return draw_event_grid(grids[-(len(grids) // sample.get("num_grids", 1)) :])
    if "image" not in inputs:
        raise UserError(
            f"samples with {', '.join(inputs) or 'no inputs'} cannot be drawn; expected image, events or voxels."
        )
    image = inputs["image"].permute(1, 2, 0).cpu().numpy()
    return image if image.dtype == np.uint8 else np.clip(np.round(image), 0, 255).astype(np.uint8)
