"""The sample that travels with an image: its fields survive stacking into batches, copies and moves."""

import pickle

import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData

from sparsevision.datasets.detection.sample import DetectionSample


def sample_of(boxes: list[list[float]]) -> DetectionSample:
    """A sample with these boxes, all of class 0."""
    sample = DetectionSample(metainfo={"img_id": 7, "img_shape": (40, 60)})
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        labels=torch.zeros(len(boxes), dtype=torch.int64),
    )
    return sample


def test_a_sample_holds_boxes_and_metainfo_side_by_side():
    sample = sample_of([[0, 0, 60, 40]])
    assert (sample.img_id, sample.img_shape) == (7, (40, 60))
    assert "img_id" not in list(sample.keys())
    assert sample.gt_instances.bboxes.shape == (1, 4)


def test_samples_with_and_without_boxes_share_a_batch():
    batch = pseudo_collate([{"data_samples": sample_of([])}, {"data_samples": sample_of([[1, 2, 3, 4], [5, 6, 7, 8]])}])
    assert [len(sample.gt_instances) for sample in batch["data_samples"]] == [0, 2]


def test_workers_can_send_samples():
    sample = pickle.loads(pickle.dumps(sample_of([[1, 2, 3, 4]])))
    assert torch.equal(sample.gt_instances.bboxes, torch.tensor([[1.0, 2, 3, 4]]))
    assert sample.metainfo["img_id"] == 7
