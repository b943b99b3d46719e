"""Similarities, consensus and heatmaps against the golden numbers."""

import pytest
import torch
from closeness import assert_near, assert_relatively_near

from sparsevision.methods.gensam.clip_heatmap import ClipHeatmap
from sparsevision.methods.gensam.heatmap import (
    consensus_heatmap,
    min_max,
    normalise_features,
    redundant_similarity,
    similarity_heatmap,
    similarity_map,
    upsample_heatmap,
    weighted_similarity,
)
from sparsevision.methods.gensam.heatmap_backend import HeatmapBackend
from sparsevision.utils import UserError


@pytest.fixture(scope="module")
def arrays(golden):
    return {key[5:]: torch.from_numpy(value) for key, value in golden.items() if key.startswith("clip/")}


def test_normalisation_over_tokens(arrays):
    out = normalise_features(arrays["image_features_kk"], dim=1)
    assert_relatively_near(out, arrays["normalised_token_dim"], within=1e-5)


def test_similarity_beyond_the_empty_text(arrays):
    words, empty = arrays["text_foreground"], arrays["text_empty"]
    out = redundant_similarity(arrays["normalised_token_dim"], words, empty)
    assert_relatively_near(out, arrays["surgery_redundant"], within=1e-5)
    patches = similarity_heatmap(arrays["image_features_kk"], words, empty, normalize_dim=1)
    assert_relatively_near(patches, arrays["surgery_redundant"][:, 1:], within=1e-5)


def test_weighted_similarity(arrays):
    out = weighted_similarity(arrays["normalised_token_dim"], arrays["text_foreground"])
    assert_relatively_near(out, arrays["surgery_weighted"], within=1e-4)


def test_similarity_map(arrays, golden):
    out = similarity_map(arrays["surgery_redundant"][:, 1:], tuple(golden["json"]["similarity_map_size"]))
    assert_relatively_near(out, arrays["similarity_map"], within=1e-5)


def test_per_word_similarity_of_an_image(backend, features, golden):
    text = backend.text(golden["json"]["foreground_words"])
    out = similarity_heatmap(features, text, backend.text([""]), normalize_dim=1)
    assert_relatively_near(out[0], golden["heatmaps/per_word_kk"], within=1e-4)


@pytest.mark.parametrize("attention", ["kk", "vv"])
@pytest.mark.parametrize("consensus", ["difference", "clamped", "foreground_only"])
def test_heatmap_of_an_image(clip, backend, golden, attention, consensus):
    tested = ClipHeatmap(clip=clip, text=backend.text, attention=attention, consensus=consensus)
    words = golden["json"]
    out = tested.heatmap([golden["heatmaps/image"]], [words["foreground_words"]], [words["background_words"]])
    assert_near(out[0], golden[f"heatmaps/heatmap_{attention}_{consensus}"][:, 0], within=1e-4)


def test_upsampled_heatmap(golden):
    image = golden["heatmaps/image"]
    full = upsample_heatmap(torch.from_numpy(golden["heatmaps/heatmap_kk_difference"]), image.shape[:2])
    assert_near(full[::4, ::4], golden["heatmaps/heatmap_kk_difference_full"], within=1e-4)


def test_back_end_follows_the_protocol(backend):
    assert isinstance(backend, HeatmapBackend)
    assert backend.side == 14
    assert "CLIP" in backend.label


def test_order_of_words_does_not_matter_and_repetition_weighs(backend, golden):
    image = golden["heatmaps/image"]
    one, turned, doubled = backend.heatmap(
        [image] * 3, [["frog", "owl"], ["owl", "frog"], ["frog", "owl", "frog", "owl"]], [["grass", "bark"]] * 3
    )
    assert torch.allclose(one, turned, atol=1e-6)
    assert torch.allclose(one, doubled, atol=1e-6)
    weighted = backend.heatmap([image], [["frog", "frog", "owl"]], [["grass", "bark"]])[0]
    assert not torch.allclose(one, weighted, atol=1e-3)


def test_a_batch_of_different_sizes_equals_singles(clip, backend, golden):
    image = golden["heatmaps/image"]
    images = [image, image[:50, :40], image[:1, :1]]
    words, backgrounds = [["frog"], ["owl", "lion"], ["cat"]], [["grass"], ["bark"], []]
    batch = ClipHeatmap(clip=clip, text=backend.text, chunk=2).heatmap(images, words, backgrounds)
    single = [backend.heatmap([i], [w], [b])[0] for i, w, b in zip(images, words, backgrounds, strict=True)]
    assert torch.allclose(batch, torch.stack(single), atol=1e-5)
    assert batch.isfinite().all()
    assert batch.min() >= 0
    assert batch.max() <= 1


def test_other_input_sizes(clip, backend, golden):
    large = ClipHeatmap(clip=clip, text=backend.text, input_size=64)
    assert large.heatmap([golden["heatmaps/image"]], [["frog"]], [["grass"]]).shape == (1, 16)
    with pytest.raises(UserError, match="multiple of CLIP's patch of 16"):
        ClipHeatmap(clip=clip, text=backend.text, input_size=225)


def test_constant_maps_give_zeros():
    assert torch.equal(min_max(torch.full((4,), 0.3)), torch.zeros(4))
    similarity = torch.ones(1, 9, 2)
    assert torch.equal(consensus_heatmap(similarity, similarity), torch.zeros(1, 9))


def test_bad_options_are_explained(backend, golden):
    with pytest.raises(UserError, match="Did you mean 'difference'"):
        consensus_heatmap(torch.zeros(1, 9, 1), torch.zeros(1, 9, 1), "diference")
    with pytest.raises(UserError, match="normalize_dim must be 1"):
        normalise_features(torch.zeros(1, 5, 2), dim=0)
    with pytest.raises(UserError, match="square grid"):
        upsample_heatmap(torch.zeros(10), (4, 4))
    with pytest.raises(UserError, match="at least one foreground word"):
        backend.heatmap([golden["heatmaps/image"]], [[]], [["grass"]])
