"""The prompt sets of the released code."""

import pytest

from sparsevision.methods.gensam.keywords import prompt_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TheCamo", ("camouflaged animal",)),
        ("TheShadow", ("shadow",)),
        ("TheGlass", ("glass",)),
        ("ThePolyp", ("polyp",)),
        ("3attriTheBgSynCamo", ("camouflaged animal", "disguised animal", "hidden animal")),
        ("3ThePolypSyn2", ("polyp", "tumor", "growth")),
    ],
)
def test_words_of_a_prompt_set(name, words):
    assert prompt_words(name) == words
