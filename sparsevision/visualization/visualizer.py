"""The Runner's visualiser: one row of panels for a data sample, whatever fields it has."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.dist import master_only
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer
from numpy.typing import ArrayLike, NDArray

from sparsevision.registry import VISUALIZERS
from sparsevision.visualization.canvas import as_rgb
from sparsevision.visualization.cloud_samples import draw_cloud_sample
from sparsevision.visualization.detections import SCORE_THRESHOLD, draw_detection_sample, has_boxes
from sparsevision.visualization.drawing import draw_label_map, draw_mask, draw_scribbles
from sparsevision.visualization.events import draw_legend, enlarged
from sparsevision.visualization.files import write_image
from sparsevision.visualization.panels import side_by_side
from sparsevision.visualization.passes import draw_passes
from sparsevision.visualization.tokens import draw_sample_tokens
from sparsevision.visualization.view_samples import draw_view_sample

PASS_HEIGHT = 240


@VISUALIZERS.register_module()
class SparseVisualizer(Visualizer):
    """Image, truth, sparse labels and prediction side by side, each if the sample has it.

    Drawn fields: `gt_mask` or `gt_sem_seg`; `sparse_sem_seg`; `pred_mask` or `pred_sem_seg` (masks go first). Fields of
    another size than the image are brought to it. `gensam_passes`
    becomes a second picture, "<name>_passes". Class colours come from the data set's `palette`, if it has one; with
    two classes, class 1 is drawn as a mask and sparse labels in green (1) and red (0). Samples of event recordings
    (with `events_path`) get a legend of the data set's classes, and small ones are enlarged. Samples of point clouds
    (with `points`) are drawn by `draw_cloud_sample`, without an image, and rendered views (with `pred_view`) by
    `draw_view_sample`; samples of detection (with `gt_instances` or `pred_instances`) by `draw_detection_sample`, and
    their `kept_tokens` become a second picture, "<name>_tokens".

    Args:
        name: of this instance.
        ignore_index: value of unlabelled pixels in class maps.
        max_height: taller panels are shrunk to this many pixels.
        score_threshold: boxes of less certain detections are not drawn.
        kwargs: `vis_backends`, `save_dir` and the rest of mmengine's Visualizer.
    """

    def __init__(
        self,
        name: str = "visualizer",
        *,
        ignore_index: int = 255,
        max_height: int = 480,
        score_threshold: float = SCORE_THRESHOLD,
        **kwargs,
    ) -> None:
        super().__init__(name, **kwargs)
        self.ignore_index = ignore_index
        self.max_height = max_height
        self.score_threshold = score_threshold

    @master_only
    def add_datasample(
        self,
        name: str,
        image: NDArray | None,
        data_sample: BaseDataElement | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | Path | None = None,
        step: int = 0,
        extra_panels: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        """Draw a sample and hand the picture on.

        Args:
            name: of the picture in the back-ends.
            image: uint8 RGB (H,W,3) or grey (H,W); None for a point cloud or a rendered view.
            data_sample: the fields to draw, as PixelData (1,H,W).
            draw_gt: draw truth and sparse labels.
            draw_pred: draw predictions.
            show: open a window, where there is a display; without one, say so and go on.
            wait_time: seconds that the window stays; 0 waits for a key.
            out_file: .png or .jpg to write instead of handing the picture to the back-ends.
            step: number that the back-ends add to the name.
            extra_panels: title -> picture, appended to the row.
        """
        picture = self.draw_sample(image, data_sample, draw_gt=draw_gt, draw_pred=draw_pred, extra_panels=extra_panels)
        self.set_image(picture)
        if show:
            self._show(picture, name, wait_time)
        self._hand_on(name, picture, out_file, step)
        if draw_pred and data_sample is not None and data_sample.get("gensam_passes"):
            passes = self._draw_passes(image, data_sample.get("gensam_passes"))
            self._hand_on(f"{name}_passes", passes, out_file and beside(Path(out_file), "_passes"), step)
        if draw_pred and data_sample is not None and data_sample.get("kept_tokens"):
            tokens = draw_sample_tokens(image, data_sample)
            self._hand_on(f"{name}_tokens", tokens, out_file and beside(Path(out_file), "_tokens"), step)

    def _hand_on(self, name: str, picture: NDArray, out_file: str | Path | None, step: int) -> None:
        if out_file is not None:
            write_image(out_file, picture)
        else:
            self.add_image(name, picture, step)

    def _draw_passes(self, image: NDArray, passes: Sequence[Mapping[str, Any]]) -> NDArray:
        chosen = next((index for index, step in enumerate(passes) if step.get("chosen")), None)
        return draw_passes(image, passes, chosen=chosen, height=min(image.shape[0], PASS_HEIGHT))

    def draw_sample(
        self,
        image: NDArray | None,
        data_sample: BaseDataElement | None,
        *,
        draw_gt: bool = True,
        draw_pred: bool = True,
        extra_panels: Mapping[str, ArrayLike] | None = None,
    ) -> NDArray:
        """The picture of `add_datasample`, uint8 RGB."""
        if data_sample is not None and "points" in data_sample:
            return self._draw_cloud(data_sample, draw_gt=draw_gt, draw_pred=draw_pred, extra_panels=extra_panels)
        if data_sample is not None and "pred_view" in data_sample:
            panels = draw_view_sample(data_sample, draw_gt=draw_gt, draw_pred=draw_pred) | dict(extra_panels or {})
            return side_by_side(
                list(panels.values()), list(panels), height=self._panel_height(data_sample.pred_view[0])
            )
        if has_boxes(data_sample):
            panels = self._draw_boxes(image, data_sample, draw_gt=draw_gt, draw_pred=draw_pred)
            panels |= dict(extra_panels or {})
            return side_by_side(list(panels.values()), list(panels))
        canvas = as_rgb(image)
        of_events = data_sample is not None and data_sample.get("events_path") is not None
        if of_events:
            canvas = enlarged(canvas)
        panels = {"events" if of_events else "image": canvas}
        if draw_gt:
            panels["truth"] = self._first(canvas, data_sample, "gt_mask", "gt_sem_seg")
            panels["sparse labels"] = self._first(canvas, data_sample, "sparse_sem_seg")
        if draw_pred:
            panels["prediction"] = self._first(canvas, data_sample, "pred_mask", "pred_sem_seg")
        panels = {title: panel for title, panel in panels.items() if panel is not None} | dict(extra_panels or {})
        row = side_by_side(list(panels.values()), list(panels), height=self._panel_height(canvas))
        return self._with_legend(row) if of_events else row

    def _draw_boxes(
        self, image: NDArray, sample: BaseDataElement, *, draw_gt: bool, draw_pred: bool
    ) -> dict[str, NDArray]:
        return draw_detection_sample(
            image,
            sample,
            names=(self.dataset_meta or {}).get("classes") or (),
            palette=self._palette(),
            draw_gt=draw_gt,
            draw_pred=draw_pred,
            score_threshold=self.score_threshold,
            height=self.max_height,
        )

    def _draw_cloud(
        self,
        sample: BaseDataElement,
        *,
        draw_gt: bool,
        draw_pred: bool,
        extra_panels: Mapping[str, ArrayLike] | None,
    ) -> NDArray:
        names = (self.dataset_meta or {}).get("classes") or [str(label) for label in range(self.ignore_index)]
        picture = draw_cloud_sample(
            sample,
            names=names,
            palette=self._palette(),
            draw_gt=draw_gt,
            draw_pred=draw_pred,
            ignore_index=self.ignore_index,
        )
        return side_by_side([picture, *extra_panels.values()]) if extra_panels else picture

    def _with_legend(self, picture: NDArray) -> NDArray:
        names, palette = (self.dataset_meta or {}).get("classes"), self._palette()
        if not names or palette is None:
            return picture
        return np.vstack([picture, draw_legend(names, palette, width=picture.shape[1])])

    def _panel_height(self, image: NDArray) -> int | None:
        return self.max_height if image.shape[0] > self.max_height else None

    def _first(self, image: NDArray, sample: BaseDataElement | None, *names: str) -> NDArray | None:
        """The panel of the first of these fields that the sample has; None without any."""
        present = [name for name in names if sample is not None and sample.get(name) is not None]
        return self._draw_field(image, present[0], _layer(sample, present[0], image)) if present else None

    def _draw_field(self, image: NDArray, name: str, layer: NDArray) -> NDArray:
        palette = self._palette()
        binary = palette is not None and len(palette) == 2
        if name == "sparse_sem_seg":
            colours = None if binary else palette
            return draw_scribbles(image, layer, ignore_index=self.ignore_index, colours=colours)
        if name.endswith("_mask"):
            return draw_mask(image, layer)
        if binary:
            return draw_mask(image, layer == 1)
        return draw_label_map(image, layer, ignore_index=self.ignore_index, colours=palette)

    def _palette(self) -> NDArray | None:
        palette = (self.dataset_meta or {}).get("palette")
        return None if palette is None else np.asarray(palette, dtype=np.uint8).reshape(-1, 3)

    def _show(self, picture: NDArray, name: str, wait_time: float) -> None:
        if _has_display():
            self.show(picture, win_name=name, wait_time=wait_time)
        else:
            print_log(f"No display to show '{name}' on; use a save_dir or --show-dir to get files.", logger="current")


def beside(path: Path, ending: str) -> Path:
    """a/b.png -> a/b<ending>.png."""
    return path.with_name(path.stem + ending + path.suffix)


def _layer(sample: BaseDataElement, name: str, image: NDArray) -> NDArray:
    """A field as (H,W) of the image's size, nearest neighbour."""
    layer = np.asarray(sample.get(name).data.detach().cpu())
    layer = layer.reshape(layer.shape[-2:])
    if layer.shape == image.shape[:2]:
        return layer
    kind = np.uint8 if layer.dtype == bool else np.float64
    resized = cv2.resize(layer.astype(kind), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return resized.astype(layer.dtype)


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
