"""Stages that work at different sizes: what goes from one to the other, and the size that comes back."""

import numpy as np
import pytest
import torch
from toy_motion import predictor, renderer

from sparsevision.methods.motion_i2v import MotionI2V
from sparsevision.methods.motion_i2v.resizing import nearest_brush, resize_clip, resize_flow, resize_pictures

SIZE, HALF = (16, 32), (8, 16)


def image_and_flow():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, *SIZE, generator=generator), torch.randn(2, 3, 2, *SIZE, generator=generator)


def test_the_second_stage_sees_everything_at_its_own_size(monkeypatch):
    model = MotionI2V(motion=predictor(), frames=renderer(), frame_size=HALF).eval()
    image, flow = image_and_flow()
    brush = torch.zeros(SIZE, dtype=torch.bool)
    brush[:, :8] = True
    seen = {}
    sample = model.frames.sample

    def spy(image, **options):
        seen.update(options, image=image)
        return sample(image, **options)

    monkeypatch.setattr(model.frames, "sample", spy)
    video = model.render(image, flow=flow, brush=brush, seeds=[1, 2])
    assert torch.allclose(seen["image"], image.unflatten(2, (8, 2)).unflatten(4, (16, 2)).mean(dim=(3, 5)))
    assert torch.allclose(seen["flow"][..., 0, 0], flow[..., :2, :2].mean(dim=(-2, -1)) / 2, atol=1e-6)
    assert seen["brush"].shape == (2, *HALF)
    assert seen["brush"][:, :, :4].all()
    assert not seen["brush"][:, :, 4:].any()
    assert video.shape == (2, 3, 4, *SIZE)
    assert torch.equal(video[:, :, 0], image), "the first frame is the image, sharp"
    assert torch.equal(video[..., :8], image[:, :, None, :, :8].expand(-1, -1, 4, -1, -1))
    assert not torch.equal(video[:, :, 1, :, 8:], image[..., 8:])


def test_predicted_samples_have_the_size_of_the_image():
    model = MotionI2V(motion=predictor(), frames=renderer(), frame_size=HALF).eval()
    batch = model.data_preprocessor(model.example_batch(size=SIZE, count=1, rng=np.random.default_rng(0)))
    sample = model.predict(batch["inputs"], batch["data_samples"])[0]
    assert sample.pred_video.shape == (3, 4, *SIZE)
    assert sample.pred_flow.shape == (3, 2, *SIZE)


def test_the_own_size_changes_nothing():
    motion, frames = predictor(), renderer()
    image, flow = image_and_flow()
    plain = MotionI2V(motion=motion, frames=frames).render(image, flow=flow, seeds=[1, 2])
    same = MotionI2V(motion=motion, frames=frames, frame_size=SIZE).render(image, flow=flow, seeds=[1, 2])
    assert torch.equal(plain, same)
    assert torch.equal(plain, frames.sample(image, flow=flow, seeds=[1, 2]))


def test_sizes_grow_bilinearly():
    ramp = torch.arange(4.0).expand(1, 1, 2, 4)
    assert resize_pictures(ramp, (4, 8))[0, 0, 0].tolist() == pytest.approx([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    flow = torch.ones(1, 1, 2, 2, 4)
    assert resize_flow(flow, (6, 8))[0, 0, :, 0, 0].tolist() == [2, 3]
    assert resize_clip(ramp[:, :, None].expand(1, 1, 3, 2, 4), (2, 2))[0, 0, 2, 0].tolist() == [0.5, 2.5]
    assert nearest_brush(torch.ones(1, 1, 1, 4, 4, dtype=torch.bool), (2, 2)).shape == (1, 2, 2)
