"""Writes the predictions of a test as files: behind `--out`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor

from sparsevision.datasets.image_io import write_png
from sparsevision.engine.checkpoint import save_checkpoint
from sparsevision.engine.plain import to_plain
from sparsevision.registry import HOOKS
from sparsevision.utils import UserError, atomic_write, check_out_folder, write_json

SHARES = ("pred_mask", "pred_soft_mask", "pred_objectness", "pred_accumulation")
ARRAYS = ("pred_point_", "pred_voxel_", "pred_disparity")


@HOOKS.register_module()
class PredictionWriter(Hook):
    """A file per sample and field, named by the sample, and `metrics.json`.

    `pred_mask` and `pred_soft_mask` become 8-bit PNGs (255 times the probability), and so do a view's `pred_objectness`
    and `pred_accumulation`; `pred_sem_seg` an 8-bit PNG of class ids, `pred_view` one in colours; `pred_disparity` a
    .npy array, and so do `pred_point_labels` and the other fields of clouds, a number a point (labels: uint8 if they
    fit); any other field whose name starts with "pred_" a checkpoint `<sample>.<field>.pt` of tensors, read by
    `load_checkpoint`.

    Args:
        out_dir: the folder.

    Raises:
        UserError: it is a file; or, in a test, two samples have one name, so that the second's files would replace the
            first's.
    """

    priority = "LOW"

    def __init__(self, *, out_dir: str) -> None:
        check_out_folder(out_dir, "PredictionWriter: out_dir")
        self.out_dir = Path(out_dir)
        self._written: set[str] = set()

    def before_test_epoch(self, runner: Any) -> None:
        """A new test may replace the files of the last."""
        self._written.clear()

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[BaseDataElement] | None = None
    ) -> None:
        """Write the predictions of a batch."""
        for number, sample in enumerate(outputs or ()):
            name = str(sample.get("sample_id", f"{runner.rank}_{batch_idx}_{number}"))
            self._check_name(name)
            for field in sample.keys():  # noqa: SIM118 (a BaseDataElement is no mapping)
                if field.startswith("pred_"):
                    self._write(name, field, sample.get(field))

    def _check_name(self, name: str) -> None:
        if name in self._written:
            raise UserError(
                f"{self.out_dir}: two samples of this test have the sample_id '{name}', and the second's files would "
                "replace the first's. Rename one, or test the data sets one by one, each with an --out of its own."
            )
        self._written.add(name)

    def _write(self, name: str, field: str, value: Any) -> None:
        folder = self.out_dir / field
        pixels = value.data if isinstance(value, PixelData | Tensor) else None
        if field in SHARES and pixels is not None:
            write_png(folder / f"{name}.png", _levels(pixels).reshape(pixels.shape[-2:]))
        elif field == "pred_view" and pixels is not None:
            write_png(folder / f"{name}.png", _levels(pixels).transpose(1, 2, 0))
        elif field == "pred_sem_seg" and pixels is not None:
            write_png(folder / f"{name}.png", pixels.cpu().numpy().reshape(pixels.shape[-2:]).astype(np.uint8))
        elif field.startswith(ARRAYS):
            values = value.detach().cpu().numpy()
            small = values.dtype.kind == "i" and 0 <= values.min(initial=0) <= values.max(initial=0) <= 255
            with atomic_write(folder / f"{name}.npy") as file:
                np.save(file, values.astype(np.uint8) if small else values, allow_pickle=False)
        else:
            content = value.to_dict() if isinstance(value, BaseDataElement) else {field: value}
            save_checkpoint({field: to_plain(content, where=field)}, folder / f"{name}.pt")

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the metrics."""
        if is_main_process():
            numbers = to_plain(metrics or {}, lenient=True)
            write_json(self.out_dir / "metrics.json", numbers)


def _levels(shares: Tensor) -> np.ndarray:
    """Numbers in [0, 1], of any shape, as uint8."""
    return np.round(shares.detach().cpu().numpy().astype(np.float64) * 255).astype(np.uint8)
