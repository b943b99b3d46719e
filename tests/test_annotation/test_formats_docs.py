"""The Python of docs/annotation_formats.md is one program, and its table of foreign shapes is what the readers know."""

import re
from pathlib import Path

from sparsevision.annotation.formats import cvat_read, labelme

PAGE = (Path(__file__).parents[2] / "docs" / "annotation_formats.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), "annotation_formats.md", "exec"), {})
    assert "[13.0, 7.5]" in (tmp_path / "labelme" / "moth.json").read_text()


def test_every_shape_that_is_read_is_named():
    words = set(re.findall(r"\w+", PAGE))
    for kind in {*labelme.SHAPES, *cvat_read.SHAPES}:
        assert {kind, kind + "s"} & words, kind
