"""SparseVisualizer: fields decide what is drawn; files, back-ends and mmseg's hook get the picture."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.structures import SegDataSample

from sparsevision.registry import VISUALIZERS
from sparsevision.visualization import SparseVisualizer

IMAGE = np.full((48, 64, 3), 120, np.uint8)


def make_sample(*, size=(48, 64), **fields):
    values = {
        "gt_mask": torch.ones(1, *size, dtype=torch.bool),
        "gt_sem_seg": torch.ones(1, *size, dtype=torch.long),
        "sparse_sem_seg": torch.full((1, *size), 255),
        "pred_mask": torch.rand(1, *size),
        "pred_sem_seg": torch.zeros(1, *size, dtype=torch.long),
    }
    sample = SegDataSample(metainfo={"img_path": "unused"})
    sample.set_data({name: PixelData(data=values[name]) for name, wanted in fields.items() if wanted})
    return sample


def count_panels(picture) -> int:
    return round((picture.shape[1] + 4) / (picture.shape[0] - 22) / (64 / 48))


@pytest.mark.parametrize(
    ("fields", "panels"),
    [
        ({}, 1),
        ({"gt_mask": 1, "pred_mask": 1}, 3),
        ({"gt_mask": 1, "gt_sem_seg": 1, "sparse_sem_seg": 1, "pred_mask": 1, "pred_sem_seg": 1}, 4),
        ({"sparse_sem_seg": 1, "pred_sem_seg": 1}, 3),
    ],
)
def test_a_panel_for_each_kind_of_field(fields, panels):
    visualizer = SparseVisualizer()
    assert count_panels(visualizer.draw_sample(IMAGE, make_sample(**fields))) == panels


def test_truth_and_prediction_can_be_left_out():
    sample = make_sample(gt_mask=1, sparse_sem_seg=1, pred_mask=1)
    visualizer = SparseVisualizer()
    assert count_panels(visualizer.draw_sample(IMAGE, sample, draw_gt=False)) == 2
    assert count_panels(visualizer.draw_sample(IMAGE, sample, draw_pred=False)) == 3
    assert count_panels(visualizer.draw_sample(IMAGE, None, extra_panels={"heat": IMAGE})) == 2


def test_fields_of_another_size_and_grey_images_are_drawn():
    fields = dict.fromkeys(("gt_mask", "sparse_sem_seg", "pred_mask"), 1)
    picture = SparseVisualizer().draw_sample(IMAGE[..., 0], make_sample(size=(24, 31), **fields))
    assert count_panels(picture) == 4


def test_tall_images_are_shrunk():
    picture = SparseVisualizer(max_height=100).draw_sample(np.zeros((900, 300, 3), np.uint8), None)
    assert picture.shape == (122, 33, 3)


def test_the_palette_of_the_data_set_colours_classes():
    sample = make_sample(gt_sem_seg=1)
    visualizer = SparseVisualizer()
    visualizer.dataset_meta = {"palette": [(0, 0, 0), (0, 0, 255), (255, 0, 0)]}
    truth = visualizer.draw_sample(IMAGE, sample)[-1, -1]
    assert truth[2] > 150 > truth[0]


def test_two_classes_are_drawn_as_a_mask():
    visualizer = SparseVisualizer()
    visualizer.dataset_meta = {"palette": [(0, 0, 0), (255, 255, 255)]}
    background = visualizer.draw_sample(IMAGE, make_sample(pred_sem_seg=1))[60, -10]
    np.testing.assert_array_equal(background, (120, 120, 120))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_out_file_gets_the_picture(tmp_path, suffix):
    visualizer = SparseVisualizer()
    visualizer.add_datasample("a", IMAGE, make_sample(pred_mask=1), out_file=tmp_path / f"new/a{suffix}")
    written = cv2.imread(str(tmp_path / f"new/a{suffix}"))
    assert written.shape == visualizer.get_image().shape


def test_passes_become_a_second_picture(tmp_path):
    sample = make_sample(pred_mask=1)
    step = {"heatmap": np.eye(4).reshape(16, 1), "points": [[3, 4]], "labels": [1], "box": None, "mask": None}
    sample.gensam_passes = [{**step, "chosen": False}, {**step, "chosen": True}]
    SparseVisualizer("passes").add_datasample("cat", IMAGE, sample, out_file=tmp_path / "cat.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.png", "cat_passes.png"]
    assert cv2.imread(str(tmp_path / "cat_passes.png")).shape[1] > 2 * 64


def test_without_a_display_showing_is_a_remark(monkeypatch, tmp_path):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    SparseVisualizer().add_datasample("a", IMAGE, show=True, out_file=tmp_path / "a.png")
    assert (tmp_path / "a.png").is_file()


def test_mmseg_hook_drives_it(tmp_path):
    cv2.imwrite(str(tmp_path / "frog.png"), IMAGE)
    visualizer = VISUALIZERS.build(
        {
            "type": "SparseVisualizer",
            "name": "hook_test",
            "vis_backends": [{"type": "LocalVisBackend"}],
            "save_dir": str(tmp_path / "out"),
        }
    )
    hook = SegVisualizationHook(draw=True, interval=1)
    hook._visualizer = visualizer
    sample = make_sample(gt_mask=1, pred_mask=1)
    sample.set_metainfo({"img_path": str(tmp_path / "frog.png")})
    hook.after_test_iter(SimpleNamespace(iter=0), 0, {}, [sample])
    hook.after_val_iter(SimpleNamespace(iter=3), 0, {}, [sample])
    assert len(list((tmp_path / "out").rglob("*frog*.png"))) == 2
