"""DetInferencer: boxes in the photograph's own pixels, pictures and numbers as files, names, clear refusals."""

import json

import cv2
import numpy as np
import pytest
import toy_detector
from PIL import Image
from toy_detector import colourful

from sparsevision.apis import DetectionResult, DetInferencer, init_model
from sparsevision.apis.images import image_sources
from sparsevision.apis.model import build_model
from sparsevision.apis.tokens import kept_tokens
from sparsevision.engine import read_config
from sparsevision.registry import MODELS
from sparsevision.utils import UserError
from sparsevision.utils.randomness import seeded_rng

RED, BLUE = (20, 30, 60, 70), (80, 10, 150, 110)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy_detector")
    return toy_detector.write_config(folder), toy_detector.write_weights(folder)


@pytest.fixture(scope="module")
def inferencer(trained):
    return DetInferencer(*trained, device="cpu")


@pytest.fixture
def photos(tmp_path):
    """Three photographs of several sizes, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, image in {
        "both": colourful(red=RED, blue=BLUE),
        "large": colourful(400, 300, red=(100, 50, 200, 350)),
        "nothing": colourful(red=None),
    }.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    (folder / "notes.txt").write_text("no image")
    return folder


FOCUS_DETR = """
from sparsevision.methods.focus_detr import FocusDETR
from sparsevision.methods.focus_detr.backbones import ResNetBackbone

model = dict(
    type=FocusDETR,
    preset="fixed",
    num_classes=2,
    backbone=dict(type=ResNetBackbone, depth=18),
    architecture=dict(channels=32, heads=4, hidden=32, levels=3, encoder_layers=2, decoder_layers=1),
    num_queries=20,
    cascade=(1.0, 0.5),
    object_tokens=10,
)
"""


@pytest.fixture(scope="module")
def focus_detr(tmp_path_factory):
    """Focus-DETR with random weights, on the stand-in's data."""
    folder = tmp_path_factory.mktemp("focus_detr")
    path = toy_detector.write_config(folder)
    path.write_text(path.read_text() + FOCUS_DETR)
    with seeded_rng(0):
        model = build_model(read_config(path))
    model.cfg, model.dataset_meta = read_config(path), {"classes": ["red", "blue"]}
    return DetInferencer(model, device="cpu")


def test_boxes_are_in_pixels_of_the_photograph_by_falling_score(inferencer):
    (result,) = inferencer(colourful(red=RED, blue=BLUE))
    assert result.names == ["red", "blue", "red"]
    assert np.allclose(result.boxes[:2], [RED, BLUE], atol=2), "the network sees another size"
    assert result.scores.tolist() == pytest.approx([0.9, 0.6, 0.05])
    assert (result.boxes.dtype, result.labels.dtype, result.scores.dtype) == (np.float32, np.int64, np.float32)
    assert len(result.above()) == 2
    assert result.above().counts() == {"red": 1, "blue": 1}


def test_files_folders_globs_arrays_and_batches_give_the_same(inferencer, photos):
    one_by_one = inferencer(photos)
    assert [result.name for result in one_by_one] == ["both", "large", "nothing"]
    arrays = [np.array(Image.open(photos / f"{result.name}.png")) for result in one_by_one]
    ways = [inferencer(arrays), inferencer(str(photos / "*.png")), inferencer(photos, batch_size=2)]
    ways += [list(inferencer.iterate([photos / "both.png", arrays[1], photos / "nothing.png"], batch_size=3))]
    for results in ways:
        for result, expected in zip(results, one_by_one, strict=True):
            np.testing.assert_array_equal(result.boxes, expected.boxes)
            np.testing.assert_array_equal(result.image, expected.image)
    assert len(one_by_one[2].above()) == 0


def test_it_writes_a_picture_and_the_numbers_of_each(inferencer, photos, tmp_path):
    inferencer(photos, out_dir=tmp_path / "out")
    names = ("both", "large", "nothing")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == sorted(f"{name}_boxes.{suffix}" for name in names for suffix in ("jpg", "json"))
    found = json.loads((tmp_path / "out" / "both_boxes.json").read_text())
    assert (found["image"], found["width"], found["height"]) == ("both.png", 160, 120)
    assert [(one["class"], one["label"], one["score"]) for one in found["detections"]] == [
        ("red", 0, 0.9),
        ("blue", 1, 0.6),
    ]
    assert np.allclose(found["detections"][0]["box"], RED, atol=2)
    assert cv2.imread(str(tmp_path / "out" / "both_boxes.jpg")).shape == (400, 533, 3), "enlarged, to be read"
    assert cv2.imread(str(tmp_path / "out" / "nothing_boxes.jpg")).std() < 2


def test_the_picture_has_the_sure_boxes_in_the_colours_of_the_checkpoint(inferencer):
    (result,) = inferencer(colourful(800, 600, red=(100, 200, 300, 400)))
    picture = result.draw()
    assert picture.shape == (800, 600, 3)
    assert (picture == (255, 0, 0)).all(axis=-1).sum() > 800, "the outline, and the tag"
    assert np.array_equal(picture[270:380, 120:280], result.image[270:380, 120:280])
    assert not np.array_equal(result.draw(score_threshold=0.0), picture), "the doubtful one comes too"


def test_a_photograph_is_turned_upright_first(inferencer, tmp_path):
    image = colourful(red=RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show it
    Image.fromarray(np.rot90(image).copy()).save(tmp_path / "held_upright.png", exif=exif)
    (result,) = inferencer(tmp_path / "held_upright.png")
    assert np.array_equal(result.image, image)
    assert np.allclose(result.boxes[0], RED, atol=2)


def test_names_come_from_the_caller_the_checkpoint_or_the_config(trained, tmp_path):
    config, weights = trained
    assert DetInferencer(config, weights, device="cpu").classes == ("red", "blue")
    assert DetInferencer(config, weights, device="cpu", classes=["rot", "blau"]).classes == ("rot", "blau")
    cfg = read_config(config)
    cfg.test_dataloader.dataset.classes = ("warm", "cold")
    model = init_model(cfg, weights, device="cpu")
    model.dataset_meta = None
    assert DetInferencer(model).classes == ("warm", "cold")
    assert DetInferencer(model).palette.shape == (2, 3)


def test_another_number_of_names_than_of_classes_is_refused(trained):
    config, weights = trained
    with pytest.raises(UserError, match=r"has 2 classes, but 3 names are known \(a, b, c, \.\.\.\).*--classes"):
        DetInferencer(config, weights, device="cpu", classes=["a", "b", "c"])
    model = init_model(config, weights, device="cpu")
    model.dataset_meta = None
    with pytest.raises(UserError, match="80 names are known"):
        DetInferencer(model)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        ("missing.jpg", {}, "missing.jpg"),
        ("notes.txt", {}, "notes.txt"),
        ("none*.png", {}, "no file matches"),
        (np.zeros((4, 4, 3)), {}, "uint8 RGB"),
        ("both.png", {"score_threshold": 30}, "score_threshold=30"),
        ("both.png", {"batch_size": 0}, "batch_size=0"),
    ],
    ids=["missing", "text", "empty glob", "float array", "percent", "no batch"],
)
def test_what_cannot_be_done_is_said(inferencer, photos, images, options, message):
    with pytest.raises(UserError, match=message):
        inferencer(photos / images if isinstance(images, str) else images, **options)


def test_images_that_would_overwrite_each_other_are_refused_before_anything_is_written(inferencer, photos, tmp_path):
    twice = [photos / "both.png", photos / "both.png"]
    with pytest.raises(UserError, match="2 images are called 'both'"):
        inferencer(twice, out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert len(inferencer(twice)) == 2, "without files they may"
    with pytest.raises(UserError, match="out_dir takes a folder"):
        inferencer(photos, out_dir=photos / "notes.txt")


def test_what_is_no_detector_is_refused(trained):
    model = init_model(*trained, device="cpu")
    del model.cfg
    with pytest.raises(UserError, match="init_model"):
        DetInferencer(model)
    mute = MODELS.build({"type": toy_detector.Mute})
    mute.cfg = read_config(trained[0])
    with pytest.raises(UserError, match="gives no boxes"):
        DetInferencer(mute, classes=["red", "blue"])(colourful())


def test_one_pixel_and_grey_and_transparent_photographs(inferencer, tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in {"dot": (1, 1, 3), "grey": (40, 60), "clear": (30, 30, 4)}.items():
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    results = inferencer(tmp_path, out_dir=tmp_path / "out")
    assert [result.image.shape for result in results] == [(30, 30, 3), (1, 1, 3), (40, 60, 3)]


def test_a_result_can_be_made_by_hand():
    empty = DetectionResult(
        name="image_0",
        path=None,
        image=colourful(),
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.int64),
        scores=np.zeros(0, np.float32),
        classes=("red",),
        palette=np.zeros((1, 3), np.uint8),
    )
    assert (len(empty), empty.counts(), empty.to_dict()["detections"]) == (0, {}, [])
    assert image_sources(empty.image)[0].name == "image_0"


def test_the_tokens_that_are_kept(inferencer, trained):
    image = colourful(red=(40, 40, 80, 80))
    tokens = kept_tokens(inferencer, image)
    assert tokens.shapes == [(8, 11), (4, 6)], "64 x 85 pixels, without padding"
    assert [len(kept) for kept in tokens.kept] == [56, 27], "the last of the second layer is not valid"
    assert tokens.scores.argmax() in tokens.kept[0]
    assert tokens.draw(image, photo=image).shape[0] > 300
    dense = read_config(trained[0])
    dense.model.keep_ratio = 1.0
    with pytest.raises(UserError, match="dense"):
        kept_tokens(DetInferencer(dense, trained[1], device="cpu"), image)


def test_focus_detr_gives_the_same_alone_and_in_a_batch_of_several_sizes(focus_detr, photos):
    alone, together = focus_detr(photos), focus_detr(photos, batch_size=3)
    for one, other in zip(alone, together, strict=True):
        assert len(one) == len(other) > 10
        np.testing.assert_allclose(other.scores, one.scores, atol=1e-5)
        height, width = one.image.shape[:2]
        assert (one.boxes >= 0).all()
        assert (one.boxes <= (width, height, width, height)).all()


def test_the_tokens_of_focus_detr(focus_detr):
    image = colourful(red=RED)
    tokens = kept_tokens(focus_detr, image)
    total = sum(height * width for height, width in tokens.shapes)
    assert [len(kept) for kept in tokens.kept] == pytest.approx([total / 2, total / 4], abs=2)
    assert len(tokens.scores) == total
    assert tokens.scores[tokens.kept[0]].min() >= np.delete(tokens.scores, tokens.kept[0]).max()
    assert tokens.draw(image).shape[2] == 3
