"""Batches out of nothing: what a model's preprocessor expects, with labels that agree with the truth."""

import numpy as np
import pytest
import torch
from torch import nn

from sparsevision.synthetic.batches import example_batch


def test_images_samples_and_labels_fit_together():
    batch = example_batch(nn.Identity(), size=(40, 56), count=3, rng=np.random.default_rng(0))
    assert len(batch["inputs"]["image"]) == len(batch["data_samples"]) == 3
    assert batch["inputs"]["image"][0].shape == (3, 40, 56)
    assert batch["inputs"]["image"][0].dtype == torch.uint8
    for sample in batch["data_samples"]:
        sparse, truth = sample.sparse_sem_seg.data, sample.gt_sem_seg.data
        assert torch.equal(sparse[sparse != 255], truth[sparse != 255])
        assert set(sparse.unique().tolist()) == {0, 1, 255}
        assert sample.ori_shape == (40, 56)


def test_the_same_seed_gives_the_same_batch():
    first, second = (example_batch(nn.Identity(), size=(8, 8), rng=np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first["inputs"]["image"][0], second["inputs"]["image"][0])


def test_a_method_with_other_inputs_is_asked():
    class Events(nn.Module):
        def example_batch(self, *, size, count, rng):
            return {"inputs": {"events": [rng.random((count, 4))]}, "data_samples": None}

    batch = example_batch(Events(), size=(8, 8), rng=np.random.default_rng(0))
    assert list(batch["inputs"]) == ["events"]


@pytest.mark.parametrize("ignore_index", [255, -1])
def test_the_models_ignore_index_is_used(ignore_index):
    model = nn.Identity()
    model.ignore_index = ignore_index
    sample = example_batch(model, size=(16, 16), rng=np.random.default_rng(0))["data_samples"][0]
    assert ignore_index in sample.sparse_sem_seg.data
