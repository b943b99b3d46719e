"""Spatial CLIP against the golden numbers, and its own promises."""

import numpy as np
import pytest
import torch
from closeness import assert_relatively_near

from sparsevision.methods.gensam.network import SpatialCLIP
from sparsevision.methods.gensam.text import Tokenizer
from sparsevision.utils import UserError


def pixels(seed, side):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal((1, 3, side, side)).astype(np.float32))


def test_state_dict_has_the_official_names(golden_state):
    assert golden_state["visual.transformer.resblocks.0.attn.in_proj_weight"].shape == (384, 128)
    assert golden_state["transformer.resblocks.1.mlp.c_proj.bias"].shape == (64,)
    assert "visual.transformer.resblocks.7.attn.out_proj.weight" in golden_state


@pytest.mark.parametrize("attention", ["kk", "vv"])
@torch.no_grad()
def test_image_features(clip, golden, attention):
    out = clip.encode_image(pixels(golden["json"]["seeds"]["pixels_224"], 224), attention)
    assert_relatively_near(out, golden[f"clip/image_features_{attention}"], within=1e-4)


@torch.no_grad()
def test_image_features_of_another_size_leave_the_weights_alone(clip, golden):
    seeds = golden["json"]["seeds"]
    before = clip.visual.positional_embedding.clone()
    out = clip.encode_image(pixels(seeds["pixels_big"], seeds["big"]))
    assert_relatively_near(out, golden["clip/image_features_kk_big"], within=1e-4)
    assert torch.equal(before, clip.visual.positional_embedding)
    again = clip.encode_image(pixels(seeds["pixels_224"], 224))
    assert_relatively_near(again, golden["clip/image_features_kk"], within=1e-4)


@torch.no_grad()
def test_oblong_images_and_query_attention(clip):
    out = clip.encode_image(torch.randn(2, 3, 64, 97), attention="qq")
    assert out.shape == (2, 1 + 4 * 6, 32)


def test_unknown_attention_and_tiny_image_are_explained(clip):
    with pytest.raises(UserError, match="Did you mean 'kk'"):
        clip.encode_image(torch.zeros(1, 3, 224, 224), attention="kkk")
    with pytest.raises(UserError, match="at least 16 pixels"):
        clip.encode_image(torch.zeros(1, 3, 8, 224))


@torch.no_grad()
def test_text_cut_after_the_end_token_is_exact(clip):
    tokens = Tokenizer()(["frog", "a very long description of a frog on a leaf in the rain", ""])
    longest = Tokenizer()(["word " * 74])
    full = torch.cat([clip.encode_text(torch.cat([row[None], longest]))[:1] for row in tokens])
    assert_relatively_near(clip.encode_text(tokens), full, within=1e-5)
    assert_relatively_near(clip.encode_text(tokens, chunk=1), full, within=1e-5)


def test_state_dict_errors_say_what_is_wrong(golden_state):
    state = dict(golden_state)
    state["visual.projection"] = state.pop("visual.proj")
    with pytest.raises(UserError, match=r"no 'visual\.proj'.*visual\.projection"):
        SpatialCLIP.from_state_dict(state)
    state = dict(golden_state)
    del state["ln_final.bias"]
    state["ln_finale.bias"] = torch.zeros(64)
    with pytest.raises(UserError, match=r"1 keys are missing, e\.g\. 'ln_final\.bias' .*nearest: ln_finale\.bias"):
        SpatialCLIP.from_state_dict(state)
    state = dict(golden_state, text_projection=torch.zeros(64, 31))
    with pytest.raises(UserError, match=r"'text_projection' is \(64, 31\) instead of \(64, 32\)"):
        SpatialCLIP.from_state_dict(state)


def test_extras_of_published_files_and_half_precision_are_accepted(golden_state):
    state = {name: value.half() for name, value in golden_state.items()}
    state |= {"input_resolution": torch.tensor(224), "context_length": torch.tensor(77), "vocab_size": torch.tensor(1)}
    model = SpatialCLIP.from_state_dict(state)
    assert model.text_projection.dtype == torch.float32
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_loads_an_open_clip_model_and_agrees_with_its_text_tower_and_class_token():
    open_clip = pytest.importorskip("open_clip")
    small = open_clip.CLIP(
        embed_dim=32,
        vision_cfg={"image_size": 64, "patch_size": 16, "width": 64, "layers": 7, "head_width": 64},
        text_cfg={"width": 64, "heads": 1, "layers": 2},
        quick_gelu=True,
    ).eval()
    model = SpatialCLIP.from_open_clip(small)
    tokens, image = Tokenizer()(["a frog", "a lion in the grass"]), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert_relatively_near(model.encode_text(tokens), small.encode_text(tokens), within=1e-4)
        assert_relatively_near(model.encode_image(image)[:, 0], small.encode_image(image), within=1e-4)


def test_unknown_open_clip_name_is_explained():
    pytest.importorskip("open_clip")
    with pytest.raises(UserError, match="ViT-B-16-quickgelu"):
        SpatialCLIP.from_open_clip("ViT-B-16-quickgel", None)


def test_weights_out_of_reach_are_told(monkeypatch):
    open_clip = pytest.importorskip("open_clip")

    def fail(*_, **__):
        raise RuntimeError("Failed to download weights\nwith details")

    monkeypatch.setattr(open_clip, "create_model", fail)
    with pytest.raises(UserError, match=r"'openai' .Failed to download weights.*state dict in OpenAI's layout"):
        SpatialCLIP.from_open_clip("ViT-B-16-quickgelu", "openai")
