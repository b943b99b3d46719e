"""Prompts: CLIP's encoder from a folder in the layout of Stable Diffusion, and hashed words."""

import json

import pytest
import torch

from sparsevision.methods.motion_i2v import CLIPText, HashedText, StoredCLIPText
from sparsevision.utils import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A text encoder with random weights and a vocabulary of letters."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("model")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(letter + "</w>" for letter in letters), "ab</w>", "<|startoftext|>", "<|endoftext|>"]
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\na b</w>\n")
    (folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
    config = transformers.CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=len(words) - 2,
        eos_token_id=len(words) - 1,
    )
    torch.manual_seed(0)
    transformers.CLIPTextModel(config).save_pretrained(folder / "text_encoder")
    return folder


def test_clip_gives_one_row_a_token_of_each_prompt(folder):
    text = CLIPText.from_folder(folder)
    embedded = text(["a cat", "", "a dog"])
    assert embedded.shape == (3, 77, 8)
    assert text.channels == 8
    assert torch.allclose(embedded[2:], text(["a dog"]), atol=1e-6)
    assert not torch.allclose(embedded[0], embedded[2], atol=1e-3)
    assert text(["abcdefghijk " * 40]).shape == (1, 77, 8)
    assert not any(value.requires_grad for value in text.parameters())


def test_a_stored_encoder_follows_the_model_and_is_not_in_its_checkpoint(folder, monkeypatch):
    text = StoredCLIPText(weights=folder, channels=8)
    model = torch.nn.Sequential(text).train()
    assert torch.allclose(text(["a cat"]), CLIPText.from_folder(folder)(["a cat"]), atol=1e-6)
    assert not model.state_dict()
    assert not list(model.parameters())
    encoder = text._read[0]
    assert not encoder.train().encoder.training
    places = []
    monkeypatch.setattr(encoder, "to", lambda place: places.append(place) or encoder)
    monkeypatch.setattr(encoder, "forward", lambda prompts: prompts)
    model.to("meta")(["a cat"])
    assert places == [torch.device("meta")]


def test_a_folder_without_an_encoder_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match="tokenizer"):
        CLIPText.from_folder(tmp_path)
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "text_encoder").mkdir()
    with pytest.raises(UserError, match="cannot load"):
        CLIPText.from_folder(tmp_path)


def test_hashed_words_are_the_same_everywhere():
    text = HashedText(channels=4, tokens=3)
    embedded = text(["A red ball", "red", "", "one two three four"])
    assert embedded.shape == (4, 3, 4)
    assert torch.equal(embedded[0, 1], embedded[1, 0])
    assert torch.equal(text(["a RED, ball!"])[0], embedded[0])
    assert not embedded[2].any()
    assert not torch.equal(embedded[0, 0], embedded[0, 1])
