"""Tokens, the template ensemble and its cache."""

import numpy as np
import pytest
import torch
from closeness import assert_relatively_near

from sparsevision.methods.gensam.network import SpatialCLIP
from sparsevision.methods.gensam.text import TextEnsemble, Tokenizer, prompt_templates
from sparsevision.utils import UserError


@pytest.fixture
def ensemble(clip):
    return TextEnsemble(clip=clip, tokenizer=Tokenizer(), templates=("a {}.", "the {}."))


def count_encoded(ensemble, monkeypatch):
    encoded = []
    encode = ensemble.encode
    monkeypatch.setattr(ensemble, "encode", lambda words: encoded.extend(words) or encode(words))
    return encoded


@pytest.mark.parametrize(("name", "texts"), [("tokens_foreground", "foreground_words"), ("tokens_odd", "odd_strings")])
def test_tokens(golden, name, texts):
    tokens = Tokenizer()(golden["json"][texts])
    np.testing.assert_array_equal(tokens, golden[f"clip/{name}"])


def test_too_long_a_text_is_refused():
    with pytest.raises(UserError, match=r"82 tokens.*at most 77"):
        Tokenizer()(["frog " * 80])


def test_templates_are_85_and_distinct():
    templates = prompt_templates()
    assert len(templates) == len(set(templates)) == 85
    assert all("{}" in template for template in templates)


def test_ensemble(clip, golden):
    ensemble = TextEnsemble(clip=clip)
    for words, key in (
        (golden["json"]["foreground_words"], "text_foreground"),
        (golden["json"]["background_words"], "text_background"),
        ([""], "text_empty"),
    ):
        assert_relatively_near(ensemble(words), golden[f"clip/{key}"], within=1e-5)


def test_a_word_is_encoded_once_and_repetitions_keep_their_place(ensemble, monkeypatch):
    encoded = count_encoded(ensemble, monkeypatch)
    out = ensemble(["lion", "cat", "lion"])
    assert encoded == ["lion", "cat"]
    assert torch.equal(out[0], out[2])
    assert not torch.equal(out[0], out[1])
    assert torch.equal(ensemble(["cat", "lion"]), out[[1, 0]])
    assert encoded == ["lion", "cat"]


def test_memory_keeps_the_last_words_only(clip, monkeypatch):
    ensemble = TextEnsemble(clip=clip, templates=("a {}.",), cache_words=1)
    encoded = count_encoded(ensemble, monkeypatch)
    assert ensemble(["lion", "cat"]).shape == (2, 32)
    ensemble(["cat"])
    ensemble(["lion"])
    assert encoded == ["lion", "cat", "lion"]


def test_disk_cache_survives_and_a_broken_file_is_replaced(clip, tmp_path, monkeypatch):
    def fresh():
        return TextEnsemble(clip=clip, templates=("a {}.",), cache_dir=tmp_path)

    first = fresh()(["lion"])
    again = fresh()
    encoded = count_encoded(again, monkeypatch)
    assert torch.equal(again(["lion"]), first)
    assert encoded == []
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(b"\x93NUMPY broken")
    with pytest.warns(UserWarning, match="encoded again"):
        assert torch.equal(fresh()(["lion"]), first)
    assert torch.equal(fresh()(["lion"]), first)


def test_disk_cache_knows_templates_and_weights_apart(golden_state, tmp_path):
    model = SpatialCLIP.from_state_dict(golden_state)
    one = TextEnsemble(clip=model, templates=("a {}.",), cache_dir=tmp_path)
    other = TextEnsemble(clip=model, templates=("the {}.",), cache_dir=tmp_path)
    before = one.fingerprint
    assert before != other.fingerprint
    first = one(["lion"])
    model.load_state_dict(dict(golden_state, text_projection=golden_state["text_projection"].flip(1)))
    assert one.fingerprint != before
    assert torch.allclose(one(["lion"]), first.flip(1), atol=1e-6)


def test_a_cache_that_cannot_be_written_is_only_a_warning(clip, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    ensemble = TextEnsemble(clip=clip, templates=("a {}.",), cache_dir=tmp_path / "file")
    with pytest.warns(UserWarning, match="not cached"):
        assert ensemble(["lion"]).shape == (1, 32)
