"""The site builds without a warning; pages of methods are siblings; quoted messages are those of the code."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest
from doc_pages import FENCE
from test_architecture import TIERS
from tool_runner import ROOT

DOCS = ROOT / "docs"
METHODS = ("gensam", "ev_wsss", "cpcm", "spin_nerf", "focus_detr", "motion_i2v", "sparse_segmentation")
HEADINGS = [
    "What it does",
    "Prepare the data",
    "Train",
    "Test",
    "Infer",
    "Convert official weights",
    "Fidelity",
    "Presets",
    "Where we differ",
]
ROWS = json.loads((ROOT / "tools" / "analysis_tools" / "fidelity_table.json").read_text())


def test_the_site_builds_without_a_warning_and_asks_nothing_of_the_network(tmp_path):
    pytest.importorskip("mkdocs", reason='the site needs `pip install ".[docs]"`')
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")]
    assert len(pages) > 30
    assert not [found for page in pages for found in re.findall(r'(?:src|<link [^>]*href)="https?://[^"]+', page)]
    assert 'class="needs"' in (tmp_path / "gensam.html").read_text()


@pytest.mark.parametrize("method", METHODS)
def test_the_pages_of_the_methods_have_the_same_headings(method):
    text = FENCE.sub("", (DOCS / f"{method}.md").read_text(encoding="utf-8"))
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[: len(HEADINGS)] == HEADINGS


@pytest.mark.parametrize("method", ROWS)
def test_the_fidelity_table_has_every_row(method):
    text = (DOCS / f"{method}.md").read_text(encoding="utf-8")
    table = text.split("<!-- fidelity:begin -->")[1].split("<!-- fidelity:end -->")[0]
    assert re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[2:] == list(ROWS[method].values())
    for test in ROWS[method]:
        path, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), test


def strings_of_the_code() -> str:
    """Every string of the package, each f-string with {} for its values."""
    texts = []
    for path in (ROOT / "sparsevision").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def test_the_messages_of_the_troubleshooting_page_are_those_of_the_code():
    quoted = re.findall(r"^\| `(.+?)` \|", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    code = strings_of_the_code()
    assert len(quoted) > 15
    assert not [message for message in quoted if message not in code]


def test_the_floors_of_the_concepts_page_are_in_the_order_of_the_house():
    table = (DOCS / "concepts.md").read_text(encoding="utf-8").split("## Who imports whom")[1]
    rows = [re.findall(r"`([\w.]+)`", row) for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)]
    heights = [[height for height, tier in enumerate(TIERS) if part in tier] for row in rows for part in row]
    assert all(heights)
    assert heights == sorted(heights)
