"""CamouflageInferencer: files, folders, arrays; what it writes; what it says when something is wrong."""

import cv2
import numpy as np
import pytest

from sparsevision.apis import CamouflageInferencer, init_model
from sparsevision.apis.example import build_example
from sparsevision.engine import save_checkpoint
from sparsevision.utils import UserError

CONFIG = "tiny_sparseseg_resnet18_scribble_30e_camouflage"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An untrained network's weights."""
    path = tmp_path_factory.mktemp("weights") / "untrained.pth"
    save_checkpoint({"state_dict": build_example(CONFIG, size=(32, 32)).model.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def inferencer(checkpoint):
    return CamouflageInferencer(model=CONFIG, checkpoint=checkpoint, device="cpu")


@pytest.fixture
def photos(tmp_path):
    """A folder with a colour, a grey, a transparent and a one-pixel image, and a text file."""
    rng = np.random.default_rng(0)
    for name, shape in {"colour": (40, 60, 3), "grey": (40, 60), "clear": (30, 30, 4), "dot": (1, 1, 3)}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), rng.integers(0, 256, shape, dtype=np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_every_kind_of_image_in_a_folder_gets_a_mask_of_its_size(inferencer, photos):
    results = inferencer(photos)
    assert [result.name for result in results] == ["clear", "colour", "dot", "grey"]
    assert [result.mask.shape for result in results] == [(30, 30), (40, 60), (1, 1), (40, 60)]
    assert all(result.mask.dtype == bool and result.passes is None for result in results)


def test_files_globs_and_arrays_give_the_same_answer(inferencer, photos):
    file = photos / "colour.png"
    array = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    answers = [inferencer(images)[0].probability for images in (file, str(photos / "col*.png"), array, [array])]
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


def test_it_writes_mask_and_overlay(checkpoint, photos, tmp_path):
    found = CamouflageInferencer(photos / "colour.png", model=CONFIG, checkpoint=checkpoint, out_dir=tmp_path / "out")
    result = found.results[0]
    assert set(result.files) == {"mask", "overlay"}
    mask = cv2.imread(str(result.files["mask"]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, result.mask * np.uint8(255))


def test_images_that_would_overwrite_each_other_are_refused_before_anything_is_written(inferencer, photos, tmp_path):
    (photos / "b").mkdir()
    (photos / "b" / "dot.png").write_bytes((photos / "dot.png").read_bytes())
    twice = [photos / "dot.png", photos / "b" / "dot.png"]
    with pytest.raises(UserError, match="2 images are called 'dot'"):
        inferencer(twice, out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert len(inferencer(twice)) == 2, "without files they may"
    assert inferencer([], out_dir=tmp_path / "out") == []


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("missing.jpg", "missing.jpg"),
        ("notes.txt", "notes.txt"),
        ("none*.png", "no file matches"),
        (np.zeros((4, 4, 3)), "uint8 RGB"),
        (np.zeros((4, 4), np.uint8), "uint8 RGB"),
    ],
    ids=["missing", "text", "empty glob", "float array", "grey array"],
)
def test_what_is_no_image_is_named(inferencer, photos, images, message):
    with pytest.raises(UserError, match=message):
        inferencer(photos / images if isinstance(images, str) else images)


def test_a_method_that_learns_asks_for_its_checkpoint():
    with pytest.raises(UserError, match="give the checkpoint"):
        init_model(CONFIG)


def test_an_unknown_model_name_gets_suggestions():
    with pytest.raises(UserError, match=f"Did you mean '{CONFIG}'"):
        CamouflageInferencer(model="tiny_sparseseg_resnet18_scribble")


@pytest.mark.real_weights
@pytest.mark.slow
def test_gensam_segments_a_cat_with_real_weights(weights, tmp_path):
    for name in ("mobile_sam", "efficientnet_lite0", "all_minilm_l6_v2"):
        weights(name)
    data = pytest.importorskip("skimage.data")
    result = CamouflageInferencer(data.chelsea(), out_dir=tmp_path).results[0]
    assert set(result.files) == {"mask", "overlay", "passes"}
    assert 0.05 < result.mask.mean() < 0.95
