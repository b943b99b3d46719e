"""Version, changelog, citation and licences agree with each other and with what is installed."""

import configparser
import re
from datetime import date

import pytest
import yaml
from tool_runner import ROOT, load_tool, run_tool

from sparsevision import __version__
from sparsevision.doctor.requirements import requirements
from sparsevision.weights import CATALOGUE

TYPES = {"conference-paper", "article", "software", "generic"}  # of cff 1.2, those that we use


@pytest.fixture(scope="module")
def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def licences():
    return load_tool("misc/licences.py")


def test_the_newest_version_of_the_changelog_is_ours():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert versions[0][0] == __version__
    assert [date.fromisoformat(day) for _, day in versions] == sorted(
        (date.fromisoformat(day) for _, day in versions), reverse=True
    )
    assert "## [Unreleased]" in text
    headings = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Known limits"}


def test_the_citation_has_the_keys_of_cff_1_2(citation):
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == __version__
    assert citation["type"] == "software"
    assert citation["license"] == "Apache-2.0"
    assert citation["message"]
    for work in [citation, *citation["references"]]:
        assert work["title"]
        assert work["type"] in TYPES
        for author in work["authors"]:
            assert set(author) in ({"name"}, {"given-names", "family-names"})
            assert all(isinstance(value, str) and value for value in author.values())
        for identifier in work.get("identifiers", []):
            assert set(identifier) == {"type", "value"}
            assert identifier["type"] in {"doi", "url", "swh", "other"}


def test_the_citation_names_the_papers_of_the_zoo(citation):
    cited = {work["title"]: work["url"] for work in citation["references"]}
    files = sorted((ROOT / "configs").glob("*/metafile.yml"))
    papers = [yaml.safe_load(path.read_text(encoding="utf-8"))["Collections"][0].get("Paper") for path in files]
    assert cited == {paper["Title"]: paper["URL"] for paper in papers if paper}
    assert len(cited) == 6
    for work in citation["references"]:
        assert work["url"].split("/")[-1] == work["identifiers"][0]["value"].removeprefix("arXiv:")


def test_the_metadata_are_those_of_the_licence():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:300]
    assert "sparsevision = sparsevision.console:main" in setup["options.entry_points"]["console_scripts"]


def test_the_page_of_licences_names_every_dependency_with_what_its_metadata_state(licences):
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    shown = licences.table_of(page)
    asked = {one.distribution for own in requirements().values() for one in own} | set(licences.BESIDE)
    assert set(shown) == asked, "run: python tools/misc/licences.py docs/licences.md"
    for name, licence in shown.items():
        stated = licences.licence_of(name)
        assert stated is None or licence.strip("*") == stated, f"{name}: run tools/misc/licences.py docs/licences.md"
    for name, entry in CATALOGUE.items():
        assert f"| {name} | {entry.what} | {entry.licence} |" in page


def test_copyleft_is_bold_and_an_absent_package_keeps_its_licence(licences, monkeypatch):
    monkeypatch.setattr(licences, "dependencies", lambda: {"plyfile": ["points"], "no-such-thing": ["x"], "new": ["y"]})
    rows = {name: licence for name, _, licence in licences.dependency_rows({"no-such-thing": "MIT"})}
    assert rows["plyfile"].startswith("**GNU General Public License")
    assert rows["no-such-thing"] == "MIT"
    assert rows["new"].startswith("not installed")


def test_licences_are_checked_and_written(tmp_path):
    page = tmp_path / "licences.md"
    marks = [f"<!-- {name}:{end} -->" for name in ("packages", "weights") for end in ("begin", "end")]
    page.write_text("\n".join(marks))
    assert run_tool("misc/licences.py", page, "--check").code == 1
    assert run_tool("misc/licences.py", page).code == 0
    assert run_tool("misc/licences.py", page, "--check").code == 0
    assert "| torch | core |" in page.read_text()
