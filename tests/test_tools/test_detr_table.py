"""tools/analysis_tools/detr_table.py at a small size: costs of several detectors, and precision of a checkpoint."""

import json

import pytest
from mmengine.config import Config
from tiny_coco import write_tiny_coco
from tool_runner import run_tool

from sparsevision.apis.example import build_example
from sparsevision.engine import save_checkpoint
from sparsevision.utils import find_config

TOOL = "analysis_tools/detr_table.py"
SMALL = ("--size", 64, 80, "--rounds", 1, "--threads", 1)


def small_config(folder, **model):
    """A tiny detector of two classes on three pictures, with random weights; returns config and checkpoint."""
    cfg = Config.fromfile(find_config("tiny_focus_detr_lite0_boxes_4e_shapes"))
    cfg.model.update(num_classes=2, num_queries=10, object_tokens=10, **model)
    cfg.model.backbone.pretrained = None
    cfg.test_dataloader.dataset.update(write_tiny_coco(folder), num_classes=2)
    cfg.dump(folder / "small.py")
    save_checkpoint({"state_dict": build_example(cfg, size=(64, 80)).model.state_dict()}, folder / "small.pth")
    return f"{folder / 'small.py'}={folder / 'small.pth'}"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    page = folder / "page.md"
    page.write_text("above\n<!-- detr_table:begin -->\n<!-- detr_table:end -->\nbelow\n")
    detectors = [small_config(folder), "tiny_dino_lite0_boxes_4e_shapes"]
    outputs = ("--out", folder / "figures.json", "--readme", page)
    run = run_tool(TOOL, *detectors, "--keep-ratios", 0.2, 1.0, *SMALL, *outputs)
    assert run.code == 0, run.err
    return json.loads((folder / "figures.json").read_text()), page.read_text()


def test_a_row_for_each_ratio_and_one_for_a_dense_detector(told):
    rows = [line for line in told[1].splitlines() if line.startswith("| ")]
    assert [row.split(" |")[0] for row in rows] == [
        *("| detector", "| ---"),
        *("| small, keep 0.2", "| small, keep 1", "| tiny_dino_lite0_boxes_4e_shapes"),
    ]
    assert rows[0] == "| detector | AP | AP50 | encoder GMAC | GMAC | ms |"


def test_less_tokens_cost_less(told):
    found = {(figure["work"], figure["name"]): figure["value"] for figure in told[0]}
    few, many = (found["encoder GMAC", f"small, keep {ratio}"] for ratio in ("0.2", "1"))
    assert few < many < found["encoder GMAC", "tiny_dino_lite0_boxes_4e_shapes"]
    assert all(value > 0 for (work, _), value in found.items() if work == "ms")


def test_precision_is_measured_where_there_are_weights(told):
    precise = [figure for figure in told[0] if figure["work"] in ("AP", "AP50")]
    assert {figure["name"] for figure in precise} == {"small, keep 0.2", "small, keep 1"}
    assert all(0 <= figure["value"] <= 100 for figure in precise)


@pytest.mark.parametrize(
    ("detector", "word"),
    [
        ("tiny_dino_lite0_boxes_4e_shapes=none.pth", "none.pth"),
        ("tiny_gensam_mobilesam_conse", "none of the detectors"),
    ],
)
def test_what_cannot_be_measured_is_told(detector, word):
    run = run_tool(TOOL, detector, *SMALL)
    assert run.code != 0
    assert word in run.err
