"""Moving shapes: the flow is what the pictures do, hidden pixels are hidden, the same seed gives the same files."""

import hashlib
import json

import cv2
import numpy as np
import pytest

from sparsevision.annotation import npz
from sparsevision.synthetic.detection_world import load_sources
from sparsevision.synthetic.moving_shapes import OUTLINES, Clip, Thing, make_clip
from sparsevision.synthetic.moving_shapes_set import MovingShapesSettings, write_moving_shapes
from sparsevision.utils import UserError

SETTINGS = MovingShapesSettings(seed=5, train=2, val=1, size=32, frames=4)


@pytest.fixture(scope="module")
def textures():
    pytest.importorskip("skimage")
    return load_sources().textures


@pytest.fixture(scope="module")
def clips(textures) -> list[Clip]:
    return [make_clip(textures, split="train", index=index, seed=0, frames=8) for index in range(12)]


def bring_back(frame, flow):
    """The frame seen at where the flow leads, float32."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    return cv2.remap(frame.astype(np.float32), x + flow[0], y + flow[1], cv2.INTER_LINEAR)


def inner(clip):
    """Pixels away from outlines, where a pixel is of one thing alone."""
    spread = cv2.dilate(clip.objects, np.ones((3, 3))) - cv2.erode(clip.objects, np.ones((3, 3)))
    return spread == 0


def test_frames_follow_the_flow(clips):
    """A photometric check: what is visible looks at its new place as it did, and not at its old one."""
    moved, still = [], []
    for clip in clips:
        on_things = inner(clip) & (clip.objects > 0) & clip.visible[-1]
        first = clip.frames[0].astype(np.float32)
        moved.append(np.abs(bring_back(clip.frames[-1], clip.flow[-1]) - first)[on_things].mean())
        still.append(np.abs(clip.frames[-1].astype(np.float32) - first)[on_things].mean())
    assert np.mean(moved) < 12
    assert np.mean(moved) < 0.3 * np.mean(still)


def test_what_is_hidden_looks_different_there(clips):
    seen, hidden = [], []
    for clip in clips:
        inside = np.ones_like(clip.visible[-1])
        y, x = np.mgrid[: len(inside), : len(inside)]
        for place, step in ((x, clip.flow[-1, 0]), (y, clip.flow[-1, 1])):
            inside &= (place + step >= 0) & (place + step <= len(inside) - 1)
        error = np.abs(bring_back(clip.frames[-1], clip.flow[-1]) - clip.frames[0]).mean(axis=2)
        seen.append(error[inner(clip) & inside & clip.visible[-1]])
        hidden.append(error[inside & ~clip.visible[-1]])
    assert sum(map(len, hidden)) > 200
    assert np.concatenate(hidden).mean() > 4 * np.concatenate(seen).mean()


def test_background_stays_and_things_move(clips):
    for clip in clips:
        background = clip.objects == 0
        assert not clip.flow[:, :, background].any()
        assert clip.objects.max() == len(clip.centres) >= 1
        untouched = background & clip.visible.all(axis=0) & inner(clip)
        assert (clip.frames[:, untouched] == clip.frames[0, untouched]).mean() > 0.95
        assert np.linalg.norm(clip.centres[:, -1] - clip.centres[:, 0], axis=1).min() > 0.18 * 64
        assert clip.caption.count("moves") == len(clip.centres)


def test_flow_at_a_centre_is_the_centre_s_path(clips):
    """Turning and growing leave the centre alone; to a pixel, since centres lie between pixels."""
    for clip in clips:
        for number, path in enumerate(clip.centres, start=1):
            x, y = np.rint(path[0]).astype(int)
            if clip.objects[y, x] == number:
                assert np.abs(clip.flow[:, :, y, x] - (path[1:] - path[0])).max() < 1


@pytest.mark.parametrize("outline", OUTLINES)
def test_a_thing_s_own_frame_moves_with_it(outline):
    grain = np.zeros((9, 9, 3), np.float32)
    path = np.array([[10.0, 10.0], [30.0, 10.0], [30.0, 30.0]])
    thing = Thing(outline=outline, radius=5.0, path=path, angles=(0.0, 1.0), growth=2.0, grain=grain, name="brick")
    own = np.array([[0.0, 0.0], [0.5, 0.2], [1.4, 0.0]])
    for time in (0.0, 0.4, 1.0):
        assert np.allclose(thing.to_own(thing.to_image(own, time), time), own)
        assert thing.covers(thing.to_image(own, time), time).tolist() == [True, True, False]
    assert np.allclose(thing.centre(0.5), [25, 15])
    assert np.linalg.norm(thing.to_image(own[2], 1.0) - path[2]) == pytest.approx(1.4 * 10)


def test_clips_do_not_depend_on_others_and_differ(textures, clips):
    again = make_clip(textures, split="train", index=3, seed=0, frames=8)
    assert np.array_equal(again.frames, clips[3].frames)
    assert np.array_equal(again.flow, clips[3].flow)
    for split, seed in (("val", 0), ("train", 1)):
        other = make_clip(textures, split=split, index=3, seed=seed, frames=8)
        assert not np.array_equal(other.frames, again.frames)


def digests(root):
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*.*")}


def test_files(textures, tmp_path):
    assert write_moving_shapes(tmp_path / "a", SETTINGS)
    assert not write_moving_shapes(tmp_path / "a", SETTINGS)
    assert write_moving_shapes(tmp_path / "b", SETTINGS)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert json.loads((tmp_path / "a" / "dataset.json").read_text())["set"] == "MovingShapes"
    assert len(list((tmp_path / "a" / "train" / "clips" / "00001").iterdir())) == SETTINGS.frames
    truth = npz.unpack_arrays((tmp_path / "a" / "train" / "truth" / "00001.npz").read_bytes(), max_bytes=2**20)
    clip = make_clip(textures, split="train", index=1, seed=5, size=32, frames=4)
    assert truth["flow"].dtype == np.float16
    assert np.abs(truth["flow"] - clip.flow).max() < 0.01
    assert np.array_equal(truth["visible"], clip.visible)
    assert np.array_equal(truth["objects"], clip.objects)
    assert np.array_equal(truth["centres"], clip.centres)
    assert (tmp_path / "a" / "train" / "clips" / "00001.txt").read_text().strip() == clip.caption
    with pytest.raises(UserError, match="frames >= 2"):
        MovingShapesSettings(frames=1)
