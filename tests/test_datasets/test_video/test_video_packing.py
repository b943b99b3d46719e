"""Drags, resizing and packing of clips."""

import numpy as np
import pytest
import torch

from sparsevision.datasets import VideoPreprocessor, VideoSample
from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.transforms import DragsFromTruth, LoadDrags, PackVideoInputs, ResizeClip
from sparsevision.utils import UserError

FRAMES, SIZE = 3, (16, 24)


def moving_clip():
    """A box of 4 x 6 pixels that moves by (2, 1) a frame, on a still ground."""
    objects = np.zeros(SIZE, np.uint8)
    objects[4:8, 6:12] = 1
    steps = np.arange(1, FRAMES + 1, dtype=np.float32)[:, None, None, None]
    flow = steps * np.array([2, 1], np.float32)[None, :, None, None] * objects
    video = np.random.default_rng(0).integers(0, 256, (FRAMES + 1, *SIZE, 3), dtype=np.uint8)
    visible = np.ones((FRAMES, *SIZE), bool)
    return {"video_path": "clip", "sample_id": "clip", "video": video, "flow": flow, "objects": objects} | {
        "visible": visible,
        "caption": "a box moves",
        "offsets": np.array([2, 4, 6], np.float32),
    }


@pytest.mark.parametrize("knows_its_things", [True, False])
def test_a_drag_takes_the_middle_of_a_thing_along_its_way(knows_its_things):
    clip = moving_clip()
    if not knows_its_things:
        del clip["objects"]
    drags = DragsFromTruth().transform(clip)
    assert drags["starts"].tolist() == [[8, 5]]
    assert drags["tracks"][:, 0].tolist() == [[10, 6], [12, 7], [14, 8]]


def test_a_clip_at_rest_has_no_drags():
    clip = moving_clip()
    clip["flow"] = np.zeros_like(clip["flow"])
    del clip["objects"]
    drags = DragsFromTruth().transform(clip)
    assert drags["starts"].shape == (0, 2)
    assert drags["tracks"].shape == (FRAMES, 0, 2)


def test_drags_without_truth_are_explained():
    with pytest.raises(UserError, match="LoadClipTruth goes before"):
        DragsFromTruth().transform({"video_path": "clip"})


def test_half_the_size_is_half_the_motion():
    small = ResizeClip(size=(8, 12)).transform(DragsFromTruth().transform(moving_clip()))
    assert small["video"].shape == (FRAMES + 1, 8, 12, 3)
    assert small["flow"].shape == (FRAMES, 2, 8, 12)
    assert np.allclose(small["flow"][0, :, 2:4, 3:6], np.array([1, 0.5])[:, None, None])
    assert not small["flow"][:, :, 6:].any()
    assert small["visible"].shape == (FRAMES, 8, 12)
    assert small["objects"][2:4, 3:6].all()
    assert np.allclose(small["tracks"] - small["starts"], np.array([[1, 0.5]]) * np.arange(1, 4)[:, None, None])


def test_no_size_is_an_error():
    with pytest.raises(UserError, match="expected"):
        ResizeClip(size=(0, 8))


def test_what_is_packed_arrives_as_a_batch():
    packed = [PackVideoInputs(keep_video=True).transform(DragsFromTruth().transform(moving_clip())) for _ in range(2)]
    batch = {
        "inputs": {"video": [one["inputs"]["video"] for one in packed]},
        "data_samples": [one["data_samples"] for one in packed],
    }
    ready = VideoPreprocessor()(batch)
    assert ready["inputs"]["video"].shape == (2, 3, FRAMES + 1, *SIZE)
    assert 0 <= ready["inputs"]["video"].min() < ready["inputs"]["video"].max() <= 1
    sample = ready["data_samples"][0]
    assert isinstance(sample, VideoSample)
    assert torch.equal(sample.gt_video, ready["inputs"]["video"][0])
    assert (sample.prompt, sample.offsets) == ("a box moves", (2.0, 4.0, 6.0))
    assert sample.gt_flow.dtype == torch.float32
    assert sample.objects.dtype == torch.int64


def test_clips_of_several_sizes_are_explained():
    videos = [torch.zeros(3, 2, 8, 8, dtype=torch.uint8), torch.zeros(3, 2, 8, 16, dtype=torch.uint8)]
    with pytest.raises(UserError, match="Give LoadClip a `size`"):
        VideoPreprocessor()({"inputs": {"video": videos}, "data_samples": []})
    with pytest.raises(UserError, match="PackVideoInputs"):
        VideoPreprocessor()({"inputs": videos})


def test_a_person_s_drags_keep_the_pixels_of_the_file(tmp_path):
    write_png(tmp_path / "photo.png", np.full((20, 30, 3), 99, np.uint8))
    painted = np.zeros((20, 30, 3), np.uint8)
    painted[:, 15:] = 255
    write_png(tmp_path / "brush.png", painted)
    entry = {"img_path": str(tmp_path / "photo.png"), "brush_path": str(tmp_path / "brush.png"), "prompt": "go"}
    loaded = LoadDrags(size=(10, 16)).transform(entry | {"tracks": [np.array([[1.0, 2.0], [9.0, 2.0]])]})
    sample = PackVideoInputs().transform(loaded)["data_samples"]
    assert loaded["img"].shape == (10, 16, 3)
    assert sample.clicks == [[[1.0, 2.0], [9.0, 2.0]]]
    assert sample.ori_shape == (20, 30)
    assert sample.brush[:, :8].all()
    assert not sample.brush[:, 8:].any()


def test_a_brush_file_in_which_nothing_is_painted_freezes_nothing(tmp_path):
    for name in ("photo.png", "brush.png"):
        write_png(tmp_path / name, np.zeros((20, 30, 3), np.uint8))
    entry = {"img_path": str(tmp_path / "photo.png"), "brush_path": str(tmp_path / "brush.png"), "tracks": []}
    brush = LoadDrags(size=(10, 16)).transform(entry)["brush"]
    assert brush.shape == (10, 16)
    assert not brush.any()
