"""Objects covered by kept tokens: the geometry by hand, and the metric over a data set."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.evaluation import TokenCoverageMetric
from sparsevision.evaluation.functional.tokens import covered_objects, token_centres
from sparsevision.utils import UserError

SHAPES, STRIDES = [(4, 6), (2, 3)], (8, 16)


def covered(boxes, kept) -> list[bool]:
    """Which boxes these tokens cover."""
    return covered_objects(np.array(boxes), np.array(kept), shapes=SHAPES, strides=STRIDES).tolist()


def test_tokens_lie_in_the_middle_of_their_cells():
    centres = token_centres(SHAPES, STRIDES)
    assert len(centres) == 30
    assert centres[[0, 1, 7, 24, 29]].tolist() == [[4, 4], [12, 4], [12, 12], [8, 8], [40, 24]]


def test_a_token_covers_the_boxes_around_it():
    assert covered([[0, 0, 10, 10], [9, 9, 48, 32]], [0]) == [True, False]
    assert covered([[0, 0, 10, 10], [9, 9, 48, 32]], [7]) == [False, True]
    assert covered([[36, 20, 44, 28]], [29]) == [True]
    assert covered([[36, 20, 44, 28]], []) == [False]


def test_a_box_between_the_centres_is_covered_by_the_finest_cell_alone():
    tiny = [[1, 1, 3, 3]]
    assert covered(tiny, [0]) == [True]
    assert covered(tiny, [1, 6]) == [False]
    assert covered(tiny, [24]) == [False]


def test_everything_is_covered_by_all_tokens_and_boxes_may_touch_the_border():
    assert covered([[47, 31, 48, 32], [0, 0, 48, 32], [2, 2, 3, 3]], range(30)) == [True] * 3
    assert covered(np.zeros((0, 4)), [0]) == []


def sample_with(boxes, kept, *, scale=1.0) -> DetectionSample:
    """A sample of two layers that kept these tokens."""
    sample = DetectionSample(metainfo={"sample_id": "a", "scale_factor": (scale, scale)})
    sample.gt_instances = InstanceData(bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
    sample.kept_tokens = [torch.tensor(tokens, dtype=torch.int64) for tokens in kept]
    sample.token_shapes = SHAPES
    return sample


def evaluate(samples) -> dict[str, float]:
    """Scores of the metric."""
    metric = TokenCoverageMetric()
    metric.process({}, [sample.to_dict() for sample in samples])
    return metric.evaluate(len(samples))


def test_shares_by_layer_and_size():
    boxes = [[0, 0, 10, 10], [0, 0, 48, 32]]  # 100 and 1536 pixels: small and medium
    scores = evaluate([sample_with(boxes, [[0, 7, 29], [7]]), sample_with([], [[1], []])])
    assert scores["covered/first"] == 1.0
    assert scores["covered/last"] == 0.5
    assert (scores["covered/last_small"], scores["covered/last_medium"]) == (0.0, 1.0)
    assert scores["covered/kept"] == pytest.approx((3 + 1 + 1 + 0) / 30 / 4)
    assert "covered/last_large" not in scores


def test_padding_of_a_batch_is_no_token_that_was_left_out():
    sample = sample_with([[0, 0, 10, 10]], [[0, 1, 2], [0]])
    sample.token_count = 10
    assert evaluate([sample])["covered/kept"] == pytest.approx((3 + 1) / 10 / 2)


def test_sizes_are_those_in_the_image_file():
    scores = evaluate([sample_with([[0, 0, 10, 10]], [[0], [0]], scale=0.05)])
    assert scores["covered/last_large"] == 1.0


def test_samples_without_tokens_are_named():
    sample = sample_with([[0, 0, 9, 9]], [[0]])
    del sample.kept_tokens
    with pytest.raises(UserError, match="a: the sample has no kept_tokens"):
        evaluate([sample])
    with pytest.raises(UserError, match="a dense encoder chooses none"):
        evaluate([sample_with([[0, 0, 9, 9]], [])])
    with pytest.raises(UserError, match="strides has 4 entries, the model has 2 levels"):
        TokenCoverageMetric(strides=(8, 16, 32, 64)).process({}, [sample_with([[0, 0, 9, 9]], [[0]])])
    nameless = sample_with([[0, 0, 9, 9]], [[0]])
    del nameless.gt_instances
    with pytest.raises(UserError, match="no gt_instances"):
        evaluate([nameless])
