"""docs/sparse_annotations.md is a program: its snippets run, from top to bottom, in an empty folder."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "sparse_annotations.md"


def test_the_page_runs(tmp_path, monkeypatch, capsys):
    snippets = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(snippets) == 15
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(snippets), PAGE.name, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    expected = re.search(r"print\(error\)  # (.*)", PAGE.read_text()).group(1)
    assert printed[0] == expected
    assert re.search(r"^# (\{'official'.*)", PAGE.read_text(), re.MULTILINE).group(1) in printed
