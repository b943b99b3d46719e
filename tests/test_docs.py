"""The worked examples of docs/ are taken from their pages and run; tables that repeat the code are compared with it."""

import csv
import re
from pathlib import Path

import numpy as np
from PIL import Image

from sparsevision.datasets.transforms import LoadImage
from sparsevision.methods.gensam.presets import PRESETS, GenSAMOptions

DOCS = Path(__file__).resolve().parent.parent / "docs"
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """Path -> content of the blocks that a page marks as files."""
    return dict(FILE.findall((DOCS / page).read_text(encoding="utf-8")))


def test_the_presets_of_gensam_are_those_of_the_page():
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| `(.+?)` \|", (DOCS / "gensam.md").read_text(), re.MULTILINE)
    shown = {name: (published, fixed) for name, published, fixed in rows}
    defaults = GenSAMOptions()
    assert shown == {name: (str(getattr(defaults, name)), str(value)) for name, value in PRESETS["fixed"].items()}


def test_the_example_of_a_data_set(tmp_path):
    names = {}
    exec(compile(files_of("add_a_dataset.md")["leaves.py"], "leaves.py", "exec"), names)
    Image.fromarray(np.zeros((32, 48, 3), np.uint8)).save(tmp_path / "plot_01.png")
    with (tmp_path / "clicks.csv").open("w", newline="") as file:
        rows = [("file", "x", "y", "class"), ("plot_01.png", 14, 20, "leaf"), ("plot_01.png", 40, 9, "soil")]
        csv.writer(file).writerows(rows)
    dataset = names["LeafDataset"](folder=str(tmp_path), pipeline=[LoadImage(), names["DrawClicks"]()])
    labels = dataset[0]["sparse_sem_seg"]
    assert len(dataset) == 1
    assert (labels[20, 14], labels[9, 40], (labels != 255).sum()) == (1, 0, 2)


def test_the_example_of_a_method_is_short():
    lines = "\n".join(files_of("add_a_method.md").values()).splitlines()
    assert len(lines) < 150
