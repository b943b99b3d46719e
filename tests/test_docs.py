"""The worked examples of docs/ are taken from their pages and run; tables that repeat the code are compared with it."""

import csv
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tool_runner import run_tool

import sparsevision.methods
from sparsevision.datasets.points.settings import ViewSettings
from sparsevision.datasets.transforms import LoadImage
from sparsevision.methods.cpcm.presets import PRESETS as CPCM_PRESETS
from sparsevision.methods.focus_detr.presets import PRESETS as FOCUS_DETR_PRESETS
from sparsevision.methods.gensam.presets import PRESETS, GenSAMOptions
from sparsevision.methods.spin_nerf.presets import PRESETS as SPIN_NERF_PRESETS
from sparsevision.registry import MODELS
from sparsevision.synthetic.camouflage_set import CamouflageSetSettings, write_camouflage_set
from sparsevision.utils import configs_dir

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


def test_the_presets_of_cpcm_are_those_of_the_page():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", (DOCS / "cpcm.md").read_text(), re.MULTILINE)
    shown = {name: (published == "True", fixed == "True") for name, published, fixed in rows}
    published, fixed = (vars(CPCM_PRESETS[name]) for name in ("published", "fixed"))
    views = ViewSettings(voxel_size=0.05)
    changed = {name: (value, vars(views.fixed())[name]) for name, value in vars(views).items()}
    assert shown == {name: (value, fixed[name]) for name, value in published.items()} | {
        name: values for name, values in changed.items() if values[0] != values[1]
    }


def test_the_presets_of_spin_nerf_are_those_of_the_page():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", (DOCS / "spin_nerf.md").read_text(), re.MULTILINE)
    shown = {name: (published == "True", fixed == "True") for name, published, fixed in rows}
    published, fixed = (vars(SPIN_NERF_PRESETS[name]) for name in ("published", "fixed"))
    assert shown == {name: (value, fixed[name]) for name, value in published.items()}


def test_the_presets_of_focus_detr_are_those_of_the_page():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", (DOCS / "focus_detr.md").read_text(), re.MULTILINE)
    published, fixed = (vars(FOCUS_DETR_PRESETS[name]) for name in ("published", "fixed"))
    assert [(name, one, other) for name, one, other in rows] == [
        (name, str(value), str(fixed[name])) for name, value in published.items()
    ]


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


@pytest.fixture
def example_method(tmp_path, monkeypatch):
    """The files of add_a_method.md in a folder that Python and the configs take for part of the repository."""
    for name, content in files_of("add_a_method.md").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    shutil.copytree(configs_dir() / "_base_", tmp_path / "configs" / "_base_")
    methods = tmp_path / "sparsevision" / "methods"
    monkeypatch.setattr(sparsevision.methods, "__path__", [*sparsevision.methods.__path__, str(methods)])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("sparsevision.methods.pixel_classifier")]:
        del sys.modules[name]
    MODELS.module_dict.pop("PixelClassifier", None)


def test_the_example_of_a_method_trains_and_predicts(example_method):
    data = example_method / "data"
    write_camouflage_set(data, CamouflageSetSettings(train=4, test=2, size=48))
    (config,) = (example_method / "configs" / "pixel_classifier").glob("*.py")
    work_dir = example_method / "work_dirs"
    options = [f"{loader}_dataloader.dataset.data_root={data}" for loader in ("train", "test")]
    arguments = ["--work-dir", work_dir, "--cfg-options", *options, "train_cfg.max_epochs=2"]
    assert run_tool("train.py", config, *arguments).code == 0
    tested = run_tool("test.py", config, work_dir / "epoch_2.pth", "--show-dir", work_dir / "shown", *arguments)
    assert tested.code == 0
    assert len(list((work_dir / "shown").rglob("*.png"))) == 2


def test_the_test_of_the_example_passes(example_method):
    (path,) = (example_method / "tests" / "test_methods").glob("*.py")
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    names["test_unlabelled_images_give_no_gradient_and_predictions_fit"]()
