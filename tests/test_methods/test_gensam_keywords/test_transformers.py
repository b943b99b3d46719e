"""BLIP-2 and LLaVA through transformers: tiny random models, written to disk and loaded like the real ones."""

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sparsevision.methods.gensam.keywords import Blip2Keywords, Keywords, LlavaKeywords
from sparsevision.methods.gensam.keywords.llava import PREAMBLE, llava_prompt
from sparsevision.utils import UserError

from .tiny_models import save_tiny_blip2, save_tiny_llava

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def blip2_folder(tmp_path_factory):
    return str(save_tiny_blip2(tmp_path_factory.mktemp("blip2")))


@pytest.fixture(scope="module")
def llava_folder(tmp_path_factory):
    return str(save_tiny_llava(tmp_path_factory.mktemp("llava")))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (20, 44, 3), np.uint8)


def spy_on_generate(source, monkeypatch):
    """The keyword arguments of every call of the model's `generate`."""
    calls = []
    generate = source._loaded.model.generate

    def recorded(**arguments):
        calls.append(arguments)
        return generate(**arguments)

    monkeypatch.setattr(source._loaded.model, "generate", recorded)
    return calls


def decoded(source, call):
    return source._loaded.processor.tokenizer.decode(call["input_ids"][0])


def test_blip2_asks_with_the_published_settings(blip2_folder, image, monkeypatch):
    source = Blip2Keywords(model_name=blip2_folder, max_new_tokens=5, device="cpu")
    calls = spy_on_generate(source, monkeypatch)
    words = source(image, "TheCamo")
    assert isinstance(words, Keywords)
    assert 2 <= len(calls) <= 3
    tokenizer = source._loaded.processor.tokenizer
    for call in calls:
        assert (call["num_beams"], call["do_sample"], call["min_new_tokens"]) == (5, False, 1)
        assert call["eos_token_id"] == tokenizer("\n", add_special_tokens=False)["input_ids"][0]
        assert call["pixel_values"].shape == (1, 3, 224, 224)
    assert decoded(source, calls[0]).replace("<image>", "").strip() in ("", "<s>")
    assert decoded(source, calls[1]).endswith("Question: Name of the camouflaged animal in one word. Answer:")


def test_blip2_is_deterministic_and_never_truncates(blip2_folder, image, monkeypatch):
    source = Blip2Keywords(model_name=blip2_folder, max_new_tokens=3, device="cpu")
    assert source.deterministic
    calls = spy_on_generate(source, monkeypatch)
    question = "word " * 60
    assert source.answer(image, question) == source.answer(image, question)
    assert decoded(source, calls[0]).endswith(question)


def test_an_answer_holds_nothing_of_the_prompt(blip2_folder, llava_folder, image):
    blip2 = Blip2Keywords(model_name=blip2_folder, max_new_tokens=3, device="cpu")
    llava = LlavaKeywords(model_name=llava_folder, max_new_tokens=3, device="cpu", temperature=0)
    assert len(blip2.answer(image, "Question: a long question. Answer:")) <= 3
    assert len(llava.answer(image, [], "a long question")) <= 3


def test_llava_prompt_is_the_template_llava_v1():
    assert llava_prompt([], "What?") == f"{PREAMBLE} USER: <image>\nWhat? ASSISTANT:"
    assert llava_prompt([("What?", "A cat.")], "Where?") == (
        f"{PREAMBLE} USER: <image>\nWhat? ASSISTANT: A cat.</s>USER: Where? ASSISTANT:"
    )


def test_llava_holds_a_chat_of_three_turns(llava_folder, image, monkeypatch):
    source = LlavaKeywords(model_name=llava_folder, max_new_tokens=3, device="cpu")
    calls = spy_on_generate(source, monkeypatch)
    source(image, "TheCamo")
    assert [decoded(source, call).count("USER:") for call in calls] == [1, 2, 3]
    assert all(call["do_sample"] and call["temperature"] == 0.2 for call in calls)
    assert all(int((call["input_ids"] == source._loaded.model.config.image_token_id).sum()) == 4 for call in calls)


def test_llava_samples_differ_and_can_be_repeated(llava_folder, image):
    source = LlavaKeywords(model_name=llava_folder, max_new_tokens=4, device="cpu", temperature=1.0)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = source.sample(image, "TheCamo", 3)
    assert torch.equal(torch.get_rng_state(), before), "the run's own random numbers must not move"
    assert first[0] != first[1] != first[2]
    assert source.sample(image, "TheCamo", 3) == first
    assert source(image, "TheCamo") == first[0]
    assert LlavaKeywords(model_name=llava_folder, temperature=0).deterministic


def test_llava_shows_the_centre_or_the_whole_image(llava_folder, monkeypatch):
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, :10] = 255  # visible only if the image's end is
    seen = {}
    for pad in (False, True):
        source = LlavaKeywords(
            model_name=llava_folder, max_new_tokens=1, device="cpu", pad_to_square=pad, temperature=0
        )
        calls = spy_on_generate(source, monkeypatch)
        source(image, "TheCamo")
        seen[pad] = float(calls[0]["pixel_values"].max())
    assert seen[False] < 0 < seen[True]


@pytest.mark.parametrize(("source", "kind"), [(Blip2Keywords, "BLIP-2"), (LlavaKeywords, "LLaVA")])
def test_a_model_that_is_not_there(source, kind, image, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in (str(tmp_path), "nobody/nothing-of-this-name"):
        with pytest.raises(UserError, match=rf"{kind} keywords cannot load '{name}'.*model_name") as caught:
            source(model_name=name, device="cpu")(image)
        assert "\n" not in str(caught.value)


def test_a_model_of_another_kind(llava_folder, image):
    with pytest.raises(UserError, match="not a complete Blip2ForConditionalGeneration"):
        Blip2Keywords(model_name=llava_folder, device="cpu")(image)


def test_without_transformers(image, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"BLIP-2 keywords needs.*sparsevision\[sam\]"):
        Blip2Keywords()(image)


def test_weights_are_read_from_safetensors_alone(image, tmp_path):
    folder = save_tiny_llava(tmp_path)
    (folder / "model.safetensors").rename(tmp_path / "kept")
    torch.save(load_file(tmp_path / "kept"), folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"cannot load .*safetensors"):
        LlavaKeywords(model_name=str(folder), device="cpu")(image, "TheCamo")


def test_an_unknown_type_of_numbers_is_named_with_the_choices(llava_folder, image):
    with pytest.raises(UserError, match=r"dtype 'float17' .* auto, float16, bfloat16, float32.* 'float16'"):
        LlavaKeywords(model_name=llava_folder, device="cpu", dtype="float17")(image, "TheCamo")
