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


def test_a_second_look_is_treated_like_the_first():
    data = collated((3, 5), (4, 2))
    data["inputs"]["strong_image"] = [image + 2 for image in data["inputs"]["image"]]
    inputs = ImagePreprocessor(mean=(10, 8, 0), std=(1, 2, 5), size_divisor=4)(data, training=True)["inputs"]
    assert inputs["strong_image"].shape == inputs["image"].shape
    assert inputs["strong_image"][0, :, 0, 0].tolist() == pytest.approx([2, 2, 2.4])
    assert inputs["strong_image"][0, :, 3:].abs().sum() == 0


def test_labels_stay_native_in_testing():
    batch = ImagePreprocessor()(collated((3, 5), (4, 2)))
    assert batch["data_samples"][0].sparse_sem_seg.data.shape == (1, 3, 5)


@pytest.mark.parametrize("inputs", [[torch.zeros(3, 4, 4)], {"events": []}, None])
def test_other_inputs_are_refused(inputs):
    with pytest.raises(UserError, match="PackImageInputs"):
        ImagePreprocessor()({"inputs": inputs})


def test_every_label_of_training_is_padded_in_its_own_way():
    data = collated((3, 5), (4, 2))
    for sample in data["data_samples"]:
        ones = sample.sparse_sem_seg.data
        sample.set_data({key: PixelData(data=ones.clone()) for key in ("box_sem_seg", "gt_sem_seg")})
        sample.set_data({"pseudo_mask": PixelData(data=ones.float())})
    (first, second) = ImagePreprocessor(ignore_index=9)(data, training=True)["data_samples"]
    for key, value in (("box_sem_seg", 9), ("gt_sem_seg", 9), ("pseudo_mask", 0.5)):
        assert first.get(key).data.shape == second.get(key).data.shape == (1, 4, 5)
        assert (first.get(key).data[:, 3:] == value).all()
        assert (second.get(key).data[:, :, 2:] == value).all()
        assert (first.get(key).data[:, :3] == 1).all()


def test_truth_at_its_native_size_is_left_alone_in_training():
    data = collated((3, 5))
    data["data_samples"][0].gt_sem_seg = PixelData(data=torch.ones(1, 30, 50, dtype=torch.int64))
    (sample,) = ImagePreprocessor(size_divisor=4)(data, training=True)["data_samples"]
    assert sample.gt_sem_seg.data.shape == (1, 30, 50)
