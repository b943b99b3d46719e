"""ImagePreprocessor: numbers, padding, errors."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.datasets import ImagePreprocessor
from sparsevision.utils import UserError


def collated(*sizes):
    samples = [SegDataSample(sparse_sem_seg=PixelData(data=torch.ones(1, *size, dtype=torch.int64))) for size in sizes]
    return {
        "inputs": {"image": [torch.full((3, *size), 10, dtype=torch.uint8) for size in sizes]},
        "data_samples": samples,
    }


def test_normalises_pads_and_stacks():
    preprocessor = ImagePreprocessor(mean=(10, 8, 0), std=(1, 2, 5), size_divisor=4, ignore_index=9)
    batch = preprocessor(collated((3, 5), (4, 2)), training=True)
    image = batch["inputs"]["image"]
    assert image.shape == (2, 3, 4, 8)
    assert image[0, :, 0, 0].tolist() == [0, 1, 2]
    assert image[0, :, 3:].abs().sum() == 0
    labels = batch["data_samples"][0].sparse_sem_seg.data
    assert labels.shape == (1, 4, 8)
    assert (labels == 9).sum() == 4 * 8 - 3 * 5
    assert batch["data_samples"][0].batch_input_shape == (4, 8)


def test_labels_stay_native_in_testing():
    batch = ImagePreprocessor()(collated((3, 5), (4, 2)))
    assert batch["data_samples"][0].sparse_sem_seg.data.shape == (1, 3, 5)


@pytest.mark.parametrize("inputs", [[torch.zeros(3, 4, 4)], {"events": []}, None])
def test_other_inputs_are_refused(inputs):
    with pytest.raises(UserError, match="PackImageInputs"):
        ImagePreprocessor()({"inputs": inputs})
