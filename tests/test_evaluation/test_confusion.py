"""Confusion matrix: counts, scores, agreement with mmseg, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from sparsevision.evaluation.functional.confusion import (
    accuracy_from_confusion,
    confusion_matrix,
    iou_from_confusion,
    overall_accuracy,
)
from sparsevision.utils import UserError


def test_counts_truth_by_prediction():
    gt = np.array([[0, 0, 1, 255]])
    pred = np.array([[0, 1, 1, 1]])
    matrix = confusion_matrix(pred, gt, num_classes=3, ignore_index=255)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(iou_from_confusion(matrix), [1 / 2, 1 / 2, np.nan])
    np.testing.assert_array_equal(accuracy_from_confusion(matrix), [1 / 2, 1, np.nan])
    assert overall_accuracy(matrix) == pytest.approx(2 / 3)
    assert np.isnan(overall_accuracy(np.zeros((2, 2), int)))


@settings(max_examples=30, deadline=None)
@given(st.data(), npst.array_shapes(max_dims=2, max_side=9))
def test_matrices_add_up(data, shape):
    labels = npst.arrays(np.uint8, shape, elements=st.integers(0, 3))
    pred, gt = data.draw(labels), data.draw(labels)
    whole = confusion_matrix(pred, gt, num_classes=4, ignore_index=3)
    assert whole.sum() == (gt != 3).sum()
    half = len(pred) // 2
    parts = [confusion_matrix(pred[part], gt[part], num_classes=4, ignore_index=3) for part in np.s_[:half, half:]]
    np.testing.assert_array_equal(whole, sum(parts))


def test_mmseg_reads_our_samples_and_agrees():
    rng = np.random.default_rng(0)
    gt, pred = rng.integers(0, 3, (2, 9, 1)), rng.integers(0, 3, (2, 9, 1))
    gt[:, :2] = 255
    metric = Evaluator(IoUMetric(ignore_index=255, iou_metrics=["mIoU"]))
    metric.dataset_meta = {"classes": ("a", "b", "c")}
    for truth, answer in zip(gt, pred, strict=True):
        sample = SegDataSample(metainfo={"img_path": "a.png"})
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(truth)[None])
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(answer)[None])
        metric.process([sample])
    theirs = metric.evaluate(2)
    matrix = confusion_matrix(pred, gt, num_classes=3, ignore_index=255)
    assert theirs["mIoU"] == pytest.approx(100 * iou_from_confusion(matrix).mean(), abs=0.006)
    assert theirs["mAcc"] == pytest.approx(100 * accuracy_from_confusion(matrix).mean(), abs=0.006)
    assert theirs["aAcc"] == pytest.approx(100 * overall_accuracy(matrix), abs=0.006)


@pytest.mark.parametrize(
    ("pred", "gt", "message"),
    [
        ([0, 1], [0], "shape"),
        ([0.0, 1.0], [0, 1], "float64"),
        ([0, 2], [0, 1], r"pred holds class ids \[2\] outside 0..1"),
        ([0, 1], [0, 254], "ignore_index is 255"),
    ],
)
def test_bad_maps_are_refused(pred, gt, message):
    with pytest.raises(UserError, match=message):
        confusion_matrix(np.array(pred), np.array(gt), num_classes=2, ignore_index=255)
