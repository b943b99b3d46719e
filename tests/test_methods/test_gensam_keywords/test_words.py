"""Prompt sets, clean-up rules and chains of thought, against the released code's recorded behaviour."""

import json
from pathlib import Path

import pytest

from sparsevision.methods.gensam.keywords import (
    PROMPT_SETS,
    Keywords,
    blip_keywords,
    clean_answer,
    llava_keywords,
    prompt_words,
)
from sparsevision.utils import UserError

GOLDEN = Path(__file__).parents[2] / "golden" / "gensam" / "gensam.json"
BLIP_ANSWERS = json.loads(GOLDEN.read_text())["blip_answers"]


@pytest.mark.parametrize("case", BLIP_ANSWERS)
def test_blip_chains_equal_the_released_code(case):
    golden = BLIP_ANSWERS[case]
    answers = iter(golden["answers"])
    prompts = []

    def ask(prompt):
        prompts.append(prompt)
        return next(answers)

    words = blip_keywords(golden["caption"], ask)
    assert list(words.foreground) == golden["foreground"]
    assert list(words.background) == golden["background"]
    assert len(prompts) == golden["answers_used"]


def test_blip_prompts_have_the_published_wording():
    prompts = []
    blip_keywords("a lion - in grass", lambda prompt: prompts.append(prompt) or "lion", ["hidden animal"])
    context = "Question: Image caption. Answer: a lion ."
    question = "Question: Name of the hidden animal in one word. Answer:"
    assert prompts == [
        f"{context} {question}",
        f"{context} {question}lion. Question: Name of the environment of the hidden animal in one word. Answer:",
    ]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("Lion", "Lion"),
        ("Lion.", "Lion"),
        ("  Lion.", "Lion"),
        ('The animal is called "Lion" here.', "Lion"),
        ('The animal is a "big cat".', "big cat"),
        ('"Lion" is a cat.', "cat"),
        ('The word is "Lion', "Lion"),
        ("The hidden animal is an owl.", "owl"),
        ("The hidden animal is a frog.</s>", "frog"),
        ("It is a frog. It is a toad.", "frog. It"),
        ("Grass.<|im_end|>", "Grass"),
        ("Grass<im_end>", "Grass"),
        ("e.g. bark..", "e.g. bark."),
        ("", ""),
        (".", ""),
        ('The ""', ""),
    ],
)
def test_llava_answers(answer, word):
    assert clean_answer(answer, "llava") == word


@pytest.mark.parametrize(
    ("answer", "style", "word"),
    [
        ("tree-frog", "blip", "tree"),
        ("the animal's pond", "blip", "the animals pond"),
        ("bark Question: what", "blip", "bark "),
        ("savanna. yes", "blip", "savanna"),
        ("savanna. yes", "blip_foreground", "savanna. yes"),
        (".leading", "blip", ""),
    ],
)
def test_blip_answers(answer, style, word):
    assert clean_answer(answer, style) == word


def test_unknown_style_names_the_closest():
    with pytest.raises(UserError, match="'llava'"):
        clean_answer("lion", "lava")


def chat_with(answers):
    """A scripted model, and the (turns before, question) pairs that it was given."""
    script, log = iter(answers), []

    def ask(history, question):
        log.append((len(history), question))
        return next(script)

    return ask, log


def test_llava_chat_has_three_turns_and_starts_anew_for_each_word():
    ask, log = chat_with(["A lion in grass.", "Lion.", "It is a savanna.", "A cat.", "Lion", "lion"])
    words = llava_keywords(ask, ["camouflaged animal", "hidden animal"])
    assert words == Keywords(("Lion", "Lion"), ("savanna",))
    assert log == [
        (0, "This image is from camouflaged animal detection task, describe the camouflaged animal in one sentence"),
        (1, "Name of the camouflaged animal in one word."),
        (2, "Name of the environment of the camouflaged animal in one word."),
        (0, "This image is from hidden animal detection task, describe the hidden animal in one sentence"),
        (1, "Name of the hidden animal in one word."),
        (2, "Name of the environment of the hidden animal in one word."),
    ]


def test_llava_history_keeps_raw_answers():
    histories = []

    def ask(history, question):
        histories.append([answer for _, answer in history])
        return "It is a frog."

    llava_keywords(ask, ["hidden animal"])
    assert histories[-1] == ["It is a frog.", "It is a frog."]


def test_llava_fallbacks():
    ask, _ = chat_with(["", "Owl", "owl"])
    assert llava_keywords(ask, ["a", "b"], with_caption=False) == Keywords(("Owl",), ("background",))
    ask, _ = chat_with(["", "."])
    assert llava_keywords(ask, ["a", "b"], with_caption=False) == Keywords(("a", "b"), ("background",))


def test_llava_with_generic_foreground_asks_for_the_background_only():
    ask, log = chat_with(["Grass", "Leaves"])
    words = llava_keywords(ask, ["hidden animal", "insect"], with_caption=False, generic_foreground=True)
    assert words == Keywords(("hidden animal", "insect"), ("Grass", "Leaves"))
    assert [turns for turns, _ in log] == [0, 0]


def test_prompt_sets():
    assert prompt_words("3attriTheBgSynCamo") == ("camouflaged animal", "disguised animal", "hidden animal")
    assert len(PROMPT_SETS) == 16
    with pytest.raises(UserError, match="Did you mean '3attriTheBgSynCamo"):
        prompt_words("3attriTheBgSinCamo")


@pytest.mark.parametrize("words", [(), ("",), "lion", (3,)])
def test_keywords_are_checked(words):
    with pytest.raises(UserError, match="foreground"):
        Keywords(words)
