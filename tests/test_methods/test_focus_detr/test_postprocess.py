"""Detections: the best pairs of query and class, in pixels, cut at the border."""

import torch

from sparsevision.methods.focus_detr.postprocess import detections

BOXES = torch.tensor([[0.5, 0.5, 0.2, 0.2], [1.0, 0.5, 0.5, 0.5], [0.5, 0.5, 0.0, 0.2]])
LOGITS = torch.tensor([[0.0, 2.0], [1.0, -1.0], [9.0, -9.0]])


def test_pixels_labels_and_order():
    boxes, labels, scores = detections(LOGITS, BOXES, size=(100, 200))
    assert labels.tolist() == [1, 0, 0, 1]
    torch.testing.assert_close(scores, torch.tensor([2.0, 1, 0, -1]).sigmoid())
    torch.testing.assert_close(boxes[0], torch.tensor([80.0, 40.0, 120.0, 60.0]))
    torch.testing.assert_close(boxes[1], torch.tensor([150.0, 25.0, 200.0, 75.0]))


def test_only_the_best_are_kept():
    assert detections(LOGITS, BOXES, size=(10, 10), top=2)[2].tolist() == [torch.tensor(2.0).sigmoid().item()]


def test_queries_that_do_not_exist_are_not_found():
    padding = torch.tensor([True, False, True])
    assert detections(LOGITS, BOXES, size=(10, 10), padding=padding)[1].tolist() == [0, 1]
    assert len(detections(LOGITS, BOXES, size=(10, 10), padding=padding | True)[0]) == 0
