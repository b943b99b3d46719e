"""Sources without a language model, and the cache."""

import json
import threading

import numpy as np
import pytest

from sparsevision.methods.gensam.keywords import (
    CachedKeywords,
    GenericPrompt,
    JsonKeywords,
    Keywords,
    KeywordSource,
    image_hash,
)
from sparsevision.registry import MODELS
from sparsevision.utils import UserError


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)


class Counting(KeywordSource):
    """Says how often it was asked."""

    identity = "counting"

    def __init__(self, *, deterministic):
        self.deterministic = deterministic
        self.calls = 0

    def draw(self, image, prompt_set, index, name):
        self.calls += 1
        return Keywords((f"{prompt_set} {index}",), ("leaves",))


def test_generic_prompt(image):
    words = GenericPrompt()(image, "TheCamo")
    assert words == Keywords(("camouflaged animal",), ("environment",))
    assert len(GenericPrompt()(image).foreground) == 3


def test_sampling_asks_a_deterministic_source_once(image):
    fixed, noisy = Counting(deterministic=True), Counting(deterministic=False)
    assert fixed.sample(image, "p", 6) == [Keywords(("p 0",), ("leaves",))] * 6
    assert [words.foreground for words in noisy.sample(image, "p", 3)] == [("p 0",), ("p 1",), ("p 2",)]
    assert (fixed.calls, noisy.calls) == (1, 3)


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_json_by_stem_by_hash_and_by_fallback(tmp_path, image):
    path = write(
        tmp_path / "words.json",
        {"lion": {"foreground": ["lion"], "background": ["grass"]}, image_hash(image): {"foreground": ["owl"]}},
    )
    source = JsonKeywords(path=path)
    assert source(image, name="lion") == Keywords(("lion",), ("grass",))
    assert source(image, name="other") == source(image) == Keywords(("owl",))
    assert JsonKeywords(path=path, fallback=GenericPrompt())(image[:4]) == GenericPrompt()(image[:4])
    with pytest.raises(UserError, match=r"no entry for image 'lionn'.*Did you mean 'lion'"):
        source(image[:4], name="lionn")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ([], "expected an object"),
        ({"a": 3}, "entry 'a': expected"),
        ({"a": {"forground": ["x"]}}, "unknown field 'forground'. Did you mean 'foreground'"),
        ({"a": {"background": ["x"]}}, "entry 'a'.*'foreground' needs at least one word"),
        ({"a": {"foreground": "lion"}}, "entry 'a'.*'foreground' must be a list"),
        ({"a": {"foreground": ["x"], "background": [1]}}, "entry 'a'.*'background' must be a list"),
        ({"a": {"foreground": 5}}, "entry 'a'.*'foreground' must be a list"),
    ],
)
def test_malformed_json_names_file_entry_and_field(tmp_path, content, message):
    path = write(tmp_path / "words.json", content)
    with pytest.raises(UserError, match=message) as caught:
        JsonKeywords(path=path)
    assert str(path) in str(caught.value)


def test_missing_json_file(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*words\.json"):
        JsonKeywords(path=tmp_path / "words.json")


def test_cache_answers_from_disk(tmp_path, image):
    source = Counting(deterministic=False)
    cached = CachedKeywords(source=source, path=tmp_path)
    first = cached.sample(image, "p", 2)
    again = CachedKeywords(source=source, path=tmp_path)
    assert again.sample(image, "p", 2) == first
    assert (source.calls, cached.misses, again.hits) == (2, 2, 2)
    again(image, "q")
    again(image[:4], "p")
    assert source.calls == 4
    assert not list(tmp_path.rglob("*.tmp"))


def test_cache_separates_names_only_where_they_matter(tmp_path, image):
    path = write(tmp_path / "words.json", {"a": {"foreground": ["ant"]}, "b": {"foreground": ["bee"]}})
    cached = CachedKeywords(source=JsonKeywords(path=path), path=tmp_path / "cache")
    for _ in range(2):
        assert cached(image, name="a").foreground == ("ant",)
        assert cached(image, name="b").foreground == ("bee",)
    counting = CachedKeywords(source=Counting(deterministic=True), path=tmp_path / "cache")
    counting(image, name="a")
    counting(image, name="b")
    assert (counting.misses, counting.hits) == (1, 1)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"image": "another"}'])
def test_a_damaged_cache_file_is_asked_for_again(tmp_path, image, damage):
    source = Counting(deterministic=True)
    cached = CachedKeywords(source=source, path=tmp_path)
    words = cached(image)
    (file,) = tmp_path.rglob("*.json")
    file.write_text(damage)
    assert cached(image) == words
    assert cached(image) == words
    assert source.calls == 2


def test_failures_are_not_cached(tmp_path, image):
    class Failing(Counting):
        def draw(self, image, prompt_set, index, name):
            if self.calls == 0:
                self.calls += 1
                raise UserError("busy")
            return super().draw(image, prompt_set, index, name)

    cached = CachedKeywords(source=Failing(deterministic=True), path=tmp_path)
    with pytest.raises(UserError, match="busy"):
        cached(image)
    assert cached(image).background == ("leaves",)


def test_cache_shared_by_threads(tmp_path, image):
    results = []

    def work():
        cached = CachedKeywords(source=Counting(deterministic=True), path=tmp_path)
        results.extend(cached(image, "p") for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [Keywords(("p 0",), ("leaves",))] * 80


def test_an_unwritable_cache_says_so(tmp_path, image):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the keywords cache"):
        CachedKeywords(source=GenericPrompt(), path=tmp_path / "file")(image)


def test_sources_build_from_configs(tmp_path, image):
    source = MODELS.build(
        {"type": "sparsevision.CachedKeywords", "source": {"type": GenericPrompt}, "path": str(tmp_path)}
    )
    assert source(image) == GenericPrompt()(image)
    assert repr(source) == "CachedKeywords(generic)"
