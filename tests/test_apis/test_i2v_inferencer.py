"""Image to video without a Runner: drags, brush, given motion, clips, checkpoints of stages, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image
from toy_i2v import CONFIG, write_checkpoints
from toy_motion import predictor, renderer

from sparsevision.annotation import Tracks, read_flow
from sparsevision.apis.video_generation import DragSettings, I2VInferencer, flow_extractor, warped_preview
from sparsevision.datasets.image_io import ORIENTATION
from sparsevision.datasets.video.clips import BrokenClip, probe_clip
from sparsevision.methods.motion_i2v import MotionI2V, camera_flow
from sparsevision.utils import UserError
from sparsevision.visualization import write_video

SIZE, FIELDS = (16, 24), 3
DRAG = [[(20, 16), (36, 16)]]  # in pixels of a photograph of twice the model's size


@pytest.fixture(scope="module")
def photo():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (32, 48, 3), np.uint8)


@pytest.fixture(scope="module")
def inferencer():
    return I2VInferencer(MotionI2V(motion=predictor(), frames=renderer()))


@pytest.fixture
def clip(tmp_path):
    """A video of 6 frames of 48 x 32 pixels in which a picture moves 2 pixels a frame to the right."""
    rng = np.random.default_rng(1)
    wide = np.kron(rng.integers(0, 255, (8, 20, 3), np.uint8), np.ones((4, 4, 1), np.uint8))
    frames = np.stack([wide[:, 20 - 2 * index : 68 - 2 * index] for index in range(6)])
    write_video(tmp_path / "clip.mp4", frames, fps=8)
    return tmp_path / "clip.mp4"


def test_a_drag_becomes_flow_and_a_video(inferencer, photo):
    result = inferencer(photo, tracks=DRAG, size=SIZE)
    assert result.video.shape == (1 + FIELDS, *SIZE, 3)
    assert result.video.dtype == np.uint8
    assert result.flow.shape == (FIELDS, 2, *SIZE)
    assert np.array_equal(result.video[0], result.image)
    assert result.starts.tolist() == [[9.75, 7.75]]
    assert np.allclose(result.tracks[-1], [[17.75, 7.75]])
    free = inferencer(photo, size=SIZE)
    assert np.abs(free.flow - result.flow).max() > 1e-3
    assert len(free.starts) == 0


def test_the_same_seed_gives_the_same_video(inferencer, photo):
    first, again, other = (inferencer(photo, tracks=DRAG, size=SIZE, seed=seed).video for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_brush_freezes_flow_and_pixels(inferencer, photo, tmp_path):
    frozen = np.zeros((32, 48), bool)
    frozen[:, :16] = True
    result = inferencer(photo, tracks=DRAG, brush=frozen, size=SIZE)
    assert not result.flow[..., :8].any()
    assert (result.video[:, :, :8] == result.image[:, :8]).all()
    assert result.flow[..., 8:].any()
    Image.fromarray(~frozen * np.uint8(200)).save(tmp_path / "brush.png")
    painted = inferencer(photo, tracks=DRAG, brush=tmp_path / "brush.png", size=SIZE)
    assert np.array_equal(painted.video, result.video)


def test_points_that_stay_are_held_exactly(inferencer, photo):
    tracks = [*DRAG, [(4, 4)]]
    loose = inferencer(photo, tracks=tracks, size=SIZE)
    held = inferencer(photo, tracks=tracks, size=SIZE, drags=DragSettings(hold=2))
    assert loose.brush is None
    assert held.brush[1:4, 1:4].sum() >= 5
    assert held.brush.sum() < 13, "a disc around the one point that stays"
    assert not held.flow[..., held.brush].any()
    assert (held.video[:, held.brush] == held.image[held.brush]).all()


def test_what_moves_with_a_drag(inferencer, photo):
    told = {kind: inferencer.prepare(photo, tracks=DRAG, size=SIZE, drags=DragSettings(region=kind, unit=2))
            for kind in ("box", "gaussian")}  # fmt: skip
    assert told["box"].mask[0].sum() == 16
    assert told["box"].flow[-1, 0].max() == 8
    assert told["gaussian"].flow[-1, 0].max() == pytest.approx(8)
    assert told["gaussian"].mask[0].sum() > 50
    own = inferencer.prepare(photo, tracks=DRAG, size=SIZE)
    assert own.mask[0].sum() == 64, "the model's own box"
    disc = np.full((32, 48, 3), 20, np.uint8)
    disc[8:24, 12:28] = (220, 30, 30)
    thing = inferencer.prepare(disc, tracks=DRAG, size=SIZE, drags=DragSettings(region="object"))
    assert thing.mask[0, 0, 4:12, 6:14].mean() > 0.9
    assert thing.mask[0].sum() < 90


def test_speeds_and_annotated_tracks(inferencer, photo):
    late = inferencer.prepare(photo, tracks=DRAG, size=SIZE, drags=DragSettings(speed="ease_in")).tracks[:, 0, 0]
    assert np.allclose(late - 9.75, 8 * np.array([1, 4, 9]) / 9, atol=1e-5)
    annotated = Tracks(paths=[[(20, 16), (36, 16)]], frames=[[0, 3]], num_frames=4, size=(32, 48))
    even = inferencer.prepare(photo, tracks=annotated, size=SIZE)
    assert np.allclose(even.tracks[:, 0, 0] - 9.75, [8 / 3, 16 / 3, 8], atol=1e-5)


def test_the_preview_pushes_what_is_drawn(inferencer):
    image = np.zeros((16, 24, 3), np.uint8)
    image[6:10, 6:10] = 255
    frames = inferencer.preview(image, tracks=[[(8, 8), (14, 8)]], size=SIZE, drags=DragSettings(unit=2))
    assert np.array_equal(frames[0], image)
    assert frames[-1][6:10, 12:16].min() > 60, "mixed with the ground that stays there"
    assert (frames[-1][6:10, 6:10] < 10).all()


def test_given_motion_replaces_stage_1(inferencer, photo):
    flow = camera_flow("zoom_in", height=32, width=48, frames=FIELDS).numpy()
    given = inferencer(photo, flow=flow, size=SIZE)
    assert np.allclose(given.flow, flow.reshape(FIELDS, 2, 16, 2, 24, 2).mean(axis=(3, 5)) / 2, atol=1e-5)
    moved = inferencer(photo, camera="zoom_in", size=SIZE)
    assert np.allclose(moved.flow, given.flow, atol=0.05)
    alone = I2VInferencer(inferencer.stages.frames)
    assert np.array_equal(alone(photo, flow=flow, size=SIZE).video, given.video)


def test_the_preview_has_no_holes():
    image = np.full((24, 24, 3), (200, 120, 40), np.uint8)
    image[8:16, 8:16] = 255
    flow = np.zeros((1, 2, 24, 24), np.float32)
    flow[0, 0, 8:16, 8:16] = 6  # the white square leaves six columns that nothing moves to
    still, moved = warped_preview(image, flow)
    np.testing.assert_array_equal(still, image)
    assert (moved[9:15, 15:21, 2] > 100).all(), "white, mixed with the ground that stays there"
    assert moved[..., 0].min() > 190, "black where it were not filled"
    assert np.abs(moved[9:15, 8].astype(int) - (200, 120, 40)).max() < 10


def test_stage_1_alone_gives_motion_and_a_preview(inferencer, photo, tmp_path):
    result = I2VInferencer(inferencer.stages.motion)(photo, tracks=DRAG, size=SIZE)
    assert result.video is None
    assert result.preview.shape == (1 + FIELDS, *SIZE, 3)
    files = result.save(tmp_path / "out")
    assert "video.mp4" not in files
    assert files["preview.mp4"].is_file()


def test_steps_are_told(inferencer, photo, capsys):
    heard = []
    inferencer(photo, size=SIZE, steps=2, on_step=lambda *step: heard.append(step), progress=True)
    assert heard == [("motion", 1, 2), ("motion", 2, 2), ("frames", 1, 2), ("frames", 2, 2)]
    assert not capsys.readouterr().out, "bars go to stderr"


def test_everything_is_written_or_nothing(inferencer, photo, tmp_path):
    result = inferencer(photo, tracks=DRAG, size=SIZE)
    files = result.save(tmp_path / "out")
    assert probe_clip(files["video.mp4"]).frames == 1 + FIELDS
    assert probe_clip(files["overlay.mp4"]).height == 256
    with Image.open(files["video.gif"]) as gif:
        assert gif.n_frames == 1 + FIELDS
    assert np.array_equal(np.load(files["flow.npz"])["flow"], result.flow)
    assert np.array_equal(read_flow(files["flow"]), result.flow.transpose(0, 2, 3, 1))
    assert json.loads(files["request.json"].read_text())["tracks"][0][0] == [9.75, 7.75]
    with pytest.raises(UserError, match="holds files already"):
        result.save(tmp_path / "out")
    result.save(tmp_path / "out", overwrite=True)
    with pytest.raises(UserError, match="fps=0"):
        result.save(tmp_path / "broken", fps=0)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_json_file_is_a_batch(inferencer, photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray(np.full((32, 48), 255, np.uint8)).save(tmp_path / "all.png")
    entries = [{"image": "a.png", "tracks": [[list(xy) for xy in DRAG[0]]], "prompt": "rain"},
               {"image": "a.png", "brush": "all.png"}]  # fmt: skip
    (tmp_path / "drags.json").write_text(json.dumps(entries))
    found = dict(inferencer.batch(tmp_path / "drags.json", size=SIZE))
    assert list(found) == ["a_0", "a_1"]
    assert np.array_equal(found["a_0"].video, inferencer(photo, tracks=DRAG, size=SIZE, prompt="rain").video)
    assert not found["a_1"].brush.any()
    assert {result.name for result in found.values()} == {"a"}


def test_a_batch_freezes_and_turns_as_a_call_does(inferencer, photo, tmp_path):
    half = np.zeros((32, 48), np.uint8)
    half[:, 24:] = 255
    for name, painting in {"half": half, "black": np.zeros_like(half)}.items():
        Image.fromarray(painting).save(tmp_path / f"{name}.png")
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    Image.fromarray(np.rot90(photo)).save(tmp_path / "a.png", exif=turned)  # stored lying, shown upright
    brushes = ("half", "black")
    entries = [{"image": "a.png", "tracks": [[[40, 16], [44, 16]]], "brush": f"{name}.png"} for name in brushes]
    (tmp_path / "drags.json").write_text(json.dumps(entries))
    found = [result for _, result in inferencer.batch(tmp_path / "drags.json", size=SIZE, steps=1)]
    for name, result in zip(brushes, found, strict=True):
        request = {"tracks": [[(40, 16), (44, 16)]], "brush": tmp_path / f"{name}.png", "size": SIZE, "steps": 1}
        assert np.array_equal(result.video, inferencer(tmp_path / "a.png", **request).video)
        assert np.array_equal(result.video[0], inferencer.prepare(photo, size=SIZE).image)
    assert found[0].brush[:, :12].all()
    assert not found[1].brush.any()


def test_video_to_video_follows_the_clip(inferencer, clip, photo):
    kept = inferencer.restyle(clip, size=(32, 48), extractor=flow_extractor("dis"))
    assert kept.flow[-1, 0, 8:24, 8:40].mean() == pytest.approx(6, abs=1)
    assert np.abs(kept.flow[-1, 1]).mean() < 1
    new = inferencer.restyle(clip, photo, size=(32, 48))
    assert np.array_equal(new.video[0], photo)
    assert np.array_equal(new.flow, kept.flow)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_checkpoints(tmp_path_factory.mktemp("weights"))


def test_checkpoints_of_stages_make_the_whole(files, photo):
    apart = I2VInferencer(CONFIG, motion=files["motion"], frames=files["frames"], device="cpu")
    whole = I2VInferencer(CONFIG, files["whole"], device="cpu")
    assert apart.stages.multiple == 8
    first, second = (model(photo, steps=1) for model in (apart, whole))
    assert first.video.shape == (8, 64, 64, 3)
    assert np.array_equal(first.video, second.video)
    alone = I2VInferencer(CONFIG, motion=files["whole"], device="cpu").stages
    assert alone.frames is None
    assert alone.image_size == (64, 64)
    frames = I2VInferencer("tiny_motion_i2v_frames_1500i_shapes", files["frames"], device="cpu")
    assert frames(photo, camera="pan_left", steps=1).video.shape == (8, 32, 32, 3), "as its pipeline says"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give a checkpoint, or one for each stage"),
        ({"motion": "frames"}, r"frames.pth holds stage 2 .*; expected stage 1 .* Give it as the checkpoint of frames"),
        ({"frames": "motion"}, r"motion.pth holds stage 1 .*; expected stage 2"),
        ({"checkpoint": "motion"}, r"motion.pth holds stage 1 .*; expected both stages"),
        ({"motion": "flow"}, "flow.pth holds an autoencoder of flow"),
    ],
)
def test_checkpoints_of_other_stages_are_refused(files, given, message):
    with pytest.raises(UserError, match=message):
        I2VInferencer(CONFIG, **{name: files[file] for name, file in given.items()}, device="cpu")


def test_other_models_are_refused(files):
    with pytest.raises(UserError, match="makes no videos"):
        I2VInferencer("tiny_cpcm_res16unet_0p1pct_40e_rooms", files["motion"], device="cpu")
    with pytest.raises(UserError, match="the config has no stage 2"):
        I2VInferencer("tiny_motion_i2v_tracks_700i_shapes", frames=files["frames"], device="cpu")


def test_weights_without_a_controlnet_follow_no_tracks(files, photo):
    free = I2VInferencer(CONFIG, motion=files["free"], device="cpu")
    assert free(photo, steps=1).video is None
    with pytest.raises(UserError, match="these weights have none"):
        free(photo, tracks=DRAG, steps=1)


OF_TWO = Tracks(paths=[[(1, 1), (2, 2)]], frames=[[0, 8]], num_frames=9, size=(32, 48))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"tracks": [[(20, 16), (48, 16)]]}, r"tracks\[0\].*outside"),
        ({"tracks": []}, "the list is empty"),
        ({"tracks": [[]]}, r"tracks\[0\]"),
        ({"tracks": OF_TWO}, "num_frames=9"),
        ({"brush": np.zeros((16, 24), bool)}, r"brush: it has shape \(16, 24\)"),
        ({"brush": np.full((32, 48), 0.5)}, "0 .may move. and 1"),
        ({"flow": np.zeros((5, 2, 16, 24))}, r"expected finite numbers \(3,2,h,w\)"),
        ({"flow": np.zeros((3, 2, 16, 24)), "tracks": DRAG}, "tracks and flow: each says what moves"),
        ({"camera": "zoom"}, "no camera move 'zoom'"),
        ({"size": (17, 24)}, "multiples of 8"),
        ({"seed": -1}, "seed=-1"),
        ({"steps": 0}, "steps=0"),
        ({"tracks": DRAG, "drags": DragSettings(region="blob")}, "no region 'blob'"),
        ({"tracks": DRAG, "drags": DragSettings(speed="fast")}, "no speed 'fast'"),
        ({"tracks": DRAG, "drags": DragSettings(unit=0.5)}, "unit"),
        ({"tracks": DRAG, "drags": DragSettings(hold=-1)}, "hold=-1"),
        ({"guidance": {"words": 2}}, "expected some of text, motion"),
    ],
)
def test_requests_that_make_no_sense_are_refused(inferencer, photo, request_, message):
    with pytest.raises(UserError, match=message):
        inferencer(photo, **({"size": SIZE} | request_))


def test_files_that_do_not_fit_are_refused(inferencer, photo, tmp_path, clip):
    Image.fromarray(photo[:16]).save(tmp_path / "small.png")
    with pytest.raises(UserError, match=r"small\.png is 48 x 16 pixels, the image 48 x 32"):
        inferencer(photo, brush=tmp_path / "small.png", size=SIZE)
    with pytest.raises(UserError, match=r"missing\.png: no such file"):
        inferencer(tmp_path / "missing.png")
    with pytest.raises(UserError, match="uint8 RGB"):
        inferencer(photo / 255)
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:300])
    with pytest.raises(BrokenClip, match=r"broken\.mp4"):
        inferencer.restyle(tmp_path / "broken.mp4")
    write_video(tmp_path / "short.mp4", [photo] * 3, fps=8)
    with pytest.raises(UserError, match="holds 3 frames, and the model makes 4"):
        inferencer.restyle(tmp_path / "short.mp4")


def test_what_a_stage_alone_cannot_do(inferencer, photo, clip):
    with pytest.raises(UserError, match="there is no stage 1"):
        I2VInferencer(inferencer.stages.frames)(photo, tracks=DRAG)
    with pytest.raises(UserError, match="needs stage 2"):
        I2VInferencer(inferencer.stages.motion).restyle(clip)
    with pytest.raises(UserError, match="drags steer stage 1"):
        I2VInferencer(inferencer.stages.frames).preview(photo, tracks=DRAG)


def test_extractors_have_names():
    with pytest.raises(UserError, match="no extractor 'gm'"):
        flow_extractor("gm")
    with pytest.raises(UserError, match="raft: give its weights"):
        flow_extractor("raft")


def test_words_for_a_model_without_words_are_mentioned(files, photo):
    with pytest.warns(UserWarning, match="reads no words"):
        I2VInferencer(CONFIG, motion=files["motion"], device="cpu")(photo, prompt="rain", steps=1)


@pytest.mark.real_weights
def test_gmflow_finds_the_motion_of_a_clip(inferencer, clip, weights):
    kept = inferencer.restyle(clip, size=(32, 48), extractor=flow_extractor("gmflow", weights("gmflow")))
    assert kept.flow[-1, 0, 8:24, 8:40].mean() == pytest.approx(6, abs=1)
