"""ConSE heatmaps and words (not CLIP): mechanics with random weights, sense with the packaged ones."""

import numpy as np
import pytest
import torch

from sparsevision.engine import save_checkpoint
from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0, resized
from sparsevision.methods.gensam.class_evidence import class_glosses, class_names
from sparsevision.methods.gensam.conse import ConSE
from sparsevision.methods.gensam.heatmap_backend import HeatmapBackend
from sparsevision.methods.gensam.keywords import DEFAULT_PROMPT_SET, ConSEKeywords, prompt_words
from sparsevision.methods.gensam.sentence import SentenceEncoder
from sparsevision.methods.gensam.word_classes import WordClasses, _kept_vectors
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

pytest.importorskip("timm")
data = pytest.importorskip("skimage.data")


def letters(texts):
    """A stand-in for a sentence encoder: how often each letter occurs."""
    counts = [[text.lower().count(letter) + 0.1 for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
    return torch.nn.functional.normalize(torch.tensor(counts), dim=-1)


@pytest.fixture(scope="module")
def random_conse():
    torch.manual_seed(0)
    return ConSE(pretrained=None, word_classes=WordClasses(encode=letters), side=7, scales=(64, 96))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, shape, np.uint8) for shape in ((40, 60, 3), (33, 17, 3), (1, 1, 3))]


def test_it_is_a_backend_that_says_what_it_is(random_conse):
    assert isinstance(random_conse, HeatmapBackend)
    assert "not CLIP" in random_conse.label
    assert "not CLIP" in repr(random_conse)
    assert "no language model" in repr(ConSEKeywords(word_classes=WordClasses(encode=letters)))


def test_heatmaps_are_scaled_and_independent_of_the_batch(random_conse, images):
    foreground, background = [["cat"], ["dog", "cat", "cat"], ["cup"]], [["grass"], [], ["wall", "sky"]]
    together = random_conse.heatmap(images, foreground, background)
    assert together.shape == (3, 49)
    assert together.dtype == torch.float32
    assert not together.requires_grad
    assert torch.isfinite(together).all()
    assert (together.amin(1) == 0).all()
    assert (together[:2].amax(1) == 1).all()
    for index, image in enumerate(images):
        alone = random_conse.heatmap([image], [foreground[index]], [background[index]])
        torch.testing.assert_close(alone[0], together[index], rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_works_where_gradients_are_off(random_conse, images, mode):
    expected = random_conse.heatmap(images[:1], [["cat"]], [[]])
    with mode():
        found = random_conse.heatmap(images[:1], [["cat"]], [[]])
    torch.testing.assert_close(found, expected)


def test_a_mirrored_image_gives_the_mirrored_heatmap(random_conse, images):
    plain = random_conse.heatmap(images[:1], [["cat"]], [["dog"]]).view(7, 7)
    mirrored = random_conse.heatmap([images[0][:, ::-1]], [["cat"]], [["dog"]]).view(7, 7)
    torch.testing.assert_close(mirrored, plain.flip(-1), rtol=0, atol=1e-4)


def test_layer_cam_is_the_plain_formula(random_conse, images):
    """The batched maps against one word, one view and one layer at a time."""

    def plain_cam(features, gradient):
        cam = (features * gradient.clamp_min(0)).sum(1, keepdim=True).clamp_min(0)
        cam = torch.nn.functional.interpolate(cam, (7, 7), mode="bilinear")[0, 0].detach()
        return (cam - cam.min()) / (cam.max() - cam.min())

    pixels = resized(images[0], 64)
    belonging = random_conse.word_classes(["cat", "dog"])
    maps, probabilities = random_conse._layer_cams(pixels, belonging)
    for word in range(2):
        cams, beliefs = [], []
        for mirrored in (False, True):
            middle = random_conse.classifier.middle(pixels.flip(-1) if mirrored else pixels).requires_grad_(True)
            last, logits = random_conse.classifier.final(middle)
            belief = (logits.softmax(-1)[0] * belonging[word].clamp_min(1e-6)).sum()
            gradients = torch.autograd.grad(belief.log(), (middle, last))
            own = map(plain_cam, (middle, last), gradients)
            cams.extend(cam.flip(-1) if mirrored else cam for cam in own)
            beliefs.append(belief.item())
        torch.testing.assert_close(maps[word], torch.stack(cams).mean(0), rtol=0, atol=1e-3)
        assert float(probabilities[word]) == pytest.approx(np.mean(beliefs), rel=1e-4)


def test_a_uniform_image_far_from_any_object_gives_finite_maps(random_conse):
    maps = random_conse.heatmap([np.full((64, 64, 3), 127, np.uint8)], [["cat"]], [["dog"]])
    assert torch.isfinite(maps).all()


def test_words_are_looked_up_once():
    asked = []

    def encode(texts):
        asked.extend(texts)
        return letters(texts)

    classes = WordClasses(encode=encode)
    first = classes(["cat", "dog", "cat"])
    assert torch.equal(first[0], first[2])
    assert torch.equal(classes(["dog", "cat"]), first[[1, 0]])
    assert asked.count("cat") == asked.count("dog") == 1
    assert len(asked) == 2002


def test_class_vectors_are_kept_between_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEVISION_CACHE", str(tmp_path / "cache"))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = _kept_vectors(tmp_path, ["a cat", "a dog"], letters)
    assert torch.equal(_kept_vectors(tmp_path, ["a cat", "a dog"], pytest.fail), first)
    (kept,) = (tmp_path / "cache").rglob("*.pth")
    kept.write_bytes(b"damaged")
    assert torch.equal(_kept_vectors(tmp_path, ["a cat", "a dog"], letters), first)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert torch.equal(_kept_vectors(tmp_path, ["a cat", "a dog"], lambda texts: -letters(texts)), -first)


def test_an_unwritable_cache_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPARSEVISION_CACHE", str(tmp_path / "file"))
    assert torch.equal(_kept_vectors(tmp_path, ["a cat"], letters), letters(["a cat"]))


def test_class_lists():
    assert len(class_names()) == len(class_glosses()) == 1000
    assert (class_names()[282], class_names()[504]) == ("tiger cat", "coffee mug")
    assert class_glosses()[282] == "tiger cat: a cat having a striped coat"


def test_it_builds_from_a_config_without_weights():
    model = MODELS.build({"type": "sparsevision.ConSE", "pretrained": None, "side": 14})
    assert model.side == 14
    assert len(model.state_dict()) == 296


def test_wrong_weights(tmp_path):
    save_checkpoint({"_conv_stem.weight": torch.zeros(1), "_blocks.99._bn0.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"a\.pth holds no EfficientNet-Lite0.*_blocks\.99"):
        EfficientNetLite0(pretrained=tmp_path / "a.pth")
    save_checkpoint({"conv1.weight": torch.zeros(1)}, tmp_path / "b.pth")
    with pytest.raises(UserError, match=r"b\.pth"):
        EfficientNetLite0(pretrained=tmp_path / "b.pth")
    with pytest.raises(UserError, match="efficientnet_lite0"):
        ConSE(pretrained="efficientnet_lite")


def test_a_broken_sentence_encoder(tmp_path):
    with pytest.raises(UserError, match=r"lacks config\.json, tokenizer\.json, model\.safetensors"):
        SentenceEncoder.from_folder(tmp_path)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match="cannot read the sentence encoder"):
        SentenceEncoder.from_folder(tmp_path)


@pytest.fixture(scope="module")
def conse(weights):
    return ConSE(pretrained=weights("efficientnet_lite0"), word_classes=WordClasses(encode=weights("all_minilm_l6_v2")))


def peak(conse, image, word):
    """(x, y) of the heatmap's maximum as shares of width and height."""
    index = int(conse.heatmap([image], [[word]], [["environment"]])[0].argmax())
    return (index % conse.side + 0.5) / conse.side, (index // conse.side + 0.5) / conse.side


@pytest.mark.real_weights
@pytest.mark.parametrize(
    ("photo", "word", "left", "top", "right", "bottom"),
    [
        ("chelsea", "cat", 0.1, 0.0, 0.8, 1.0),
        ("coffee", "cup", 0.3, 0.05, 0.68, 0.6),
        ("rocket", "rocket", 0.45, 0.25, 0.56, 0.95),
        ("astronaut", "astronaut", 0.05, 0.02, 0.8, 1.0),
    ],
)
def test_words_are_found_in_photographs(conse, photo, word, left, top, right, bottom):
    x, y = peak(conse, getattr(data, photo)(), word)
    assert left <= x <= right
    assert top <= y <= bottom


@pytest.mark.real_weights
def test_words_find_their_classes(conse):
    best = {word: class_names()[int(conse.word_classes([word])[0].argmax())] for word in ("cat", "cup", "rocket")}
    assert "cat" in best["cat"]
    assert best["cup"] == "cup"
    assert "missile" in best["rocket"]
    animals = conse.word_classes(["animal"])[0]
    assert animals[:398].mean() > 10 * animals[398:].mean()  # ImageNet's first 398 classes are animals


@pytest.mark.real_weights
def test_words_of_photographs(conse, weights):
    source = ConSEKeywords(pretrained=weights("efficientnet_lite0"), word_classes=conse.word_classes)
    words = source(data.chelsea())
    assert "Egyptian cat" in words.foreground
    assert 1 <= len(words.foreground) <= len(prompt_words(DEFAULT_PROMPT_SET))
    assert source(data.coffee()).foreground[0] == "espresso"
